//! What a client on the network sees: a packet socket, with the kernel's time stamps.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context as _, Result};
use ferrolb_driver::clock::Stopwatch;
use ferrolb_netio::{EtherProtocol, Filter, Namespace, PacketSocket};
use ferrolb_tests_netns::frame::{Arp, Solicitation};
use ferrolb_tests_netns::heard::{How, Said};
use ferrolb_tests_netns::storm::{self, Sent};
use ferrolb_tests_netns::wait::unix_time;
use ferrolb_types::MacAddr;
use mio::{Events, Interest, Poll, Token};

/// An answer that takes longer counts as lost.
const PATIENCE: Duration = Duration::from_secs(1);
/// Frames of a storm that are sent before answers are read.
const STORM_PART: u32 = 10_000;

/// A host that has these addresses without a kernel that knows them, so that only what is measured is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) mac: MacAddr,
    pub(crate) ipv4: Ipv4Addr,
    pub(crate) link_local: Ipv6Addr,
}

impl Client {
    /// Its question for `target`.
    pub(crate) fn question(&self, target: IpAddr) -> Vec<u8> {
        match target {
            IpAddr::V4(v4) => Arp::request(self.mac, self.ipv4, v4).to_bytes(),
            IpAddr::V6(v6) => Solicitation::multicast(self.mac, self.link_local, v6).to_bytes(),
        }
    }

    /// Whether it is told the answer to its question for `target`.
    fn is_answered(&self, said: &Said, target: IpAddr) -> bool {
        said.address == target && said.how == How::To(self.mac)
    }
}

/// The client's end.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: PacketSocket,
    poll: Poll,
    events: Events,
    client: Client,
}

impl Wire {
    /// Listens on `interface` of `namespace`, as `client`.
    pub(crate) fn open(namespace: &Namespace, interface: &str, client: Client) -> Result<Self> {
        let index = namespace.interface_index(interface)?;
        let mut socket =
            namespace.run(|| PacketSocket::open(index, EtherProtocol::All, &Filter::everything()))??;
        // Switches the time stamps on; there is no frame yet.
        let _none_yet = socket.last_frame_time();
        let poll = Poll::new()?;
        poll.registry()
            .register(&mut socket, Token(0), Interest::READABLE)?;
        Ok(Self {
            socket,
            poll,
            events: Events::with_capacity(1),
            client,
        })
    }

    /// Whose end it is.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// What is said next about an address and when that arrived; none if it takes longer than `patience`.
    pub(crate) fn next(&mut self, patience: Duration) -> Result<Option<(Duration, Said)>> {
        let waiting = Stopwatch::start();
        let mut buffer = [0; 256];
        loop {
            if let Some(received) = self.socket.receive(&mut buffer)? {
                if let Some(said) = Said::from_bytes(received.frame) {
                    return Ok(Some((self.socket.last_frame_time()?, said)));
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
    pub(crate) fn ask(&mut self, target: IpAddr) -> Result<Duration> {
        let (client, question) = (self.client, self.client.question(target));
        let sent = unix_time();
        self.socket.send(&question)?;
        let at = self.wait_for(PATIENCE, |said| client.is_answered(said, target))?;
        Ok(at
            .with_context(|| format!("nobody answers for {target}"))?
            .saturating_sub(sent))
    }

    /// When the first frame arrives for which `is_it` holds.
    pub(crate) fn wait_for(
        &mut self,
        patience: Duration,
        is_it: impl Fn(&Said) -> bool,
    ) -> Result<Option<Duration>> {
        let waiting = Stopwatch::start();
        while let Some((at, said)) = self.next(patience.saturating_sub(waiting.elapsed()))? {
            if is_it(&said) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Hands what arrives within `time` to `look`.
    pub(crate) fn listen(&mut self, time: Duration, mut look: impl FnMut(&Said)) -> Result<()> {
        let waiting = Stopwatch::start();
        while let Some((_, said)) = self.next(time.saturating_sub(waiting.elapsed()))? {
            look(&said);
        }
        Ok(())
    }

    /// Sends `count` frames at `per_second`, and counts the answers to its own questions that come in meanwhile and a
    /// second after.
    pub(crate) fn storm<'a>(
        &mut self,
        count: u32,
        per_second: u32,
        frame: impl Fn(u32) -> &'a [u8],
    ) -> Result<(Sent, u32)> {
        let (waiting, mac, mut answers) = (Stopwatch::start(), self.client.mac, 0);
        let mut count_answers = |said: &Said| answers += u32::from(said.how == How::To(mac));
        // The answers to one part have room in the socket while it is sent.
        for begin in (0..count).step_by(STORM_PART as usize) {
            let part = STORM_PART.min(count - begin);
            storm::send(&self.socket, part, per_second, |number| frame(begin + number))?;
            self.listen(Duration::ZERO, &mut count_answers)?;
        }
        let sent = Sent {
            frames: count,
            took: waiting.elapsed(),
        };
        self.listen(PATIENCE, count_answers)?;
        Ok((sent, answers))
    }
}
