//! What lies between processes and the API server: requests, answers and watches, each on
//! its way until it is due, in an order and with losses that the seed chooses.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use futures::channel::{mpsc, oneshot};
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use serde_json::{Value, json};
use tower::BoxError;

use crate::{
    api::{Answer, Ask, Change, ChangeKind, Kind, has_label},
    gate::Told,
};

/// Which life of which machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The machine's place.
    pub machine: usize,
    /// Its life.
    pub life: u64,
}

/// What happens to a request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives, and so does the answer.
    Fine,
    /// It never arrives; the sender hears of a broken connection.
    Lost,
    /// It is carried out, and the answer is lost.
    AnswerLost,
    /// It is carried out twice, and the second answer is the one that arrives.
    Doubled,
    /// It is refused with that code and not carried out.
    Refused(u16),
    /// It is answered with that code and carried out all the same.
    RefusedDone(u16),
}

/// On its way to the server, or back.
#[derive(Debug)]
pub enum Leg {
    /// To the server.
    There(Ask),
    /// Back; nothing: the connection broke.
    Back(Option<Answer>),
}

/// A request under way.
#[derive(Debug)]
pub struct Flight {
    /// Who sent it.
    pub from: Peer,
    /// When it arrives where it goes.
    pub due: u64,
    /// What becomes of it.
    pub fate: Fate,
    /// Where it is.
    pub leg: Leg,
    /// The wire on which its answer is awaited.
    pub answer: Option<oneshot::Sender<Result<Told, BoxError>>>,
}

/// A watch that is open.
#[derive(Debug)]
pub struct Watch {
    /// Whose.
    pub from: Peer,
    kind: Kind,
    label: Option<String>,
    /// What it has not told yet.
    lines: VecDeque<(Arc<Value>, Vec<u8>)>,
    /// When the next line arrives.
    pub due: u64,
    /// When the server closes it.
    pub ends: u64,
    wire: mpsc::UnboundedSender<Result<Frame<Bytes>, std::io::Error>>,
}

impl Watch {
    /// A watch and the response by which it is told.
    pub fn open(
        from: Peer,
        kind: Kind,
        label: Option<String>,
        now: u64,
        seconds: u64,
    ) -> (Self, Told) {
        let (wire, told) = mpsc::unbounded();
        let watch = Self {
            from,
            kind,
            label,
            lines: VecDeque::new(),
            due: now,
            ends: now + seconds * 1000,
            wire,
        };
        (watch, respond(200, StreamBody::new(told)))
    }

    /// Notes a change that it is to tell.
    pub fn note(&mut self, change: &Change) {
        if change.key.kind != self.kind {
            return;
        }
        let label = self.label.as_deref();
        let is_seen = has_label(&change.object, label);
        let was_seen = change
            .before
            .as_ref()
            .is_some_and(|before| has_label(before, label));
        let kind = match (was_seen, is_seen, change.kind) {
            (_, _, ChangeKind::Deleted) | (true, false, _) if was_seen => "DELETED",
            (true, true, _) => "MODIFIED",
            (false, true, ChangeKind::Added | ChangeKind::Modified) => "ADDED",
            _ => return,
        };
        let mut line = json!({"type": kind, "object": *change.object})
            .to_string()
            .into_bytes();
        line.push(b'\n');
        self.lines.push_back((change.object.clone(), line));
    }

    /// Whether it has something to tell.
    pub fn has_news(&self) -> bool {
        !self.lines.is_empty()
    }

    /// Tells the next line; whether somebody listens.
    pub fn tell(&mut self) -> bool {
        match self.lines.pop_front() {
            Some((_, line)) => self.send(line),
            None => !self.wire.is_closed(),
        }
    }

    /// Tells the next line twice.
    pub fn tell_twice(&mut self) -> bool {
        if let Some((_, line)) = self.lines.front() {
            let line = line.clone();
            self.send(line);
        }
        self.tell()
    }

    /// Tells the next two in the other order where they are of different objects: no server
    /// does, and whoever keeps objects by their name need not care.
    pub fn tell_swapped(&mut self) -> bool {
        let uid = |line: Option<&(Arc<Value>, Vec<u8>)>| {
            line.map(|(object, _)| object["metadata"]["uid"].clone())
        };
        if self.lines.len() >= 2 && uid(self.lines.front()) != uid(self.lines.get(1)) {
            self.lines.swap(0, 1);
            self.tell();
        }
        self.tell()
    }

    /// Breaks it in the middle of a line.
    pub fn tear(&mut self) {
        if let Some((_, mut line)) = self.lines.pop_front() {
            line.truncate(line.len() / 2);
            self.send(line);
        }
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        // Nobody may be listening any more.
        let _ = self.wire.unbounded_send(Err(broken));
    }

    /// Says that it can't go on from where it was.
    pub fn expire(&mut self) {
        let status = crate::api::expired().body;
        let mut line = json!({"type": "ERROR", "object": status})
            .to_string()
            .into_bytes();
        line.push(b'\n');
        self.send(line);
    }

    fn send(&self, line: Vec<u8>) -> bool {
        self.wire
            .unbounded_send(Ok(Frame::data(Bytes::from(line))))
            .is_ok()
    }
}

/// An answer as a response.
pub fn response(answer: &Answer) -> Told {
    let body = Full::new(Bytes::from(answer.body.to_string()));
    respond(answer.code, body.map_err(|never| match never {}))
}

fn respond<B>(code: u16, body: B) -> Told
where
    B: http_body::Body<Data = Bytes, Error = std::io::Error> + Send + 'static,
{
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = http::StatusCode::from_u16(code).unwrap_or_default();
    response
}
