//! Why a Service gets no address, and what it then waits for (controller 4.4).

use core::net::IpAddr;

use ferrolb_types::IpFamily;

use crate::allocate::Applicant;
use crate::engine::Engine;
use crate::family::Demand;
use crate::holder::Refusal;
use crate::pool::PoolState;
use crate::reason::Reason;
use crate::record::ServiceId;
use crate::sharing::Claim;
use crate::waiting::{Need, Queue};

/// Why there is no placement, and what would change that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blocked {
    pub(crate) reason: Reason,
    pub(crate) message: String,
    pub(crate) queues: Vec<Queue>,
}

impl Blocked {
    /// Only a change of the Service, its Namespace or the pools can help.
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            queues: Vec::new(),
        }
    }

    /// Names what can help besides.
    pub(crate) fn waiting_for(mut self, queues: impl IntoIterator<Item = Queue>) -> Self {
        self.queues.extend(queues);
        self
    }
}

impl Engine {
    /// Says who is in the way on `addr`.
    pub(crate) fn refused(&self, addr: IpAddr, refusal: Refusal, claim: Option<&Claim>) -> Blocked {
        let name = |id: ServiceId| &self.directory[id].facts.key;
        match refusal {
            Refusal::InUse(other) if claim.is_some() => Blocked::new(
                Reason::AddressInUse,
                format!(
                    "`{addr}` is held by Service `{}`, which does not share it",
                    name(other)
                ),
            ),
            Refusal::InUse(other) => Blocked::new(
                Reason::AddressInUse,
                format!("`{addr}` is held by Service `{}`", name(other)),
            ),
            Refusal::OtherGroup(other) => Blocked::new(
                Reason::SharingConflict,
                format!(
                    "`{addr}` is shared by Service `{}` with another sharing key or other backends",
                    name(other)
                ),
            ),
            Refusal::PortTaken(port, other) => Blocked::new(
                Reason::SharingConflict,
                format!(
                    "port {}/{} of `{addr}` is taken by Service `{}`",
                    protocol(port.protocol),
                    port.number,
                    name(other)
                ),
            ),
        }
    }

    /// Why no pool gives `who` anything by itself.
    pub(crate) fn nothing_automatic(&self, who: Applicant<'_>, demand: Demand) -> Blocked {
        let all = || self.pinned_for(who.facts).chain(self.pools.unpinned());
        let candidates = || all().filter(|state| self.is_within_limits(who, state));
        let mut limits = all().filter_map(|state| self.check_limits(who, state).err());
        let blocked = if self.pools.is_empty() {
            Blocked::new(Reason::NoMatchingPool, "there is no IPAddressPool")
        } else if candidates().next().is_none() && all().next().is_some() {
            let quota = limits.find(|limit| limit.reason == Reason::QuotaReached);
            let mut blocked = quota.unwrap_or_else(|| self.confined(&who.facts.key.namespace, None));
            blocked.queues.clear();
            blocked
        } else if candidates().next().is_none() {
            let message = "no IPAddressPool is for this Service unless it asks for one; see `autoAssign` and `serviceAllocation` of the pools";
            Blocked::new(Reason::NoMatchingPool, message)
        } else if candidates().any(|state| can_serve(state, demand)) {
            let note = withheld_note(candidates().any(PoolState::withholds));
            let message = format!("no available address in any pool for this Service{note}");
            Blocked::new(Reason::PoolExhausted, message)
        } else {
            let message = format!("no pool for this Service has {}", wanted_families(demand));
            Blocked::new(Reason::FamilyUnavailable, message)
        };
        let queues = self.queues_for_stock(who, who.need(demand));
        blocked.waiting_for(who.queues(queues))
    }

    /// The queues for a free address of any pool that the Service may use by itself. Pools that its limits keep it from
    /// are not waited for, but for its quota in them.
    fn queues_for_stock(&self, who: Applicant<'_>, need: Need) -> Vec<Queue> {
        let stock = |state: &PoolState| Queue::Stock(state.pool.name.clone(), need);
        let limit = |state: &PoolState| self.check_limits(who, state).err();
        let mut queues = self.queues_for_reservation(who);
        for state in self.pinned_for(who.facts) {
            match limit(state) {
                None => queues.push(stock(state)),
                Some(blocked) => queues.extend(blocked.queues),
            }
        }
        let limits: Vec<Option<Blocked>> = self.pools.unpinned().map(limit).collect();
        if limits.iter().all(Option::is_none) {
            queues.push(Queue::Automatic(need));
            return queues;
        }
        for (state, limit) in self.pools.unpinned().zip(limits) {
            match limit {
                None => queues.push(stock(state)),
                Some(blocked) => queues.extend(blocked.queues),
            }
        }
        queues
    }

    /// What could make a reservation usable that is not now: quota in its pool, or the family that it lacks.
    pub(crate) fn queues_for_reservation(&self, who: Applicant<'_>) -> Vec<Queue> {
        let entries = who.reservation.into_iter().flat_map(|key| self.ledger.find(key));
        let states = entries.filter_map(|(pool, _)| self.pools.get(pool));
        let queues = states.flat_map(|state| match self.check_limits(who, state) {
            Ok(()) => vec![Queue::Stock(state.pool.name.clone(), Need::Either)],
            Err(blocked) => blocked.queues,
        });
        queues.collect()
    }
}

/// Whether the pool could serve `demand` if it were empty.
pub(crate) fn can_serve(state: &PoolState, demand: Demand) -> bool {
    let has = |family| state.has_family(family);
    match demand {
        Demand::Single(family) => has(family),
        Demand::Both => has(IpFamily::V4) && has(IpFamily::V6),
        Demand::Prefer { .. } => has(IpFamily::V4) || has(IpFamily::V6),
    }
}

/// The addresses that `demand` needs, in words.
pub(crate) fn wanted_families(demand: Demand) -> String {
    match demand {
        Demand::Single(family) => format!("{family} addresses"),
        Demand::Both => "both IPv4 and IPv6 addresses".to_owned(),
        Demand::Prefer { .. } => "addresses".to_owned(),
    }
}

/// Ends a message about a pool that keeps some of its addresses back.
pub(crate) const fn withheld_note(withholds: bool) -> &'static str {
    if withholds {
        "; some are reserved or rest after their release"
    } else {
        ""
    }
}

const fn protocol(protocol: ferrolb_api::facts::Protocol) -> &'static str {
    use ferrolb_api::facts::Protocol;
    match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Sctp => "SCTP",
    }
}
