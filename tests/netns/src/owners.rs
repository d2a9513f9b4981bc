//! Who answers for which addresses over the whole of a test, asked again and again from a host of its own.
//!
//! ```text
//!   judge ── who has A? B? C? every 25 ms ──▶ segment
//!     ▲                                          │
//!     └── answers, and all announcements ────────┘     two hardware addresses for one question's time: two owners
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use ferrolb_netio::{EtherProtocol, Filter};
use ferrolb_types::MacAddr;

use crate::capture::Capture;
use crate::frame::Arp;
use crate::heard::Said;
use crate::segment::Host;
use crate::wait;

/// How often each address is asked for.
const PERIOD: Duration = Duration::from_millis(25);

/// Asks from a host until it is asked for its findings.
#[derive(Debug)]
pub struct Owners {
    heard: Capture,
    addresses: Vec<Ipv4Addr>,
    stop: mpsc::Sender<()>,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

/// How long an address had two owners at most, and how long it had none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// The longest time in which each question was answered by two, or by one after the other in turns.
    pub two: Duration,
    /// The longest time without an answer.
    pub none: Duration,
}

impl Owners {
    /// Begins to ask from `judge`.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn watch(judge: &Host, addresses: &[&str]) -> anyhow::Result<Self> {
        let heard = Capture::start(judge)?;
        let addresses: Vec<Ipv4Addr> = addresses
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()?;
        let socket = judge.packet_socket(EtherProtocol::All, &Filter::nothing())?;
        let asked: Vec<Vec<u8>> = addresses
            .iter()
            .map(|address| Arp::request(judge.mac, judge.ipv4, *address).to_bytes())
            .collect();
        let (stop, stopped) = mpsc::channel::<()>();
        let ask = move || {
            while stopped.recv_timeout(PERIOD) == Err(mpsc::RecvTimeoutError::Timeout) {
                for frame in &asked {
                    socket.send(frame).context("ask who has an address")?;
                }
            }
            Ok(())
        };
        let thread = std::thread::Builder::new().name("owners".to_owned()).spawn(ask)?;
        Ok(Self {
            heard,
            addresses,
            stop,
            thread: Some(thread),
        })
    }

    /// The hardware addresses that `address` has been said to be at since `since`.
    #[must_use]
    pub fn since(&self, since: Duration, address: Ipv4Addr) -> BTreeSet<MacAddr> {
        let said = self.said(address);
        said.into_iter()
            .filter(|(at, _)| *at >= since)
            .map(|(_, mac)| mac)
            .collect()
    }

    /// Waits until `address` is answered for by `owner` alone, for the time of some questions; returns since when, and since
    /// when the owner answers at all, both not before `since`.
    ///
    /// # Errors
    /// That it did not happen in time.
    pub fn wait_for_one(&self, address: Ipv4Addr, owner: MacAddr, since: Duration) -> anyhow::Result<Return> {
        wait::until(&format!("{address} to be answered for by {owner} alone"), || {
            let said = self.said(address);
            let after: Vec<_> = said.into_iter().filter(|(at, _)| *at >= since).collect();
            let other = after.iter().rposition(|(_, mac)| *mac != owner);
            let alone = other.map_or(0, |other| other + 1);
            let (Some((first, _)), Some((from, _)), Some((last, _))) = (
                after.iter().find(|(_, mac)| *mac == owner),
                after.get(alone),
                after.last(),
            ) else {
                return Ok(None);
            };
            let settled = last.saturating_sub(*from) >= 4 * PERIOD;
            Ok(settled.then_some(Return {
                answered: *first,
                alone: (*from).max(*first),
            }))
        })
    }

    fn said(&self, address: Ipv4Addr) -> Vec<(Duration, MacAddr)> {
        let about = |frame: &[u8]| {
            Said::from_bytes(frame)
                .filter(|said| said.address == IpAddr::from(address))
                .map(|said| said.mac)
        };
        self.heard.select(about)
    }

    /// Stops asking and tells what was found about each address.
    ///
    /// # Errors
    /// That a question could not be sent.
    pub fn finish(mut self) -> anyhow::Result<BTreeMap<Ipv4Addr, Finding>> {
        let _ended = self.stop.send(());
        if let Some(Ok(outcome)) = self.thread.take().map(JoinHandle::join) {
            outcome?;
        }
        let finding = |address: &Ipv4Addr| (*address, find(&self.said(*address)));
        Ok(self.addresses.iter().map(finding).collect())
    }
}

/// A node that answers again.
#[derive(Clone, Copy, Debug)]
pub struct Return {
    /// When it answered first.
    pub answered: Duration,
    /// Since when nobody else does.
    pub alone: Duration,
}

/// Two are there at the same time when one is heard, the other, and the first again, within a few questions.
fn find(said: &[(Duration, MacAddr)]) -> Finding {
    let (mut finding, mut contested): (_, Option<(Duration, Duration)>) = (Finding::default(), None);
    let mut seen: BTreeMap<MacAddr, Duration> = BTreeMap::new();
    let mut before: Option<(Duration, MacAddr)> = None;
    for &(at, mac) in said {
        if let Some((last, other)) = before {
            finding.none = finding.none.max(at.saturating_sub(last));
            let returned = other != mac
                && seen
                    .get(&mac)
                    .is_some_and(|seen| at.saturating_sub(*seen) <= 8 * PERIOD);
            if returned {
                let from = match contested {
                    Some((from, until)) if at.saturating_sub(until) <= 8 * PERIOD => from,
                    _ => seen.get(&mac).copied().unwrap_or(at),
                };
                contested = Some((from, at));
                finding.two = finding.two.max(at.saturating_sub(from));
            }
        }
        seen.insert(mac, at);
        before = Some((at, mac));
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
    const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    fn found(said: &[(u64, MacAddr)]) -> (u64, u64) {
        let said: Vec<_> = said
            .iter()
            .map(|(at, mac)| (Duration::from_millis(*at), *mac))
            .collect();
        let Finding { two, none } = find(&said);
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        (ms(two), ms(none))
    }

    #[test]
    fn one_after_the_other_is_a_hand_over() {
        assert_eq!(
            found(&[(0, A), (25, A), (600, B), (625, B), (3000, A)]),
            (0, 2375)
        );
    }

    #[test]
    fn two_that_answer_the_same_questions_are_two_owners_for_that_long() {
        let said = [
            (0, A),
            (25, A),
            (26, B),
            (50, A),
            (51, B),
            (75, A),
            (76, B),
            (100, B),
            (125, B),
        ];
        assert_eq!(found(&said).0, 51);
        assert_eq!(
            found(&[(0, A), (10, B), (20, A), (1000, B), (1010, A), (1020, B)]).0,
            20
        );
    }
}
