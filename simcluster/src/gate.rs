//! The end of the network in a process: a client whose requests go to the simulation instead
//! of a socket.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{channel::oneshot, future::BoxFuture};
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use kube::{Client, client::Body};
use serde_json::Value;
use tower::BoxError;

use crate::api::{Account, Ask, Verb};

/// A refusal for want of time is asked again so often, as kube's own policy does
/// (`RetryPolicy::server_retry`); that one jitters by a randomness that can't be seeded.
const RETRIES: u32 = 15;
const RETRY_FIRST: Duration = Duration::from_millis(5);
const RETRY_LONGEST: Duration = Duration::from_secs(1000);

/// What an answer is made of: bytes at once, or as they come.
pub type Told = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

/// A request on its way, with the wire on which its answer is awaited.
#[derive(Debug)]
pub struct Sent {
    /// What is asked.
    pub ask: Ask,
    /// Where the answer goes; closed where nobody waits any more.
    pub answer: oneshot::Sender<Result<Told, BoxError>>,
}

/// What a process has sent and the network has not taken yet.
pub type Outbox = Arc<Mutex<Vec<Sent>>>;

/// A client of a process. Must be called within the process' runtime.
pub fn client(outbox: &Outbox, by: Account) -> Client {
    let outbox = outbox.clone();
    Client::new(Gate { outbox, by }, "default")
}

#[derive(Clone)]
struct Gate {
    outbox: Outbox,
    by: Account,
}

impl tower::Service<Request<Body>> for Gate {
    type Response = Told;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Told, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (outbox, by) = (self.outbox.clone(), self.by);
        Box::pin(async move {
            let ask = read(request, by).await?;
            let mut pause = RETRY_FIRST;
            for _ in 0..RETRIES {
                let response = ask_once(&outbox, ask.clone()).await?;
                if !matches!(response.status().as_u16(), 429 | 503 | 504) {
                    return Ok(response);
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_LONGEST);
            }
            ask_once(&outbox, ask).await
        })
    }
}

async fn ask_once(outbox: &Outbox, ask: Ask) -> Result<Told, BoxError> {
    let (answer, response) = oneshot::channel();
    let sent = Sent { ask, answer };
    outbox
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(sent);
    response
        .await
        .unwrap_or_else(|_| Err("connection closed".into()))
}

async fn read(request: Request<Body>, by: Account) -> Result<Ask, BoxError> {
    let verb = match *request.method() {
        Method::GET => Verb::Get,
        Method::POST => Verb::Create,
        Method::PUT => Verb::Replace,
        Method::PATCH => Verb::Patch,
        Method::DELETE => Verb::Delete,
        ref other => return Err(format!("{other} is not simulated").into()),
    };
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let bytes = request.into_body().collect_bytes().await?;
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes)?
    };
    Ok(Ask {
        by,
        verb,
        path,
        query,
        body,
    })
}
