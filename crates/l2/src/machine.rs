//! The machine: inputs in, outputs out.

mod announce;
mod answer;
mod links;
mod listen;
mod settle;

use core::hash::BuildHasherDefault;
use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::DefaultHasher;

use ferrolb_api::resolved::Interfaces;
use ferrolb_types::{Instant, InterfaceIndex, MacAddr, SplitMix64};
use ferrolb_wire::mld;

use crate::interface::Interface;
use crate::presence::{Pace, Presence};
use crate::statistics::{AddressCounters, AddressStatistics, DropCounters, Statistics};
use crate::timer::Timers;
use crate::{Claim, Config, Input, Output};

/// Answers for the wanted addresses on the interfaces that qualify.
///
/// Everything follows from two facts, the wanted addresses and the links. An address is *present* on an interface when
/// it is wanted, its rule allows the interface, and the socket of its family is open there. What is watched, answered and
/// announced is what is present, after whatever sequence of inputs.
///
/// | Input | Outputs for addresses and interfaces that it changes, nothing for others |
/// |---|---|
/// | address wanted, rule widened | watch, filter, burst; probes before it at the first use of an address |
/// | address released, rule narrowed | unwatch, filter |
/// | link qualifies | open, watch, filter, burst |
/// | link does not qualify any more, is gone, socket failed | unwatch, close |
/// | link changes its MAC address, or had no carrier for a moment | burst |
/// | question for a present address | answer |
/// | query of a multicast router or switch | reports, see [`Output::SendReport`] |
/// | foreign claim of a present address | report, burst; a second one within 10 s ends its use until a probe finds nobody |
/// | foreign claim during a probe | report; the address is not used, and probed for again later |
/// | claim of another speaker | report; then burst, or the same end of use, as the election decides |
#[derive(Debug)]
pub struct Machine {
    interfaces: BTreeMap<InterfaceIndex, Interface>,
    held: HeldAddresses,
    /// MAC addresses of this node with the number of its links that have them: a VLAN shares its parent's.
    own_macs: BTreeMap<MacAddr, u32>,
    peers: BTreeSet<MacAddr>,
    timers: Timers,
    pace: Pace,
    /// Spreads the reports of groups.
    random: SplitMix64,
    drops: DropCounters,
}

/// Hashed without a random key: what is looked up comes from the wire, but what is stored comes from the
/// configuration, so nobody outside can make buckets long, and equal inputs give equal outputs.
type HeldAddresses = HashMap<IpAddr, Held, BuildHasherDefault<DefaultHasher>>;

/// A wanted address.
#[derive(Debug)]
struct Held {
    rule: Interfaces,
    /// Probes are needed until they have found nobody on some interface.
    claim: Claim,
    /// Where it is present; as long as the node has qualified interfaces, which is short.
    presences: Vec<Presence>,
    counters: AddressCounters,
}

impl Held {
    fn presence(&mut self, interface: InterfaceIndex) -> Option<&mut Presence> {
        self.presences.iter_mut().find(|p| p.interface == interface)
    }
}

impl Machine {
    /// A machine that knows no address and no interface. `seed` decides the jitter.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            interfaces: BTreeMap::new(),
            held: HashMap::default(),
            own_macs: BTreeMap::new(),
            peers: BTreeSet::new(),
            timers: Timers::default(),
            pace: Pace::new(&config, seed),
            random: SplitMix64::new(seed),
            drops: DropCounters::default(),
        }
    }

    /// Takes in `input` at `now`, which never runs backwards, and appends what is to be done to `out`.
    ///
    /// Filters and announcements come with [`Input::Tick`] only. So give all inputs that are there, then tick: a filter is
    /// applied once for all of them, and before the frames that may be answered. One tick sends some hundred frames at
    /// most, so that questions do not wait long behind a burst; if more are due, [`Machine::next_deadline`] is not
    /// after `now`.
    pub fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::AddressWanted {
                address,
                interfaces,
                claim,
            } => self.want(now, address, interfaces, claim, out),
            Input::AddressReleased { address } => self.release(now, address, out),
            Input::LinkChanged(link) => self.change_link(now, link, out),
            Input::LinkDisappeared(index) => self.remove_link(now, index, out),
            Input::SocketFailed { interface, family } => self.fail_socket(now, interface, family, out),
            Input::PeersObserved(macs) => self.peers = macs,
            Input::RivalJudged { address, prevails } => self.judge_rival(now, address, prevails),
            Input::FrameReceived { interface, frame } => self.receive(now, interface, &frame, out),
            Input::Tick => self.run_timers(now, out),
        }
    }

    /// Takes in a frame that came through `interface` and appends at most one output: [`Output::SendFrame`] with the
    /// answer, [`Output::ReportConflict`] or [`Output::ReportRival`]. Allocates nothing while `out` has room for it; the time needed does not
    /// depend on the number of held addresses.
    pub fn receive(&mut self, now: Instant, interface: InterfaceIndex, frame: &[u8], out: &mut Vec<Output>) {
        let outcome = if mld::Query::is_likely(frame) {
            self.take_query(now, interface, frame)
        } else {
            self.answer(now, interface, frame, out)
                .map(|frame| out.push(Output::SendFrame { interface, frame }))
        };
        if let Err(reason) = outcome {
            self.drops.count(reason);
        }
    }

    /// When to call with [`Input::Tick`], if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// Whether `address` is wanted, on whatever interface.
    #[must_use]
    pub fn holds(&self, address: IpAddr) -> bool {
        self.held.contains_key(&address)
    }

    /// A copy of all counters, and where each address is present.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        Statistics {
            addresses: self
                .held
                .iter()
                .map(|(&a, held)| (a, held.statistics()))
                .collect(),
            drops: self.drops.by_reason(),
        }
    }
}

impl Held {
    fn statistics(&self) -> AddressStatistics {
        AddressStatistics {
            counters: self.counters,
            interfaces: self.interfaces_where(Presence::is_in_use),
            yielded: self.interfaces_where(Presence::is_yielded),
        }
    }

    fn interfaces_where(&self, holds: impl Fn(&Presence) -> bool) -> Vec<InterfaceIndex> {
        let presences = self.presences.iter().filter(|p| holds(p));
        let mut interfaces: Vec<InterfaceIndex> = presences.map(|p| p.interface).collect();
        interfaces.sort_unstable();
        interfaces
    }
}
