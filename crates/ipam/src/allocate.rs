//! Choosing pools and addresses (controller 8). Nothing here changes anything.

use core::net::IpAddr;

use ferrolb_api::ReservationKey;
use ferrolb_api::facts::ServiceFacts;
use ferrolb_types::{IpFamily, PoolName};

use crate::blocked::{Blocked, can_serve, wanted_families, withheld_note};
use crate::engine::Engine;
use crate::family::{ClusterFamily, Demand, quoted};
use crate::pool::{self, PoolState};
use crate::reason::Reason;
use crate::record::{Addresses, ServiceId};
use crate::request::Wish;
use crate::sharing::Claim;
use crate::waiting::{Need, Queue};

/// Addresses of one pool, chosen and not yet taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) addresses: Addresses,
    pub(crate) pool: PoolName,
}

/// A Service that wants addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Applicant<'a> {
    pub(crate) id: ServiceId,
    pub(crate) facts: &'a ServiceFacts,
    pub(crate) cluster: ClusterFamily,
    pub(crate) claim: Option<&'a Claim>,
    /// The name that it reserves its addresses under.
    pub(crate) reservation: Option<&'a ReservationKey>,
}

impl Engine {
    /// The addresses that fulfil `wish`, if there are any.
    pub(crate) fn allocate(&self, who: Applicant<'_>, wish: &Wish) -> Result<Placement, Blocked> {
        if self.options().await_namespaces && self.directory.namespace(&who.facts.key.namespace).is_none() {
            let message = format!("Namespace `{}` has not been seen yet", who.facts.key.namespace);
            return Err(Blocked::new(Reason::NamespaceUnknown, message));
        }
        match wish {
            Wish::Addresses { wanted, pool } => self.requested(who, wanted, pool.as_ref()),
            Wish::Pool(name) => match self.reserved(who, Some(name)) {
                Some(placement) => Ok(placement),
                None => self.in_pool(who, name),
            },
            Wish::Anything => match self.reserved(who, None) {
                Some(placement) => Ok(placement),
                None => self.automatic(who),
            },
        }
    }

    /// What is reserved under the name of the Service, if it may have that now; a family that is missing is added.
    fn reserved(&self, who: Applicant<'_>, within: Option<&PoolName>) -> Option<Placement> {
        let demand = who.demand().ok()?;
        let entries = self.ledger.find(who.reservation?);
        let mut entries = entries.filter(|(pool, _)| within.is_none_or(|within| within == *pool));
        entries.find_map(|(pool, addresses)| {
            let state = self.pools.get(pool)?;
            self.check_allowed(who, state).ok()?;
            let usable = |addr: &&IpAddr| {
                state.owns(**addr)
                    && demand.includes(IpFamily::of(**addr))
                    && self.holders.admits(**addr, who.id, who.claim).is_ok()
            };
            let usable: Vec<IpAddr> = addresses.as_slice().iter().filter(usable).copied().collect();
            let addresses = self.completed(who, state, demand, Addresses::from_slice(&usable)?)?;
            let pool = pool.clone();
            Some(Placement { addresses, pool })
        })
    }

    /// Reserved addresses with the family that `demand` has besides.
    fn completed(
        &self,
        who: Applicant<'_>,
        state: &PoolState,
        demand: Demand,
        addresses: Addresses,
    ) -> Option<Addresses> {
        let missing = addresses
            .missing_family()
            .filter(|family| demand.includes(*family));
        let (Addresses::One([first]), Some(family)) = (addresses, missing) else {
            return Some(addresses.ipv4_first());
        };
        match state.lowest(family, who.claim) {
            Some(second) => Some(Addresses::Two([first, second]).ipv4_first()),
            None => (demand != Demand::Both).then_some(addresses),
        }
    }

    /// Controller 4.3 step 3.
    fn requested(
        &self,
        who: Applicant<'_>,
        wanted: &Addresses,
        named: Option<&PoolName>,
    ) -> Result<Placement, Blocked> {
        let pool = self.check_request(who, wanted, named);
        let queues = wanted.as_slice().iter().copied().map(Queue::Address);
        match pool {
            Ok(pool) => Ok(Placement {
                addresses: *wanted,
                pool,
            }),
            Err(blocked) => Err(blocked.waiting_for(queues)),
        }
    }

    fn check_request(
        &self,
        who: Applicant<'_>,
        wanted: &Addresses,
        named: Option<&PoolName>,
    ) -> Result<PoolName, Blocked> {
        let addresses = wanted.as_slice();
        let all_families = match who.cluster {
            ClusterFamily::Single(family) => addresses.len() == 1 && IpFamily::of(addresses[0]) == family,
            ClusterFamily::Dual => addresses.len() == 2,
        };
        if !all_families {
            return Err(Blocked::new(
                Reason::FamilyUnavailable,
                format!(
                    "the addresses asked for, {}, are not of the families of the cluster IPs {}; ask for one of each family that the Service has",
                    quoted(addresses),
                    quoted(&who.facts.cluster_ips),
                ),
            ));
        }
        let state = self.owner_of_all(addresses).ok_or_else(|| {
            let message = format!("no pool owns {}", quoted(addresses));
            Blocked::new(Reason::NoMatchingPool, message)
        })?;
        let name = &state.pool.name;
        if let Some(named) = named.filter(|named| *named != name) {
            let message = format!(
                "{} is in pool `{name}`, but pool `{named}` is asked for",
                quoted(addresses)
            );
            return Err(Blocked::new(Reason::NoMatchingPool, message));
        }
        self.check_allowed(who, state)?;
        for addr in addresses {
            self.holders
                .admits(*addr, who.id, who.claim)
                .map_err(|refusal| self.refused(*addr, refusal, who.claim))?;
            self.check_withheld(who, name, *addr)?;
        }
        Ok(name.clone())
    }

    /// Whether `who` may have an address that nobody holds.
    fn check_withheld(&self, who: Applicant<'_>, pool: &PoolName, addr: IpAddr) -> Result<(), Blocked> {
        if self.holders.get(addr).is_some() {
            return Ok(());
        }
        match (self.ledger.keys_of(pool, addr), who.reservation) {
            (Some(keys), Some(own)) if keys.contains(own) => Ok(()),
            (Some(keys), _) => {
                let keys: Vec<String> = keys.iter().take(3).map(|key| format!("`{key}`")).collect();
                let message = format!(
                    "`{addr}` is reserved under {}; see `ferrolb.io/reservations` of pool `{pool}`",
                    keys.join(", ")
                );
                Err(Blocked::new(Reason::AddressReserved, message))
            }
            (None, _) if self.resting.until(addr).is_some() => Err(Blocked::new(
                Reason::AddressResting,
                format!(
                    "`{addr}` was released a short time ago; `ferrolb.io/release-delay` of pool `{pool}` keeps it unused"
                ),
            )),
            (None, _) => Ok(()),
        }
    }

    /// The pool that owns each of `addresses`.
    fn owner_of_all(&self, addresses: &[IpAddr]) -> Option<&PoolState> {
        let state = self.pools.get(self.pools.owner(*addresses.first()?)?)?;
        addresses.iter().all(|addr| state.owns(*addr)).then_some(state)
    }

    fn check_allowed(&self, who: Applicant<'_>, state: &PoolState) -> Result<(), Blocked> {
        let labels = self.directory.labels(&who.facts.key.namespace);
        if pool::allows(&state.pool, who.facts, labels) {
            return self.check_limits(who, state);
        }
        let message = format!(
            "pool `{}` may not be used by this Service; see `serviceAllocation` of the pool",
            state.pool.name
        );
        Err(Blocked::new(Reason::NoMatchingPool, message))
    }

    /// Controller 8.4.
    fn in_pool(&self, who: Applicant<'_>, name: &PoolName) -> Result<Placement, Blocked> {
        let Some(state) = self.pools.get(name) else {
            let message = if self.pools.is_refused(name) {
                format!("pool `{name}` is asked for, but it is refused; see its problems")
            } else {
                format!("there is no pool `{name}`")
            };
            return Err(Blocked::new(Reason::NoMatchingPool, message));
        };
        self.check_allowed(who, state)?;
        let demand = who.demand()?;
        best_of([state].into_iter(), demand, who.claim).ok_or_else(|| {
            let blocked = if can_serve(state, demand) {
                let note = withheld_note(state.withholds());
                let message = format!("no available address in pool `{name}`{note}");
                Blocked::new(Reason::PoolExhausted, message)
            } else {
                let message = format!("pool `{name}` has no {}", wanted_families(demand));
                Blocked::new(Reason::FamilyUnavailable, message)
            };
            let mut queues = self.queues_for_reservation(who);
            queues.push(Queue::Stock(name.clone(), who.need(demand)));
            blocked.waiting_for(who.queues(queues))
        })
    }

    /// Controller 8.3: pinned pools by priority, then the unpinned ones.
    fn automatic(&self, who: Applicant<'_>) -> Result<Placement, Blocked> {
        let demand = who.demand()?;
        let is_open = |state: &&PoolState| self.is_within_limits(who, state);
        best_of(self.pinned_for(who.facts).filter(is_open), demand, who.claim)
            .or_else(|| best_of(self.pools.unpinned().filter(is_open), demand, who.claim))
            .ok_or_else(|| self.nothing_automatic(who, demand))
    }

    /// Pinned pools that `facts` may use without asking, best first.
    pub(crate) fn pinned_for<'a>(&'a self, facts: &'a ServiceFacts) -> impl Iterator<Item = &'a PoolState> {
        let namespace = &facts.key.namespace;
        let labels = self.directory.labels(namespace);
        let names = self.directory.pinned(namespace, self.pools.generation());
        names
            .into_iter()
            .flat_map(|names| names.iter())
            .filter_map(|name| self.pools.get(name))
            .filter(move |state| pool::allows(&state.pool, facts, labels))
    }

    /// Works out which pinned pools concern a namespace, once per change of the pools or its labels.
    pub(crate) fn prepare_pinned(&mut self, facts: &ServiceFacts) {
        let namespace = &facts.key.namespace;
        let generation = self.pools.generation();
        if self.directory.pinned(namespace, generation).is_none() {
            let labels = self.directory.labels(namespace);
            let concerned = |state: &&PoolState| pool::allows_namespace(&state.pool, namespace, labels);
            let pinned = self.pools.pinned().filter(concerned);
            let names = pinned.map(|state| state.pool.name.clone()).collect();
            self.directory.remember_pinned(namespace, generation, names);
        }
    }

    /// An address of `family` from the pool that the Service has its other address from (controller 8.5).
    pub(crate) fn second(
        &self,
        who: Applicant<'_>,
        pool: &PoolName,
        family: IpFamily,
    ) -> Result<IpAddr, Blocked> {
        let state = self.pools.get(pool);
        if let Some(state) = state {
            self.check_limits(who, state)?;
        }
        if let Some(addr) = state.and_then(|state| state.lowest(family, who.claim)) {
            return Ok(addr);
        }
        let blocked = if state.is_some_and(|state| state.has_family(family)) {
            let message = format!("no available {family} address in pool `{pool}`");
            Blocked::new(Reason::PoolExhausted, message)
        } else {
            let message = format!("pool `{pool}` has no {family} addresses");
            Blocked::new(Reason::FamilyUnavailable, message)
        };
        Err(blocked.waiting_for(who.queues([Queue::Stock(pool.clone(), family.into())])))
    }
}

impl Applicant<'_> {
    pub(crate) fn demand(&self) -> Result<Demand, Blocked> {
        Demand::of(self.cluster, self.facts)
            .map_err(|error| Blocked::new(Reason::FamilyUnavailable, error.to_string()))
    }

    /// What a release has to bring.
    pub(crate) fn need(&self, demand: Demand) -> Need {
        match demand {
            Demand::Single(family) => family.into(),
            Demand::Both if self.claim.is_some() => Need::BothOrShared,
            Demand::Both => Need::Both,
            Demand::Prefer { .. } => Need::Either,
        }
    }

    /// `queues`, and those for room on an address of the Service's group.
    pub(crate) fn queues(&self, queues: impl IntoIterator<Item = Queue>) -> Vec<Queue> {
        let sharing = self.claim.into_iter().flat_map(Queue::for_sharing);
        let reserved = self.reservation.cloned().map(Queue::Reserved);
        queues.into_iter().chain(sharing).chain(reserved).collect()
    }
}

/// The first pool that serves `demand` best, with its lowest addresses (controller 8.2).
fn best_of<'a>(
    pools: impl Iterator<Item = &'a PoolState>,
    demand: Demand,
    claim: Option<&Claim>,
) -> Option<Placement> {
    let mut of_primary = None;
    let mut of_other = None;
    for state in pools {
        let lowest = |family| state.lowest(family, claim);
        let place = |addresses| Placement {
            addresses,
            pool: state.pool.name.clone(),
        };
        let one = |addr| place(Addresses::One([addr]));
        match demand {
            Demand::Single(family) => {
                if let Some(addr) = lowest(family) {
                    return Some(one(addr));
                }
            }
            Demand::Both | Demand::Prefer { .. } => {
                let (ipv4, ipv6) = (lowest(IpFamily::V4), lowest(IpFamily::V6));
                if let (Some(ipv4), Some(ipv6)) = (ipv4, ipv6) {
                    return Some(place(Addresses::Two([ipv4, ipv6])));
                }
                if let (Demand::Prefer { primary }, Some(addr)) = (demand, ipv4.or(ipv6)) {
                    let fallback = if IpFamily::of(addr) == primary {
                        &mut of_primary
                    } else {
                        &mut of_other
                    };
                    fallback.get_or_insert_with(|| one(addr));
                }
            }
        }
    }
    of_primary.or(of_other)
}
