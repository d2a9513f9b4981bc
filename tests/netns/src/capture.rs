//! Listens to everything on one interface, with the kernel's time stamps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use ferrolb_netio::{EtherProtocol, Filter, PacketSocket};
use mio::{Events, Interest, Poll, Token, Waker};

use crate::segment::Host;
use crate::wait;

const SOCKET: Token = Token(0);
const STOP: Token = Token(1);
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

/// A running capture on a host's `eth0`. It hears what others send, not what the host itself sends.
#[derive(Debug)]
pub struct Capture {
    frames: Arc<Mutex<Vec<CapturedFrame>>>,
    stop: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Begins to listen: every frame from now on is captured.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn start(host: &Host) -> anyhow::Result<Self> {
        let mut socket = host.packet_socket(EtherProtocol::All, &Filter::everything())?;
        // Switches the time stamps on before the first frame; there is none to read yet.
        let _none_yet = socket.last_frame_time();
        let poll = Poll::new().context("make a poll")?;
        poll.registry()
            .register(&mut socket, SOCKET, Interest::READABLE)?;
        let stop = Waker::new(poll.registry(), STOP)?;
        let frames = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&frames);
        let thread = std::thread::Builder::new()
            .name(format!("capture-{}", host.name))
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

    /// What `read` makes of the frames heard so far, with their times.
    pub fn select<T>(&self, read: impl Fn(&[u8]) -> Option<T>) -> Vec<(Duration, T)> {
        locked(&self.frames)
            .iter()
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
