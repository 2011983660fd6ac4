//! Raw requests to the API server as any user: what the rights and isolation tests ask with.
//! One `kubectl proxy` holds the administrator's certificate, each request says on whose
//! behalf it speaks, so that a thousand of them cost no thousand starts of a client. It knows
//! no kind and judges no answer.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use xtask::{cluster::Cluster, tools::Tool};

/// The proxy's name among the cluster's programs.
const PROXY: &str = "kubectl-proxy";
/// Until the proxy listens.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How often a request that got no answer is made. Only for such as may be made twice.
const TRIES: usize = 3;
/// The longest answer of a loaded machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// On whose behalf a request is made.
#[derive(Clone, Debug, Default)]
pub struct Person {
    /// The user's name; empty for the administrator of the cluster.
    pub user: String,
    /// The groups, `system:authenticated` included.
    pub groups: Vec<String>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path with its query.
    pub path: &'a str,
    /// What kind of patch, or JSON.
    pub content_type: &'a str,
    /// The body, if there is one.
    pub body: Option<&'a Value>,
}

impl<'a> Request<'a> {
    /// A read.
    pub fn get(path: &'a str) -> Self {
        Self {
            method: "GET",
            path,
            content_type: "application/json",
            body: None,
        }
    }

    /// A creation.
    pub fn post(path: &'a str, body: &'a Value) -> Self {
        Self {
            method: "POST",
            path,
            content_type: "application/json",
            body: Some(body),
        }
    }
}

/// What the server said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The raw body.
    pub body: String,
}

impl Answer {
    /// Whether the request did what it asked.
    pub fn is_done(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON, null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The server's words for a refusal, else the whole body.
    pub fn words(&self) -> String {
        let json = self.json();
        json["message"].as_str().unwrap_or(&self.body).to_owned()
    }
}

/// A way into a cluster for any user.
pub struct Door {
    address: SocketAddr,
}

impl Door {
    /// Opens it; it closes with the cluster.
    ///
    /// # Errors
    /// If the proxy does not start.
    pub fn open(cluster: &Cluster) -> Result<Self> {
        let mut command = Command::new(cluster.tools().path(Tool::Kubectl));
        command
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig("admin"))
            .args(["proxy", "--port=0", "--address=127.0.0.1"])
            .args(["--reject-paths=^$", "--disable-filter=true"])
            .envs(cluster.client_environment());
        cluster.spawn(PROXY, &mut command)?;
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let said = fs::read_to_string(cluster.log(PROXY)).unwrap_or_default();
            let listening = said.lines().find_map(|line| line.split("serve on ").nth(1));
            if let Some(address) = listening {
                let address = address.trim().parse().context("the proxy's address")?;
                return Ok(Self { address });
            }
            ensure!(Instant::now() < deadline, "no kubectl proxy: {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks, and returns whatever the server says.
    ///
    /// # Errors
    /// If there is no answer at all.
    pub fn ask(&self, person: &Person, request: &Request<'_>) -> Result<Answer> {
        let body = request.body.map(Value::to_string).unwrap_or_default();
        let mut head = format!(
            "{} {} HTTP/1.0\r\nAccept: application/json, */*\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
            request.method,
            request.path,
            request.content_type,
            body.len()
        );
        if !person.user.is_empty() {
            head.push_str(&format!("Impersonate-User: {}\r\n", person.user));
            for group in &person.groups {
                head.push_str(&format!("Impersonate-Group: {group}\r\n"));
            }
        }
        let text = format!("{head}\r\n{body}");
        let mut answer = self.exchange(&text);
        // A server that answers before it has read everything may close too early.
        for _ in 1..TRIES {
            if answer.is_ok() {
                break;
            }
            answer = self.exchange(&text);
        }
        let answer = answer?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok(Answer {
            status: status.with_context(|| format!("no status in {head:?}"))?,
            body: body.to_owned(),
        })
    }

    fn exchange(&self, text: &str) -> Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.write_all(text.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}
