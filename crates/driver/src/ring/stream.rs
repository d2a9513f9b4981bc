//! Streams: one message in each direction, each in a task of its own.

use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ferrolb_gossip::{Input, StreamId};
use ferrolb_wire::memberlist::{Envelope, OpenError, OpenedStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;

use super::task::{Event, Request};
use crate::random::Random;

/// Streams of others at a time; memberlist has the same bound for comparisons.
const INCOMING: usize = 128;
/// Our own streams at a time; more wait, and fail by their timeout.
const OUTGOING: usize = 64;
const HINT: &str = "is the port open, TCP and UDP?";
const CHUNK: usize = 64 * 1024;
/// What part of the timeout a connection may take to come about. With the ten seconds of a local network a lost SYN is sent
/// again once; more waiting would outlast a link that comes back.
const CONNECT_PART: u32 = 3;
/// When accepting fails, mostly because there are too many files open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What each stream needs.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    events: mpsc::Sender<Event>,
    envelope: watch::Receiver<Arc<Envelope>>,
    random: Random,
    timeout: Duration,
    incoming: Arc<Semaphore>,
    outgoing: Arc<Semaphore>,
}

impl Streams {
    pub(super) fn new(
        events: mpsc::Sender<Event>,
        envelope: watch::Receiver<Arc<Envelope>>,
        random: Random,
        timeout: Duration,
    ) -> Self {
        Self {
            events,
            envelope,
            random,
            timeout,
            incoming: Arc::new(Semaphore::new(INCOMING)),
            outgoing: Arc::new(Semaphore::new(OUTGOING)),
        }
    }

    /// Asks somebody, and tells what came of it.
    pub(super) fn open(&self, stream: StreamId, to: SocketAddr, payload: Vec<u8>, patience: Duration) {
        let streams = self.clone();
        tokio::spawn(async move {
            let asked = timeout(patience, streams.ask(to, &payload)).await;
            let input = match asked {
                Ok(Ok(payload)) => Input::StreamAnswered {
                    stream,
                    payload: payload.into(),
                },
                Ok(Err(error)) => Input::StreamFailed {
                    stream,
                    reason: error.to_string(),
                },
                Err(_) => Input::StreamFailed {
                    stream,
                    reason: format!("no answer for {patience:?}; {HINT}"),
                },
            };
            // The ring may have ended meanwhile.
            let _ended = streams.events.send(Event::Finished(input)).await;
        });
    }

    async fn ask(&self, to: SocketAddr, payload: &[u8]) -> io::Result<Vec<u8>> {
        let _permit = self.outgoing.acquire().await.map_err(io::Error::other)?;
        let mut stream = self.connect(to).await?;
        let sealed = self.current().seal_stream(payload, self.random.nonce()?);
        stream.write_all(&sealed).await?;
        self.read_message(&mut stream, Envelope::open_answer).await
    }

    async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let patience = self.timeout / CONNECT_PART;
        let late = |_| {
            io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no answer for {patience:?}; {HINT}"),
            )
        };
        timeout(patience, TcpStream::connect(to)).await.map_err(late)?
    }

    async fn serve(
        &self,
        mut stream: TcpStream,
        from: SocketAddr,
        _permit: OwnedSemaphorePermit,
    ) -> io::Result<()> {
        let payload = self.read_message(&mut stream, Envelope::open_stream).await?;
        let (answer, answered) = oneshot::channel();
        let request = Request {
            from,
            payload,
            answer,
        };
        self.events
            .send(Event::Requested(request))
            .await
            .map_err(io::Error::other)?;
        if let Ok(sealed) = answered.await {
            stream.write_all(&sealed).await?;
        }
        stream.shutdown().await
    }

    async fn read_message(
        &self,
        stream: &mut TcpStream,
        open: fn(&Envelope, &[u8]) -> Result<OpenedStream, OpenError>,
    ) -> io::Result<Vec<u8>> {
        let (envelope, mut bytes) = (self.current(), Vec::new());
        loop {
            bytes.reserve(CHUNK);
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the other side closed the stream before its message was complete",
                ));
            }
            if let OpenedStream::Complete(payload) = open(&envelope, &bytes).map_err(io::Error::other)? {
                return Ok(payload);
            }
        }
    }

    fn current(&self) -> Arc<Envelope> {
        self.envelope.borrow().clone()
    }
}

/// Takes streams in until it is aborted. One that is slow or broken harms no other.
pub(super) async fn accept(listener: TcpListener, streams: Streams) {
    loop {
        let Ok(permit) = streams.incoming.clone().acquire_owned().await else {
            return;
        };
        let Ok((stream, from)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let streams = streams.clone();
        tokio::spawn(async move {
            let _broken = timeout(streams.timeout, streams.serve(stream, from, permit)).await;
        });
    }
}
