//! Who waits for what: every waiting Service stands in the queues whose event could serve it, oldest first.

use core::net::IpAddr;
use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_api::ReservationKey;
use ferrolb_api::facts::{Port, Protocol};
use ferrolb_types::{IpFamily, NamespaceName, PoolName};

use crate::record::Turn;
use crate::sharing::{Claim, GroupKey};

/// Something that can be waited for. Changes of pools are in no queue: they concern all who wait.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Queue {
    /// A free address of any pool that is unpinned and assigned automatically.
    Automatic(Need),
    /// A free address of this pool.
    Stock(PoolName, Need),
    /// This address.
    Address(IpAddr),
    /// Room on an address of this group where this port is free.
    Group(Arc<GroupKey>, Port),
    /// What is reserved under this name.
    Reserved(ReservationKey),
    /// One Service less of this namespace in this pool.
    Quota(PoolName, NamespaceName),
}

/// Which free addresses help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// An IPv4 address.
    V4,
    /// An IPv6 address.
    V6,
    /// One of each.
    Both,
    /// One of each, of which one may be shared.
    BothOrShared,
    /// Any.
    Either,
}

impl Need {
    pub(crate) const ALL: [Self; 5] = [Self::V4, Self::V6, Self::Both, Self::BothOrShared, Self::Either];

    /// Whether a pool can serve it that has free addresses of these families; maybe, for [`Need::BothOrShared`].
    pub(crate) const fn is_met(self, ipv4: bool, ipv6: bool) -> bool {
        match self {
            Self::V4 => ipv4,
            Self::V6 => ipv6,
            Self::Both => ipv4 && ipv6,
            Self::BothOrShared | Self::Either => ipv4 || ipv6,
        }
    }
}

impl From<IpFamily> for Need {
    fn from(family: IpFamily) -> Self {
        match family {
            IpFamily::V4 => Self::V4,
            IpFamily::V6 => Self::V6,
        }
    }
}

/// Where Services without ports stand in [`Queue::Group`]: no port is ever taken from them. The lowest of all ports.
const NO_PORT: Port = Port {
    protocol: Protocol::Tcp,
    number: 0,
};

impl Queue {
    /// The queues for room in the group of `claim`.
    pub(crate) fn for_sharing(claim: &Claim) -> impl Iterator<Item = Self> + '_ {
        let ports = if claim.ports.is_empty() {
            &[NO_PORT]
        } else {
            &*claim.ports
        };
        ports
            .iter()
            .map(|port| Self::Group(Arc::clone(&claim.group), *port))
    }
}

/// All queues.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting {
    everyone: BTreeSet<Arc<Turn>>,
    queues: BTreeMap<Queue, BTreeSet<Arc<Turn>>>,
}

impl Waiting {
    /// Puts a Service into `queues`; without any it waits for changes of pools only.
    pub(crate) fn enter(&mut self, turn: &Arc<Turn>, queues: &[Queue]) {
        self.everyone.insert(Arc::clone(turn));
        for queue in queues {
            match self.queues.get_mut(queue) {
                Some(turns) => turns.insert(Arc::clone(turn)),
                None => self
                    .queues
                    .entry(queue.clone())
                    .or_default()
                    .insert(Arc::clone(turn)),
            };
        }
    }

    /// Takes it out of the `queues` that it entered.
    pub(crate) fn leave(&mut self, turn: &Arc<Turn>, queues: &[Queue]) {
        self.everyone.remove(turn);
        for queue in queues {
            if let Some(turns) = self.queues.get_mut(queue) {
                turns.remove(turn);
                if turns.is_empty() {
                    self.queues.remove(queue);
                }
            }
        }
    }

    /// All who wait, oldest first.
    pub(crate) const fn everyone(&self) -> &BTreeSet<Arc<Turn>> {
        &self.everyone
    }

    /// The queues for room in `group` that somebody stands in.
    pub(crate) fn group_queues<'a>(&'a self, group: &'a Arc<GroupKey>) -> impl Iterator<Item = Queue> + 'a {
        let from = Queue::Group(Arc::clone(group), NO_PORT);
        let of_group = move |queue: &&Queue| matches!(queue, Queue::Group(of, _) if of == group);
        let queues = self.queues.range(from..).map(|(queue, _)| queue);
        queues.take_while(of_group).cloned()
    }

    /// The oldest in `queue` that is younger than `after`.
    fn next(&self, queue: &Queue, after: Option<&Arc<Turn>>) -> Option<Arc<Turn>> {
        let turns = self.queues.get(queue)?;
        let next = match after {
            None => turns.first(),
            Some(after) => turns
                .range::<Arc<Turn>, _>((Bound::Excluded(after), Bound::Unbounded))
                .next(),
        };
        next.cloned()
    }
}

/// Goes through several queues at once, oldest first, everyone at most once per queue, while the queues change.
#[derive(Debug)]
pub(crate) struct Merge {
    heads: BTreeSet<(Arc<Turn>, Queue)>,
}

impl Merge {
    pub(crate) fn new(waiting: &Waiting, queues: impl IntoIterator<Item = Queue>) -> Self {
        let head = |queue: Queue| Some((waiting.next(&queue, None)?, queue));
        Self {
            heads: queues.into_iter().filter_map(head).collect(),
        }
    }

    /// The next in turn. A queue for which `is_open` says no is not looked at again.
    pub(crate) fn next(&mut self, waiting: &Waiting, is_open: impl Fn(&Queue) -> bool) -> Option<Arc<Turn>> {
        loop {
            let (turn, queue) = self.heads.pop_first()?;
            if is_open(&queue) {
                if let Some(next) = waiting.next(&queue, Some(&turn)) {
                    self.heads.insert((next, queue));
                }
                return Some(turn);
            }
        }
    }
}
