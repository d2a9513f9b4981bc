//! The netlink side of the links: notifications, and dumps when some were lost.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;

use socket2::Socket;
use tokio::io::unix::AsyncFd;

use super::decode::notice;
use super::{LinkChange, LinkTable};
use crate::netlink::{self, MESSAGE_BYTES, Requests};
use crate::sys;

/// Group numbers are bits of the mask, counted from one.
const GROUPS: u32 = 1 << (libc::RTNLGRP_LINK - 1)
    | 1 << (libc::RTNLGRP_IPV4_IFADDR - 1)
    | 1 << (libc::RTNLGRP_IPV6_IFADDR - 1);
/// Room for some thousand notifications, as when a node starts all its pods. It is used only when needed.
const RECEIVE_BUFFER_BYTES: libc::c_int = 4 << 20;
/// Datagrams read without giving other tasks a turn.
const READ_BATCH: usize = 256;

/// Why links cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} links and addresses over netlink: {source}")]
pub struct LinkError {
    action: &'static str,
    source: io::Error,
}

impl LinkError {
    fn of(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { action, source }
    }
}

/// Watches the links of the network namespace in which it was opened.
///
/// Notifications that the kernel had to drop are made good by a new dump: what is queued is thrown away
/// first, because it is older than the dump.
#[derive(Debug)]
pub struct LinkMonitor {
    notifications: AsyncFd<Socket>,
    requests: Requests,
    table: LinkTable,
    changes: VecDeque<LinkChange>,
    buffer: Vec<u8>,
    /// Notifications were lost and the dump is still to come.
    stale: bool,
    overruns: u64,
}

/// Whether the queue of notifications was read to its end.
enum Progress {
    Empty,
    MoreMayWait,
}

impl LinkMonitor {
    /// Subscribes, then lists everything that is there: the first changes are all links that exist.
    ///
    /// # Errors
    /// [`LinkError`] when the kernel refuses the socket or the dump.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn open() -> Result<Self, LinkError> {
        Self::with_receive_buffer(RECEIVE_BUFFER_BYTES)
    }

    /// As [`LinkMonitor::open`] with a receive buffer of `bytes`, so that a test can overrun it.
    ///
    /// # Errors
    /// As [`LinkMonitor::open`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn with_receive_buffer(bytes: libc::c_int) -> Result<Self, LinkError> {
        let mut monitor = Self::subscribe(bytes).map_err(LinkError::of("subscribe to"))?;
        monitor.resynchronise()?;
        Ok(monitor)
    }

    fn subscribe(receive_buffer_bytes: libc::c_int) -> io::Result<Self> {
        let socket = netlink::open(GROUPS)?;
        socket.set_nonblocking(true)?;
        netlink::enlarge_receive_buffer(&socket, receive_buffer_bytes);
        Ok(Self {
            notifications: sys::watch_readable(socket)?,
            requests: Requests::open()?,
            table: LinkTable::default(),
            changes: VecDeque::new(),
            buffer: vec![0; MESSAGE_BYTES],
            stale: false,
            overruns: 0,
        })
    }

    /// Waits for the next change. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// [`LinkError`]; the monitor is of no more use then.
    pub async fn next(&mut self) -> Result<LinkChange, LinkError> {
        loop {
            if let Some(change) = self.changes.pop_front() {
                return Ok(change);
            }
            self.wait_readable()
                .await
                .map_err(LinkError::of("wait for changes of"))?;
            self.read_batch()?;
        }
    }

    /// The links as of the last change that [`LinkMonitor::next`] returned or has ready.
    #[must_use]
    pub const fn table(&self) -> &LinkTable {
        &self.table
    }

    /// How often notifications were lost and made good by a dump.
    #[must_use]
    pub const fn overruns(&self) -> u64 {
        self.overruns
    }

    async fn wait_readable(&self) -> io::Result<()> {
        // What is left unread keeps the readiness, so that the next call returns at once.
        self.notifications.readable().await?.retain_ready();
        Ok(())
    }

    fn read_batch(&mut self) -> Result<(), LinkError> {
        for _ in 0..READ_BATCH {
            match self.read_one() {
                Ok(Progress::MoreMayWait) => {}
                Ok(Progress::Empty) if self.stale => return self.resynchronise(),
                Ok(Progress::Empty) => return Ok(()),
                Err(error) => return Err(LinkError::of("read changes of")(error)),
            }
        }
        Ok(())
    }

    fn read_one(&mut self) -> io::Result<Progress> {
        let received = {
            let buffer = &mut self.buffer;
            self.notifications
                .try_io(tokio::io::Interest::READABLE, |socket| {
                    sys::receive_datagram(socket.as_fd(), buffer)
                })
        };
        match received {
            Ok(length) => match self.buffer.get(..length) {
                Some(_) if self.stale => {}
                Some(datagram) => {
                    let notices = netlink::messages(datagram).filter_map(|m| notice(m.payload));
                    self.changes
                        .extend(notices.filter_map(|notice| self.table.apply(notice)));
                }
                None => self.note_loss(),
            },
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Progress::Empty),
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.note_loss(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(Progress::MoreMayWait)
    }

    fn note_loss(&mut self) {
        if !self.stale {
            self.stale = true;
            self.overruns = self.overruns.saturating_add(1);
            tracing::debug!(
                overruns = self.overruns,
                "link notifications were lost; listing all links again"
            );
        }
    }

    fn resynchronise(&mut self) -> Result<(), LinkError> {
        let fresh = LinkTable::observe(&mut self.requests).map_err(LinkError::of("list"))?;
        self.stale = false;
        self.changes.extend(self.table.replace(fresh));
        Ok(())
    }
}
