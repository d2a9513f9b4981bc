//! What keeps each pool from serving a Service, for `explain`. The same rules as the decision, asked pool by pool.

use core::fmt;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use ferrolb_api::facts::Fence;
use ferrolb_types::{IpFamily, NamespaceName, ObjectKey, PoolName};

use crate::allocate::Applicant;
use crate::engine::Engine;
use crate::family::{ClusterFamily, Demand};
use crate::pool::{self, PoolState};
use crate::record::ServiceId;
use crate::request::{Wish, reservation_of};
use crate::sharing::Claim;

/// What a pool could do for a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fitness {
    /// The pool.
    pub pool: PoolName,
    /// What is in the way; empty if nothing is.
    pub obstacles: Vec<Obstacle>,
}

/// One thing that keeps a pool from serving a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obstacle {
    /// The Service asks for another pool.
    OtherPoolAsked(PoolName),
    /// The pool is only for Services that ask for it.
    NotAutomatic,
    /// `serviceAllocation` does not name the namespace of the Service.
    Namespace,
    /// The fence of the Namespace (annotation `ferrolb.io/pools`) leaves the pool out.
    Fence,
    /// The fence of the Namespace is malformed at this text, so that it lets nobody through.
    MalformedFence(Box<str>),
    /// The Services of the namespace have as many of its addresses as they may (annotation `ferrolb.io/max-per-namespace`).
    Quota,
    /// `serviceAllocation` selects Services by labels that this one has not.
    ServiceLabels,
    /// The pool has no address of a family that the Service needs.
    WithoutFamily(IpFamily),
    /// Every address of a family that the Service needs is taken.
    Exhausted(IpFamily),
    /// An address that the Service asks for is not in the pool.
    WithoutAddress(IpAddr),
    /// An address that the Service asks for is taken.
    AddressHeld {
        /// The address.
        address: IpAddr,
        /// The Services that have it.
        by: Vec<ObjectKey>,
        /// Why it cannot be shared with them.
        why: String,
    },
}

/// What is in the way and who can change it, in one line.
impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherPoolAsked(pool) => write!(f, "the Service asks for pool `{pool}`"),
            Self::NotAutomatic => f.write_str(
                "it has `autoAssign: false`, and the Service does not ask for it with annotation `metallb.io/address-pool`",
            ),
            Self::Namespace => f.write_str("its `serviceAllocation` does not cover the namespace of the Service"),
            Self::Fence => f.write_str("annotation `ferrolb.io/pools` of the Namespace leaves it out"),
            Self::MalformedFence(wrong) => write!(
                f,
                "annotation `ferrolb.io/pools` of the Namespace is malformed at `{wrong}`, so it admits no pool"
            ),
            Self::Quota => f.write_str("the namespace has as many of its addresses as `ferrolb.io/max-per-namespace` allows"),
            Self::ServiceLabels => f.write_str("its `serviceAllocation.serviceSelectors` do not match the labels of the Service"),
            Self::WithoutFamily(family) => write!(f, "it has no {family} addresses"),
            Self::Exhausted(family) => write!(f, "none of its {family} addresses is free"),
            Self::WithoutAddress(address) => write!(f, "`{address}`, which the Service asks for, is not in it"),
            Self::AddressHeld { why, .. } => f.write_str(why),
        }
    }
}

impl Obstacle {
    /// What would take it out of the way, if `pool` is the pool that it is about and `service` the Service.
    #[must_use]
    pub fn remedy(&self, pool: &PoolName, service: &ObjectKey) -> String {
        match self {
            Self::OtherPoolAsked(asked) => format!(
                "let the Service ask for pool `{pool}` instead of `{asked}` (annotation `metallb.io/address-pool`)"
            ),
            Self::NotAutomatic => format!(
                "let the Service ask for it with annotation `metallb.io/address-pool: {pool}`, or set `autoAssign: true` in pool `{pool}`"
            ),
            Self::Namespace => format!(
                "add namespace `{}` to `serviceAllocation.namespaces` of pool `{pool}`",
                service.namespace
            ),
            Self::Fence => format!(
                "add `{pool}` to annotation `ferrolb.io/pools` of Namespace `{}`",
                service.namespace
            ),
            Self::MalformedFence(_) => format!(
                "correct annotation `ferrolb.io/pools` of Namespace `{}`: names of pools separated by commas",
                service.namespace
            ),
            Self::Quota => format!(
                "raise `ferrolb.io/max-per-namespace` of pool `{pool}`, or delete a Service of namespace `{}` that has an address of it",
                service.namespace
            ),
            Self::ServiceLabels => {
                format!("label the Service as `serviceAllocation.serviceSelectors` of pool `{pool}` have it")
            }
            Self::WithoutFamily(family) => format!("add {family} addresses to pool `{pool}`"),
            Self::Exhausted(family) => {
                format!("add {family} addresses to pool `{pool}`, or delete a Service that has one")
            }
            Self::WithoutAddress(address) => format!("add `{address}` to pool `{pool}`"),
            Self::AddressHeld { address, .. } => format!(
                "ask for another address than `{address}`, or share it: the same `metallb.io/allow-shared-ip` on both, different ports"
            ),
        }
    }
}

impl Engine {
    /// Says of every pool, by name, what keeps it from serving a Service. Empty for a Service that is not known, or whose
    /// cluster addresses or request cannot be read: then no pool can help.
    #[must_use]
    pub fn fitness(&self, key: &ObjectKey) -> Vec<Fitness> {
        let Some(id) = self.directory.find(key) else {
            return Vec::new();
        };
        self.fitness_of(id).unwrap_or_default()
    }

    fn fitness_of(&self, id: ServiceId) -> Option<Vec<Fitness>> {
        let facts = &*self.directory[id].facts;
        let cluster = ClusterFamily::of(facts).ok()?;
        let wish = Wish::parse(&facts.request).ok()?;
        let claim = Claim::of(facts);
        let reservation = reservation_of(facts).ok()?;
        let claim = claim.as_ref();
        let who = Applicant {
            id,
            facts,
            cluster,
            claim,
            reservation: reservation.as_ref(),
        };
        let demand = who.demand().ok()?;
        let fitness = |(name, state): (&PoolName, &PoolState)| Fitness {
            pool: name.clone(),
            obstacles: self.obstacles(who, &wish, demand, state),
        };
        Some(self.pools.iter().map(fitness).collect())
    }

    fn obstacles(&self, who: Applicant<'_>, wish: &Wish, demand: Demand, state: &PoolState) -> Vec<Obstacle> {
        let mut found = Vec::new();
        match wish {
            Wish::Anything if !state.pool.auto_assign => found.push(Obstacle::NotAutomatic),
            Wish::Anything => {}
            Wish::Pool(asked)
            | Wish::Addresses {
                pool: Some(asked), ..
            } if *asked != state.pool.name => {
                found.push(Obstacle::OtherPoolAsked(asked.clone()));
            }
            Wish::Pool(_) | Wish::Addresses { .. } => {}
        }
        let (namespace, labels) = (
            &who.facts.key.namespace,
            self.directory.labels(&who.facts.key.namespace),
        );
        if !pool::allows_namespace(&state.pool, namespace, labels) {
            found.push(Obstacle::Namespace);
        }
        if let Some(fence) = self.fence_before(namespace, &state.pool.name) {
            found.push(fence);
        } else if !self.is_within_limits(who, state) {
            found.push(Obstacle::Quota);
        }
        if !pool::allows_labels(&state.pool, who.facts) {
            found.push(Obstacle::ServiceLabels);
        }
        match wish {
            Wish::Addresses { wanted, .. } => {
                let taken = wanted
                    .as_slice()
                    .iter()
                    .filter_map(|addr| self.taken(who, *addr, state));
                found.extend(taken);
            }
            Wish::Anything | Wish::Pool(_) => found.extend(lacking(demand, state, who.claim)),
        }
        found
    }

    fn fence_before(&self, namespace: &NamespaceName, pool: &PoolName) -> Option<Obstacle> {
        match &self.directory.namespace(namespace)?.fence {
            Fence::Malformed(wrong) => Some(Obstacle::MalformedFence(wrong.clone())),
            fence => (!fence.admits(pool)).then_some(Obstacle::Fence),
        }
    }

    fn taken(&self, who: Applicant<'_>, address: IpAddr, state: &PoolState) -> Option<Obstacle> {
        if !state.owns(address) {
            return Some(Obstacle::WithoutAddress(address));
        }
        let refusal = self.holders.admits(address, who.id, who.claim).err()?;
        Some(Obstacle::AddressHeld {
            address,
            by: self
                .holders(address)
                .into_iter()
                .filter(|key| *key != who.facts.key)
                .collect(),
            why: self.refused(address, refusal, who.claim).message,
        })
    }
}

/// Families that the pool cannot give; with a mere preference only if it can give neither.
fn lacking(demand: Demand, state: &PoolState, claim: Option<&Claim>) -> Vec<Obstacle> {
    let lack = |family| {
        if !state.has_family(family) {
            Some(Obstacle::WithoutFamily(family))
        } else if state.lowest(family, claim).is_none() {
            Some(Obstacle::Exhausted(family))
        } else {
            None
        }
    };
    let both = || {
        [IpFamily::V4, IpFamily::V6]
            .into_iter()
            .filter_map(lack)
            .collect::<Vec<_>>()
    };
    match demand {
        Demand::Single(family) => lack(family).into_iter().collect(),
        Demand::Both => both(),
        Demand::Prefer { .. } => Some(both()).filter(|lacks| lacks.len() == 2).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
