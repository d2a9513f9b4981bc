//! Everything that layer 2 needs of one interface, kept in step with the addresses that are held there.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ferrolb_types::{InterfaceIndex, IpFamily};

use crate::{EtherProtocol, Filter, MulticastMembership, PacketSocket, SocketError, Statistics};

/// Below this length a filter is not tried: it holds one range for either family.
const MIN_INSTRUCTIONS: usize = 64;
/// The length of a filter that is to be in force at once: the kernel compiles it within a tenth of a millisecond. It is
/// exact for a hundred scattered addresses, or for those of a pool of 2,000.
const QUICK_INSTRUCTIONS: usize = 512;

/// The ARP and the NDP socket of one interface, the kernel filters of both and the multicast groups.
///
/// ```text
///   hold, release ────────────────▶ wanted addresses ──apply───▶ filters          (one apply for a batch of changes)
///                                                    ──refine──▶ exact filters    (once the changes are over)
///   join, leave, hear_all_groups ─▶ wanted groups ─────apply───▶ memberships
///   enable(V4) ─▶ ARP socket ─▶ register it with a poll, receive, send
///   enable(V6) ─▶ NDP socket
/// ```
///
/// Each family is switched on and off on its own, because an interface may qualify for one only. Addresses
/// are remembered while their family is off. Call [`PacketPort::apply`] before frames about new addresses are
/// sent, so that no answer is missed. Both `enable` and `apply` open sockets: call them on threads in the
/// network namespace of the interface.
#[derive(Debug)]
pub struct PacketPort {
    index: InterfaceIndex,
    arp: Side<Ipv4Addr>,
    ndp: Side<Ipv6Addr>,
    membership: MulticastMembership,
    /// The groups to be a member of.
    groups: BTreeSet<Ipv6Addr>,
    /// Groups whose membership may not be as `groups` wants it.
    unsettled: BTreeSet<Ipv6Addr>,
    all_groups_wanted: bool,
    all_groups_heard: bool,
}

/// One family's socket and addresses.
#[derive(Debug)]
struct Side<A> {
    socket: Option<PacketSocket>,
    held: BTreeSet<A>,
    /// Whether the filter in the kernel is older than `held`.
    outdated: bool,
    /// Whether it is exact, as far as it can be.
    exact: bool,
    /// The length of program that the kernel has taken so far.
    limit: usize,
    foreign_keys: u64,
}

impl<A: Copy + Ord> Side<A> {
    const fn new() -> Self {
        Self {
            socket: None,
            held: BTreeSet::new(),
            outdated: false,
            exact: false,
            limit: Filter::MAX_INSTRUCTIONS,
            foreign_keys: 0,
        }
    }

    /// Attaches a filter for the held addresses if the present one is older.
    fn apply(&mut self, build: impl Fn(&BTreeSet<A>, usize) -> Filter) -> Result<(), SocketError> {
        if !self.outdated {
            return Ok(());
        }
        self.attach(QUICK_INSTRUCTIONS, build)
    }

    /// Attaches the exact filter, or what comes next to it.
    fn refine(&mut self, build: impl Fn(&BTreeSet<A>, usize) -> Filter) -> Result<(), SocketError> {
        if !self.outdated && self.exact {
            return Ok(());
        }
        self.attach(Filter::MAX_INSTRUCTIONS, build)
    }

    /// Attaches a filter of at most `wanted` instructions; where the kernel has less room (`net.core.optmem_max` was 20 KiB
    /// before Linux 6.7), a shorter one that lets more foreign frames pass.
    fn attach(
        &mut self,
        wanted: usize,
        build: impl Fn(&BTreeSet<A>, usize) -> Filter,
    ) -> Result<(), SocketError> {
        let Some(socket) = &self.socket else {
            return Ok(());
        };
        loop {
            let filter = build(&self.held, self.limit.min(wanted));
            match socket.set_filter(&filter) {
                Ok(()) => {
                    self.foreign_keys = filter.foreign_keys();
                    self.outdated = false;
                    self.exact = wanted == Filter::MAX_INSTRUCTIONS || filter.is_exact();
                    return Ok(());
                }
                Err(SocketError::NoFilterMemory(_)) if self.limit / 2 >= MIN_INSTRUCTIONS => self.limit /= 2,
                Err(error) => return Err(error),
            }
        }
    }

    fn enable(
        &mut self,
        index: InterfaceIndex,
        protocol: EtherProtocol,
    ) -> Result<&mut PacketSocket, SocketError> {
        match &mut self.socket {
            Some(socket) => Ok(socket),
            closed @ None => {
                let socket = PacketSocket::open(index, protocol, &Filter::nothing())?;
                self.outdated = true;
                Ok(closed.insert(socket))
            }
        }
    }
}

impl PacketPort {
    /// A port with both families off and no address held.
    #[must_use]
    pub const fn new(index: InterfaceIndex) -> Self {
        Self {
            index,
            arp: Side::new(),
            ndp: Side::new(),
            membership: MulticastMembership::new(index),
            groups: BTreeSet::new(),
            unsettled: BTreeSet::new(),
            all_groups_wanted: false,
            all_groups_heard: false,
        }
    }

    /// The interface of this port.
    #[must_use]
    pub const fn interface(&self) -> InterfaceIndex {
        self.index
    }

    /// Opens the socket of `family` if it is not open, and returns it to be registered with a poll. Until the
    /// next [`PacketPort::apply`] it receives nothing.
    ///
    /// # Errors
    /// [`SocketError`]; the family stays off then.
    pub fn enable(&mut self, family: IpFamily) -> Result<&mut PacketSocket, SocketError> {
        match family {
            IpFamily::V4 => self.arp.enable(self.index, EtherProtocol::Arp),
            IpFamily::V6 => {
                self.unsettled.extend(&self.groups);
                self.ndp.enable(self.index, EtherProtocol::Ipv6)
            }
        }
    }

    /// Closes the socket of `family`, which takes it out of every poll, and for IPv6 leaves the groups.
    pub fn disable(&mut self, family: IpFamily) {
        match family {
            IpFamily::V4 => self.arp.socket = None,
            IpFamily::V6 => {
                self.ndp.socket = None;
                self.membership = MulticastMembership::new(self.index);
                self.all_groups_heard = false;
            }
        }
    }

    /// The socket of `family` while it is on.
    #[must_use]
    pub const fn socket(&self, family: IpFamily) -> Option<&PacketSocket> {
        match family {
            IpFamily::V4 => self.arp.socket.as_ref(),
            IpFamily::V6 => self.ndp.socket.as_ref(),
        }
    }

    /// Notes that frames about `addr` are wanted. Returns whether that is news.
    pub fn hold(&mut self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(v4) => {
                let new = self.arp.held.insert(v4);
                self.arp.outdated |= new;
                new
            }
            IpAddr::V6(v6) => {
                let new = self.ndp.held.insert(v6);
                self.ndp.outdated |= new;
                new
            }
        }
    }

    /// Notes that frames about `addr` are not wanted any more. Returns whether that is news.
    pub fn release(&mut self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(v4) => {
                let gone = self.arp.held.remove(&v4);
                self.arp.outdated |= gone;
                gone
            }
            IpAddr::V6(v6) => {
                let gone = self.ndp.held.remove(&v6);
                self.ndp.outdated |= gone;
                gone
            }
        }
    }

    /// Notes that the kernel is to be a member of `group`, so that it reports the group and lets its frames in.
    pub fn join(&mut self, group: Ipv6Addr) {
        if self.groups.insert(group) {
            self.unsettled.insert(group);
        }
    }

    /// Notes that `group` is not wanted any more.
    pub fn leave(&mut self, group: Ipv6Addr) {
        if self.groups.remove(&group) {
            self.unsettled.insert(group);
        }
    }

    /// Notes whether the frames of all groups are to be let in. Reporting them to switches is the caller's then.
    pub const fn hear_all_groups(&mut self, on: bool) {
        self.all_groups_wanted = on;
    }

    /// Brings the kernel's filters and groups into line with what is held. Costs nothing when nothing
    /// changed; else in proportion to the number of held addresses of the family that changed, so gather
    /// changes first. With many addresses the filters let in what is beside them, until [`PacketPort::refine`].
    ///
    /// # Errors
    /// The first of the [`SocketError`]s that occurred. Everything else was applied, and what failed is tried
    /// again next time.
    pub fn apply(&mut self) -> Result<(), SocketError> {
        let groups = self.settle_groups();
        let (arp, ndp) = (self.arp.apply(arp_filter), self.ndp.apply(ndp_filter));
        arp.and(ndp).and(groups)
    }

    /// Makes the filters exact, which takes the kernel a millisecond with many addresses. Costs nothing when they are.
    ///
    /// # Errors
    /// As [`PacketPort::apply`].
    pub fn refine(&mut self) -> Result<(), SocketError> {
        let groups = self.settle_groups();
        let (arp, ndp) = (self.arp.refine(arp_filter), self.ndp.refine(ndp_filter));
        arp.and(ndp).and(groups)
    }

    fn settle_groups(&mut self) -> Result<(), SocketError> {
        let Some(socket) = &self.ndp.socket else {
            self.unsettled.clear();
            return Ok(());
        };
        let mut outcome = Ok(());
        if self.all_groups_heard != self.all_groups_wanted {
            outcome = socket.hear_all_groups(self.all_groups_wanted);
            self.all_groups_heard = self.all_groups_wanted && outcome.is_ok();
        }
        let (groups, membership) = (&self.groups, &mut self.membership);
        self.unsettled.retain(|&group| {
            let wanted = groups.contains(&group);
            let result = if wanted {
                membership.join(group)
            } else {
                membership.leave(group)
            };
            let failed = result.is_err();
            if outcome.is_ok() {
                outcome = result;
            }
            failed && wanted
        });
        outcome
    }

    /// Sends `frame` through the socket of `family`; both send any frame, the family only says which is open.
    ///
    /// # Errors
    /// `NotConnected` while the family is off, else as [`PacketSocket::send`].
    pub fn send(&self, family: IpFamily, frame: &[u8]) -> io::Result<()> {
        match self.socket(family) {
            Some(socket) => socket.send(frame),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// How many keys of nobody here pass the two filters, see [`Filter::foreign_keys`].
    #[must_use]
    pub const fn foreign_keys(&self) -> u64 {
        self.arp.foreign_keys.saturating_add(self.ndp.foreign_keys)
    }

    /// The counters of the sockets that are on, together; they begin at zero again.
    ///
    /// # Errors
    /// [`SocketError::System`].
    pub fn take_statistics(&self) -> Result<Statistics, SocketError> {
        let mut sum = Statistics::default();
        for socket in [&self.arp.socket, &self.ndp.socket].into_iter().flatten() {
            let one = socket.take_statistics()?;
            sum.passed = sum.passed.saturating_add(one.passed);
            sum.dropped = sum.dropped.saturating_add(one.dropped);
        }
        Ok(sum)
    }
}

fn arp_filter(held: &BTreeSet<Ipv4Addr>, limit: usize) -> Filter {
    Filter::arp(held.iter().copied(), limit)
}

fn ndp_filter(held: &BTreeSet<Ipv6Addr>, limit: usize) -> Filter {
    Filter::ndp(held.iter().copied(), limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn holding_and_releasing_twice_is_no_news() {
        let mut port = PacketPort::new(InterfaceIndex(1));
        assert!(port.hold(addr("192.0.2.1")));
        assert!(!port.hold(addr("192.0.2.1")));
        assert!(port.release(addr("192.0.2.1")));
        assert!(!port.release(addr("192.0.2.1")));
    }

    #[test]
    fn applying_and_sending_with_both_families_off_does_nothing() {
        let mut port = PacketPort::new(InterfaceIndex(1));
        port.hold(addr("2001:db8::1"));
        port.join("ff02::1:ff00:1".parse().unwrap());
        port.apply().unwrap();
        assert!(port.membership.is_empty());
        let error = port.send(IpFamily::V4, &[0; 60]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotConnected);
    }
}
