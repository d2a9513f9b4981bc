//! Listens to everything on one interface, with the kernel's time stamps.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use ferrolb_netio::{EtherProtocol, Filter, PacketSocket};
use mio::{Events, Interest, Poll, Token, Waker};

use crate::frame::Arp;
use crate::segment::{Host, Segment};
use crate::wait;

const SOCKET: Token = Token(0);
const STOP: Token = Token(1);
/// An address that no host on a segment has.
const NOBODY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 250);
/// Frames kept at most; a test that captures more has gone wrong.
const MAX_FRAMES: usize = 100_000;

/// One frame that a host heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedFrame {
    /// When the kernel took it, since the Unix epoch; comparable with that of other captures on this machine.
    pub at: Duration,
    /// The frame from its Ethernet header on.
    pub bytes: Vec<u8>,
}

/// A running capture on one interface, like a host's `eth0`. It hears what comes in there, not what the host itself
/// sends.
#[derive(Debug)]
pub struct Capture {
    frames: Arc<Mutex<Vec<CapturedFrame>>>,
    stop: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Begins to listen on the host's `eth0`: every frame from now on is captured.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn start(host: &Host) -> anyhow::Result<Self> {
        Self::listen(
            &host.name,
            host.packet_socket(EtherProtocol::All, &Filter::everything())?,
        )
    }

    /// Begins to listen to what the host `name` itself sends, at the switch's end of its cable.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn of_sender(segment: &Segment, name: &str) -> anyhow::Result<Self> {
        let switch = segment.switch();
        let index = switch.interface_index(segment.host(name).port())?;
        let everything = Filter::everything();
        let socket = switch.run(|| PacketSocket::open(index, EtherProtocol::All, &everything))??;
        Self::listen(name, socket)
    }

    fn listen(name: &str, mut socket: PacketSocket) -> anyhow::Result<Self> {
        // Switches the time stamps on before the first frame; there is none to read yet.
        let _none_yet = socket.last_frame_time();
        let poll = Poll::new().context("make a poll")?;
        poll.registry()
            .register(&mut socket, SOCKET, Interest::READABLE)?;
        let stop = Waker::new(poll.registry(), STOP)?;
        let frames = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&frames);
        let thread = std::thread::Builder::new()
            .name(format!("capture-{name}"))
            .spawn(move || listen(poll, &socket, &sink))?;
        Ok(Self {
            frames,
            stop,
            thread: Some(thread),
        })
    }

    /// What was heard so far.
    #[must_use]
    pub fn frames(&self) -> Vec<CapturedFrame> {
        locked(&self.frames).clone()
    }

    /// How many frames were heard so far.
    #[must_use]
    pub fn len(&self) -> usize {
        locked(&self.frames).len()
    }

    /// Whether nothing was heard so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What `read` makes of the frames heard so far, with their times.
    pub fn select<T>(&self, read: impl Fn(&[u8]) -> Option<T>) -> Vec<(Duration, T)> {
        self.select_after(0, read)
    }

    /// As [`Capture::select`], without the first `count` frames.
    pub fn select_after<T>(&self, count: usize, read: impl Fn(&[u8]) -> Option<T>) -> Vec<(Duration, T)> {
        locked(&self.frames)
            .iter()
            .skip(count)
            .filter_map(|f| Some((f.at, read(&f.bytes)?)))
            .collect()
    }

    /// Waits for the first frame, heard already or later, of which `read` makes something.
    ///
    /// # Errors
    /// That `what` was not heard in time.
    pub fn wait_for<T>(
        &self,
        what: &str,
        read: impl Fn(&[u8]) -> Option<T>,
    ) -> anyhow::Result<(Duration, T)> {
        wait::until(what, || Ok(self.select(&read).into_iter().next()))
    }

    /// Has `from` send a broadcast and waits until it is heard, and so everything that `from` sent before.
    ///
    /// # Errors
    /// That it was not heard in time.
    pub fn wait_for_mark(&self, from: &Host) -> anyhow::Result<()> {
        let mark = Arp::request(from.mac, from.ipv4, NOBODY).to_bytes();
        let before = self.len();
        from.send_frame(&mark)?;
        wait::until("the mark", || {
            let heard = self.select_after(before, |frame| (frame == mark).then_some(()));
            Ok(heard.first().map(drop))
        })
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // A capture that cannot be woken ends with the process.
        if self.stop.wake().is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _panicked = thread.join();
        }
    }
}

fn listen(mut poll: Poll, socket: &PacketSocket, frames: &Mutex<Vec<CapturedFrame>>) {
    let mut events = Events::with_capacity(8);
    let mut buffer = vec![0; 1 << 16];
    while poll
        .poll(&mut events, None)
        .is_ok_and(|()| events.iter().all(|event| event.token() != STOP))
    {
        // A link that goes down is reported here once; the capture goes on.
        while let Ok(Some(received)) = socket.receive(&mut buffer) {
            let bytes = received.frame.to_vec();
            let at = socket.last_frame_time().unwrap_or_default();
            let mut frames = locked(frames);
            if frames.len() < MAX_FRAMES {
                frames.push(CapturedFrame { at, bytes });
            }
        }
    }
}

fn locked(frames: &Mutex<Vec<CapturedFrame>>) -> MutexGuard<'_, Vec<CapturedFrame>> {
    frames.lock().unwrap_or_else(PoisonError::into_inner)
}
