//! The configuration: what is written, what is in force, and which problems have been told.
//!
//! Only pools decide about addresses. The other kinds are resolved here because somebody must tell their owners what is
//! wrong with them, and one controller is better at that than a thousand speakers.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::metallb::{Community, IpAddressPool};
use ferrolb_api::{
    BgpMode, Change, Kept, Object, ObjectId, Problem, Resolver, Rules, Severity, Told, Verdict, annotations,
};
use ferrolb_ipam::Pools;
use ferrolb_kube::configuration::KINDS;
use ferrolb_kube::configuration_state::Wanted;
use ferrolb_types::{IpNet, IpRange, NamespaceName, PoolName};

/// The kinds whose refusal makes this process run on an older configuration than is written (controller 3.5).
const OWN_KINDS: [&str; 2] = [IpAddressPool::KIND, Community::KIND];

/// What the last accepted versions may take; all annotations of an object may take 256 KiB.
const KEPT_BYTES: usize = 128 << 10;
/// What the record of events may take: about a thousand refused objects.
const TOLD_BYTES: usize = 64 << 10;

/// All objects that configure.
#[derive(Debug)]
pub(crate) struct Configuration {
    resolver: Resolver,
    /// Kinds of which neither the first list is complete nor known that it cannot be had.
    awaited: BTreeSet<&'static str>,
    /// Kinds whose first list is complete and not settled yet.
    listed: BTreeSet<&'static str>,
    /// UIDs of all objects.
    uids: BTreeMap<ObjectId, Box<str>>,
    pools: WrittenPools,
    refused: BTreeSet<ObjectId>,
    /// Objects with other problems than were told.
    untold: BTreeSet<ObjectId>,
    /// What was told of refused objects, be it by an earlier process.
    told: Told,
    /// Whether this process tells: of several, the leader alone does.
    is_leading: bool,
    was_settled: bool,
    was_reported: bool,
}

/// What is needed of pools whether they are refused or not.
#[derive(Debug, Default)]
struct WrittenPools {
    /// Those of their prefixes that can be read.
    prefixes: BTreeMap<PoolName, Vec<IpNet>>,
    /// Pools of which no version is in force.
    refused: BTreeMap<PoolName, Vec<IpNet>>,
    /// Pools that may have come to be refused or ceased to be.
    touched: BTreeSet<PoolName>,
}

/// What follows from the present objects.
#[derive(Debug, Default)]
pub(crate) struct Resolution {
    /// For the engine, the first time and whenever anything is different.
    pub(crate) pools: Option<Pools>,
    /// What has not been told yet.
    pub(crate) news: Vec<News>,
    /// What is to be reported, if it may be something else than before.
    pub(crate) report: Option<Wanted>,
    /// Whether anything is in force, be it that nothing is written.
    pub(crate) is_loaded: bool,
    /// Whether some object that counts here is refused.
    pub(crate) is_stale: bool,
}

/// Something about one object that has not been told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It has these problems now.
    Problems {
        /// The object.
        id: ObjectId,
        /// Its UID; empty if it is not known.
        uid: Box<str>,
        /// All of its problems.
        problems: Vec<Problem>,
        /// Whether its errors have not been told yet, not even by an earlier process.
        is_new: bool,
    },
    /// Its problems are gone, and it is not.
    Repaired(ObjectId),
}

impl Configuration {
    pub(crate) fn new(namespace: &NamespaceName, bgp_mode: BgpMode) -> Self {
        let rules = Rules {
            namespace: namespace.as_str().into(),
            bgp_mode,
            keep_last_accepted: true,
            ..Rules::default()
        };
        Self {
            resolver: Resolver::new(rules),
            awaited: KINDS.into(),
            listed: BTreeSet::new(),
            uids: BTreeMap::new(),
            pools: WrittenPools::default(),
            refused: BTreeSet::new(),
            untold: BTreeSet::new(),
            told: Told::default(),
            is_leading: false,
            was_settled: false,
            was_reported: false,
        }
    }

    /// Takes over what an earlier process left; before the first change.
    pub(crate) fn restore(&mut self, kept: Kept, told: Told) {
        self.resolver.restore(kept);
        self.told = told;
    }

    /// From now on what is wrong is told: everything that `told` does not name, if another leader has left that.
    pub(crate) fn lead(&mut self, told: Option<Told>) {
        self.is_leading = true;
        if let Some(told) = told {
            self.told = told;
        }
    }

    fn may_tell(&self) -> bool {
        self.is_leading && self.awaited.is_empty()
    }

    /// Takes in a change; what it means shows after [`Configuration::settle`].
    pub(crate) fn apply(&mut self, uid: Box<str>, change: Change) {
        if let Some(id) = change.id() {
            self.pools.note(&id, &change);
            match &change {
                Change::Deleted { .. } => drop(self.uids.remove(&id)),
                _ => drop(self.uids.insert(id, uid)),
            }
        }
        self.resolver.apply(change);
    }

    /// All objects of a kind are known, or it is known that they cannot be.
    pub(crate) fn know(&mut self, kind: &'static str) {
        self.awaited.remove(kind);
    }

    /// All objects of a kind are known.
    pub(crate) fn list_complete(&mut self, kind: &'static str) {
        self.listed.insert(kind);
        self.know(kind);
    }

    /// Resolves what has changed. Problems are told once every kind is known: before, what an object names may only not
    /// have come yet.
    pub(crate) fn settle(&mut self) -> Resolution {
        let delta = self.resolver.settle();
        for kind in core::mem::take(&mut self.listed) {
            self.resolver.forget_restored(kind);
        }
        let differs = self.pools.settle(&self.resolver, &delta.pools);
        for id in delta.objects {
            let is_refused = |p: &Problem| p.severity == Severity::Error;
            if self.resolver.problems_of(&id).iter().any(is_refused) {
                self.refused.insert(id.clone());
            } else {
                self.refused.remove(&id);
            }
            self.untold.insert(id);
        }
        let is_first = !core::mem::replace(&mut self.was_settled, true);
        let is_due =
            self.may_tell() && (!self.untold.is_empty() || !core::mem::replace(&mut self.was_reported, true));
        let news = self.news();
        let report = is_due.then(|| self.report());
        let is_stale = self.refused.iter().any(|id| OWN_KINDS.contains(&id.kind));
        Resolution {
            pools: (is_first || differs || !delta.pools.is_empty()).then(|| self.pools()),
            report,
            news,
            is_loaded: !is_stale || !self.resolver.config().pools.is_empty(),
            is_stale,
        }
    }

    /// All pools.
    pub(crate) fn pools(&self) -> Pools {
        Pools {
            accepted: self.resolver.config().pools.clone(),
            refused: self.pools.refused.clone(),
        }
    }

    /// All problems, for the state.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.resolver.problems()
    }

    fn news(&mut self) -> Vec<News> {
        if !self.may_tell() {
            return Vec::new();
        }
        let untold = core::mem::take(&mut self.untold);
        untold.into_iter().filter_map(|id| self.news_of(id)).collect()
    }

    /// What is to be told of an object; nothing of one that is gone.
    fn news_of(&mut self, id: ObjectId) -> Option<News> {
        let Some(uid) = self.uids.get(&id).cloned() else {
            self.told.forget(&id);
            return None;
        };
        let problems = self.resolver.problems_of(&id);
        let is_new = self.told.note(&id, &uid, problems);
        if problems.is_empty() {
            return Some(News::Repaired(id));
        }
        Some(News::Problems {
            id,
            uid,
            problems: problems.to_vec(),
            is_new,
        })
    }

    /// The verdict on what counts here, and what the next process must find. To be called after [`Self::news`].
    fn report(&self) -> Wanted {
        let verdict = Verdict::of(self.resolver.problems().filter(|p| OWN_KINDS.contains(&&*p.kind)));
        let kept = self.resolver.kept().encode(KEPT_BYTES);
        if !kept.left_out.is_empty() {
            let objects: Vec<&str> = kept.left_out.iter().map(|id| &*id.name).collect();
            tracing::warn!(
                op = "setConfig",
                objects = objects.join(","),
                "no room to keep the last accepted versions of these refused objects over a restart"
            );
        }
        let annotations = [
            (annotations::LAST_ACCEPTED, kept.text),
            (annotations::TOLD, self.told.encode(TOLD_BYTES)),
        ];
        Wanted {
            verdict,
            annotations: annotations.into(),
        }
    }
}

impl WrittenPools {
    fn note(&mut self, id: &ObjectId, change: &Change) {
        if id.kind != IpAddressPool::KIND {
            return;
        }
        let name = PoolName::from(&*id.name);
        match change {
            Change::Pool(pool) => drop(self.prefixes.insert(name.clone(), readable_prefixes(pool))),
            Change::Deleted { .. } => drop(self.prefixes.remove(&name)),
            _ => drop(self.prefixes.insert(name.clone(), Vec::new())),
        }
        self.touched.insert(name);
    }

    /// Whether other pools are refused than before, or with other prefixes.
    fn settle(&mut self, resolver: &Resolver, changed: &BTreeSet<PoolName>) -> bool {
        let mut touched = core::mem::take(&mut self.touched);
        touched.extend(changed.iter().cloned());
        let mut differs = false;
        for name in touched {
            let is_in_force = resolver.config().pools.contains_key(&name);
            let refused = self.prefixes.get(&name).filter(|_| !is_in_force);
            differs |= refused != self.refused.get(&name);
            match refused.cloned() {
                Some(prefixes) => drop(self.refused.insert(name, prefixes)),
                None => drop(self.refused.remove(&name)),
            }
        }
        differs
    }
}

fn readable_prefixes(pool: &IpAddressPool) -> Vec<IpNet> {
    let ranges = pool
        .spec
        .addresses
        .iter()
        .filter_map(|text| text.parse::<IpRange>().ok());
    ranges.flat_map(|range| range.prefixes()).collect()
}

#[cfg(test)]
mod tests;
