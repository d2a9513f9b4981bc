//! The page that each node serves, and the client that fetches it: HTTP/1.0 in thirty lines, so that the demo needs no
//! other program.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use anyhow::Context as _;

/// The port of `examples/service.yaml`.
pub(super) const PORT: u16 = 80;

/// The default of `--health-probe-port`.
const HEALTH_PORT: u16 = 17472;

/// A request line and a few headers; more is not read.
const MAX_REQUEST_BYTES: u64 = 8 * 1024;

/// How long one side waits for the other; on one machine only a fault takes that long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Serves `hello from NODE` to everyone; returns when the listener breaks. Runs in the node's namespace.
pub(super) fn serve(listener: &TcpListener, node: &str) {
    for connection in listener.incoming() {
        // A client that goes away harms only itself.
        let _gone = connection.and_then(|stream| answer(&stream, node));
    }
}

/// Listens on the port of the Service, for both families.
pub(super) fn listen() -> io::Result<TcpListener> {
    TcpListener::bind((IpAddr::from([0; 16]), PORT))
}

fn answer(stream: &TcpStream, node: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream.take(MAX_REQUEST_BYTES)).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let body = format!("hello from {node}\n");
    let mut out = stream;
    write!(
        out,
        "HTTP/1.0 200 OK\r\nContent-Length: {}\r\nContent-Type: text/plain\r\n\r\n{body}",
        body.len()
    )
}

/// Fetches the page and returns its first line. Runs in the client's namespace.
pub(super) fn fetch(address: IpAddr) -> anyhow::Result<String> {
    let at = SocketAddr::new(address, PORT);
    let (head, body) = get(at, "/").with_context(|| format!("no page from {at}"))?;
    anyhow::ensure!(
        head.starts_with("HTTP/1.0 200"),
        "the answer is `{}`",
        head.lines().next().unwrap_or_default()
    );
    Ok(body.lines().next().unwrap_or_default().to_owned())
}

/// Whether the process of this host says that it is ready. Runs in the host's namespace.
pub(super) fn is_ready() -> bool {
    let at = SocketAddr::from(([127, 0, 0, 1], HEALTH_PORT));
    get(at, "/readyz").is_ok_and(|(head, _)| head.contains(" 200 "))
}

fn get(at: SocketAddr, path: &str) -> io::Result<(String, String)> {
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut response = String::new();
    stream.take(MAX_REQUEST_BYTES).read_to_string(&mut response)?;
    let (head, body) = response
        .split_once("\r\n\r\n")
        .ok_or(io::ErrorKind::InvalidData)?;
    Ok((head.to_owned(), body.to_owned()))
}
