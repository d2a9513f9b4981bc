//! A page that a pod serves.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use ferrolb_netio::Namespace;
use socket2::SockRef;

/// A web server on port 80 that says one line; it ends with this value.
#[derive(Debug)]
pub(crate) struct Page {
    listener: TcpListener,
    thread: Option<JoinHandle<()>>,
}

impl Page {
    pub(crate) fn serve(namespace: &Namespace, line: &str) -> Result<Self> {
        let listener = namespace
            .run(|| TcpListener::bind("[::]:80"))?
            .context("port 80 of the pod")?;
        let (accepting, body) = (listener.try_clone()?, format!("{line}\n"));
        let thread = std::thread::Builder::new()
            .name("page".to_owned())
            .spawn(move || {
                // Ends when the listener is shut down.
                while let Ok((stream, _)) = accepting.accept() {
                    let _client_gone = answer(&stream, &body);
                }
            })?;
        Ok(Self {
            listener,
            thread: Some(thread),
        })
    }
}

fn answer(stream: &TcpStream, body: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let mut out = stream;
    write!(
        out,
        "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

impl Drop for Page {
    fn drop(&mut self) {
        let _woken = SockRef::from(&self.listener).shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}
