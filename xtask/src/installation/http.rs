//! Plain HTTP/1.0 to what an operator serves on loopback. It must not know what is served.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

/// The body of an answer that must be good.
///
/// # Errors
/// If there is none, or another one; with its words.
pub fn read(address: SocketAddr, path: &str) -> Result<String> {
    let (head, body) = exchange(address, path, "*/*")?;
    let status = head.lines().next().unwrap_or("");
    ensure!(head.starts_with("HTTP/1.0 200"), "{status}: {body}");
    Ok(body)
}

/// `GET` over plain HTTP/1.0, head and body: probes and metrics need no more.
///
/// # Errors
/// If there is no answer.
pub fn exchange(address: SocketAddr, path: &str, accept: &str) -> Result<(String, String)> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nAccept: {accept}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    Ok((head.to_owned(), body.to_owned()))
}
