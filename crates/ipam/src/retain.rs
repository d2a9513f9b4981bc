//! Which of the addresses that a Service has it may keep: after a restart, a change of its own, a change of pools
//! (controller 4.2 steps 4 to 7, 6.3, 6.4).

use core::net::IpAddr;

use ferrolb_api::facts::ServiceFacts;
use ferrolb_types::{IpFamily, PoolName};

use crate::engine::Engine;
use crate::family::{ClusterFamily, quoted};
use crate::pool;
use crate::record::{Addresses, Held, ServiceId, Source, has_malformed_ingress};
use crate::sharing::Claim;

/// Why addresses are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// They are not of the families of the cluster IPs.
    Family,
    /// The status is none that was ever written here; this is what it lists.
    Unreadable(String),
    /// They may not be held, because of this.
    Invalid(String),
}

/// What is left of the addresses of a Service.
#[derive(Clone, Debug)]
pub(crate) struct Retained {
    pub(crate) held: Option<Held>,
    /// Why not everything is left.
    pub(crate) lost: Option<Lost>,
}

/// The circumstances of an examination.
struct Rules<'a> {
    /// Where addresses come from that no pool owns, if they may be kept nevertheless.
    unowned: &'a dyn Fn(IpAddr) -> Option<Source>,
    /// Pools whose restrictions apply as to a new Service.
    full: &'a dyn Fn(&PoolName) -> bool,
}

impl Engine {
    /// Examines the addresses in the status of a Service that nothing has been decided on.
    pub(crate) fn adoptable(&self, id: ServiceId) -> Retained {
        let facts = &*self.directory[id].facts;
        let unowned = |addr| self.source_by_history(facts, addr);
        self.examine_status(id, facts, &unowned)
    }

    /// Examines addresses that somebody else wrote into a status. Only those that a pool owns count.
    pub(crate) fn adoptable_edit(&self, id: ServiceId) -> Retained {
        self.examine_status(id, &self.directory[id].facts, &|_| None)
    }

    fn examine_status(
        &self,
        id: ServiceId,
        facts: &ServiceFacts,
        unowned: &dyn Fn(IpAddr) -> Option<Source>,
    ) -> Retained {
        // A third address is enough to see that the status is none of ours.
        let listed: Vec<IpAddr> = facts.addresses().take(3).collect();
        let rules = Rules {
            unowned,
            full: &|_| false,
        };
        match Addresses::from_slice(&listed) {
            Some(addresses) if !has_malformed_ingress(facts) => self.examine(id, addresses, &rules),
            None if listed.is_empty() && !has_malformed_ingress(facts) => Retained {
                held: None,
                lost: None,
            },
            _ => Retained {
                held: None,
                lost: Some(Lost::Unreadable(quoted(&listed))),
            },
        }
    }

    /// Examines the addresses that a Service holds. `edited` says of which pools an admin has just changed the
    /// restrictions.
    pub(crate) fn keepable(
        &self,
        id: ServiceId,
        held: &Held,
        edited: &dyn Fn(&PoolName) -> bool,
    ) -> Retained {
        let unowned = |addr| self.source_without_owner(&held.source, addr);
        let rules = Rules {
            unowned: &unowned,
            full: edited,
        };
        self.examine(id, held.addresses, &rules)
    }

    /// Keeps the addresses that may be held and come from where the first such comes from.
    fn examine(&self, id: ServiceId, addresses: Addresses, rules: &Rules<'_>) -> Retained {
        let facts = &self.directory[id].facts;
        let claim = Claim::of(facts);
        let mut source = None;
        let mut kept = Vec::with_capacity(2);
        let mut lost = None;
        for addr in addresses.as_slice() {
            match self.examine_one(id, *addr, claim.as_ref(), rules) {
                Ok(from) if *source.get_or_insert_with(|| from.clone()) == from => kept.push(*addr),
                Ok(_) => lost = Some(no_owner(&addresses)),
                Err(why) => lost = Some(why),
            }
        }
        let held = Addresses::from_slice(&kept)
            .zip(source)
            .map(|(addresses, source)| Held {
                addresses,
                source,
                claim: claim.map(Box::new),
            });
        Retained { held, lost }
    }

    fn examine_one(
        &self,
        id: ServiceId,
        addr: IpAddr,
        claim: Option<&Claim>,
        rules: &Rules<'_>,
    ) -> Result<Source, Lost> {
        let facts = &*self.directory[id].facts;
        // While the cluster's families cannot be told nothing is taken away (controller 4.2 step 6c).
        if ClusterFamily::of(facts).is_ok_and(|cluster| !cluster.includes(IpFamily::of(addr))) {
            return Err(Lost::Family);
        }
        let source = match self.pools.owner(addr) {
            Some(name) => {
                self.check_keepable(facts, name, rules)?;
                Source::Pool(name.clone())
            }
            None if self.options().strict_requests => return Err(no_owner(&Addresses::One([addr]))),
            None => (rules.unowned)(addr).ok_or_else(|| no_owner(&Addresses::One([addr])))?,
        };
        match self.holders.admits(addr, id, claim) {
            Ok(()) => Ok(source),
            Err(refusal) => Err(Lost::Invalid(self.refused(addr, refusal, claim).message)),
        }
    }

    fn check_keepable(&self, facts: &ServiceFacts, name: &PoolName, rules: &Rules<'_>) -> Result<(), Lost> {
        let Some(state) = self.pools.get(name) else {
            return Ok(());
        };
        let keeps = if self.options().strict_requests || (rules.full)(name) {
            pool::allows(&state.pool, facts, self.directory.labels(&facts.key.namespace))
        } else {
            pool::lets_keep(&state.pool, facts)
        };
        let cause = || Lost::Invalid(format!("pool `{name}` may not be used by this Service"));
        keeps.then_some(()).ok_or_else(cause)
    }

    /// Where an address comes from that is in a status and in no pool: from a pool that this process never saw
    /// (design, promise 1: nothing is lost by a missing pool at start-up). Addresses without such a history are not
    /// kept.
    pub(crate) fn source_by_history(&self, facts: &ServiceFacts, addr: IpAddr) -> Option<Source> {
        let named = facts.pool_annotation.as_deref().filter(|name| !name.is_empty());
        let named = named.map(PoolName::from);
        if let Some(name) = named.as_ref().filter(|name| self.pools.is_refused(name)) {
            return Some(Source::Refused(name.clone()));
        }
        if let Some(name) = self.pools.refused_owner(addr) {
            return Some(Source::Refused(name.clone()));
        }
        match named {
            Some(name) if self.pools.get(&name).is_none() => Some(Source::Missing(name)),
            // A condition without a pool is what an earlier process left that found no pool at all.
            None if !self.pools.ever_existed() || facts.request_condition.is_some() => Some(Source::Unknown),
            _ => None,
        }
    }

    /// What the source of an address becomes that no pool owns any more, if it is kept.
    fn source_without_owner(&self, source: &Source, addr: IpAddr) -> Option<Source> {
        let refused = match source {
            Source::Pool(name) | Source::Refused(name) | Source::Missing(name) => {
                Some(name).filter(|name| self.pools.is_refused(name))
            }
            Source::Unknown => None,
        };
        if let Some(name) = refused.or_else(|| self.pools.refused_owner(addr)) {
            return Some(Source::Refused(name.clone()));
        }
        match source {
            Source::Missing(name) if self.pools.get(name).is_none() => Some(source.clone()),
            Source::Unknown => Some(Source::Unknown),
            // A pool that was there is gone or smaller: an admin wanted that.
            Source::Pool(_) | Source::Refused(_) | Source::Missing(_) => None,
        }
    }
}

fn no_owner(addresses: &Addresses) -> Lost {
    Lost::Invalid(format!("no pool owns {}", quoted(addresses.as_slice())))
}
