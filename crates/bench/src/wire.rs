//! What a client on the network sees: a packet socket, with the kernel's time stamps.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ferrolb_driver::clock::Stopwatch;
use ferrolb_netio::{EtherProtocol, Filter, Namespace, PacketSocket};
use ferrolb_tests_netns::frame::Arp;
use ferrolb_tests_netns::wait::unix_time;
use ferrolb_types::MacAddr;
use mio::{Events, Interest, Poll, Token};

/// An answer that takes longer counts as lost.
const PATIENCE: Duration = Duration::from_secs(1);
const REPLY: u8 = 2;

/// The client's end.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: PacketSocket,
    poll: Poll,
    events: Events,
    mac: MacAddr,
    ip: Ipv4Addr,
}

impl Wire {
    /// Listens on `interface` of `namespace`, as the host with these addresses.
    pub(crate) fn open(namespace: &Namespace, interface: &str, mac: MacAddr, ip: Ipv4Addr) -> Result<Self> {
        let index = namespace.interface_index(interface)?;
        let mut socket =
            namespace.run(|| PacketSocket::open(index, EtherProtocol::Arp, &Filter::everything()))??;
        // Switches the time stamps on; there is no frame yet.
        let _none_yet = socket.last_frame_time();
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut socket, Token(0), Interest::READABLE)?;
        Ok(Self {
            socket,
            poll,
            events: Events::with_capacity(1),
            mac,
            ip,
        })
    }

    /// The next ARP frame and when it arrived; none if it takes longer than `patience`.
    pub(crate) fn next(&mut self, patience: Duration) -> Result<Option<(Duration, Arp)>> {
        let waiting = Stopwatch::start();
        let mut buffer = [0; 256];
        loop {
            if let Some(received) = self.socket.receive(&mut buffer)? {
                if let Some(arp) = Arp::from_bytes(received.frame) {
                    return Ok(Some((self.socket.last_frame_time()?, arp)));
                }
                continue;
            }
            let left = patience.saturating_sub(waiting.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            self.poll.poll(&mut self.events, Some(left))?;
        }
    }

    /// Asks who has `target`, and returns the time from just before sending to the arrival of the answer.
    pub(crate) fn ask(&mut self, target: Ipv4Addr) -> Result<Duration> {
        let request = Arp::request(self.mac, self.ip, target).to_bytes();
        let sent = unix_time();
        self.socket.send(&request)?;
        let mac = self.mac;
        let at = self.wait_for(PATIENCE, |arp| {
            arp.operation == REPLY && arp.sender == target && arp.destination == mac
        })?;
        Ok(at
            .with_context(|| format!("nobody answers for {target}"))?
            .saturating_sub(sent))
    }

    /// When the first frame arrives for which `is_it` holds.
    pub(crate) fn wait_for(
        &mut self,
        patience: Duration,
        is_it: impl Fn(&Arp) -> bool,
    ) -> Result<Option<Duration>> {
        let waiting = Stopwatch::start();
        while let Some((at, arp)) = self.next(patience.saturating_sub(waiting.elapsed()))? {
            if is_it(&arp) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Hands what arrives within `time` to `look`.
    pub(crate) fn listen(&mut self, time: Duration, mut look: impl FnMut(&Arp)) -> Result<()> {
        let waiting = Stopwatch::start();
        while let Some((_, arp)) = self.next(time.saturating_sub(waiting.elapsed()))? {
            look(&arp);
        }
        Ok(())
    }
}

/// Whether a host announces `arp.sender` with it, unasked.
pub(crate) fn is_gratuitous(arp: &Arp) -> bool {
    arp.sender == arp.target
}
