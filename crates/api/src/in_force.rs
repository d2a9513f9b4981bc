//! The configuration of a running process: the last accepted version of each object (design promise 5).
//!
//! An edit that is refused changes nothing: the version before it stays in force until the object is repaired or
//! deleted (spec/plan.md, last section). `plan` has no history and resolves what it reads; a running process keeps
//! this.
//!
//! ```text
//!   applied, malformed, deleted ──▶ written ──resolve──▶ problems ──▶ refused objects give way to their
//!                                                                     accepted versions ──resolve──▶ Config
//! ```

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_types::ObjectKey;

use crate::metallb::{IpAddressPool, L2Advertisement};
use crate::problem::{Problem, Severity};
use crate::resolve::{RawConfig, Resolved, Rules, resolve};
use crate::{Object, ObjectMeta};

/// What is written and what is in force.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    rules: Rules,
    /// IPAddressPools.
    pub pools: Versions<IpAddressPool>,
    /// L2Advertisements.
    pub l2_advertisements: Versions<L2Advertisement>,
}

/// Objects of one kind, each as it is written and as it was last accepted.
#[derive(Clone, Debug)]
pub struct Versions<T> {
    written: BTreeMap<ObjectKey, Result<T, Box<Problem>>>,
    accepted: BTreeMap<ObjectKey, T>,
}

/// Kinds and keys of refused objects.
type Refused = BTreeSet<(String, ObjectKey)>;

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Self {
            written: BTreeMap::new(),
            accepted: BTreeMap::new(),
        }
    }
}

impl<T: Object> Versions<T> {
    /// Takes the newest version of an object. Returns whether it may mean something else than the one before: a new
    /// status alone does not.
    pub fn apply(&mut self, object: T) -> bool {
        let key = object.key();
        let before = self.written.get(&key).and_then(|w| w.as_ref().ok());
        let same = before.is_some_and(|b| has_same_meaning(b.meta(), object.meta()));
        self.written.insert(key, Ok(object));
        !same
    }

    /// Notes that the newest version of an object cannot be read. Returns whether that is news.
    pub fn apply_malformed(&mut self, key: ObjectKey, problem: Box<Problem>) -> bool {
        let same = matches!(self.written.get(&key), Some(Err(known)) if *known == problem);
        self.written.insert(key, Err(problem));
        !same
    }

    /// Forgets an object, with every version of it. Returns whether it was known.
    pub fn delete(&mut self, key: &ObjectKey) -> bool {
        self.accepted.remove(key);
        self.written.remove(key).is_some()
    }
}

impl<T: Object> Versions<T> {
    fn malformed(&self) -> impl Iterator<Item = &Problem> {
        self.written
            .values()
            .filter_map(|w| w.as_ref().err().map(|p| &**p))
    }

    /// As written.
    fn readable(&self) -> Vec<T> {
        self.written
            .values()
            .filter_map(|w| w.as_ref().ok().cloned())
            .collect()
    }

    /// As written, but for the refused ones as last accepted, if ever.
    fn in_force(&self, refused: &Refused) -> Vec<T> {
        let stands = |key: &ObjectKey| !refused.contains(&(T::KIND.to_owned(), key.clone()));
        let version = |(key, written): (&ObjectKey, &Result<T, Box<Problem>>)| match written {
            Ok(object) if stands(key) => Some(object.clone()),
            _ => self.accepted.get(key).cloned(),
        };
        self.written.iter().filter_map(version).collect()
    }

    /// Remembers the written version of every object that is not refused.
    fn accept_all_but(&mut self, refused: &Refused) {
        for (key, written) in &self.written {
            if let Ok(object) = written
                && !refused.contains(&(T::KIND.to_owned(), key.clone()))
            {
                self.accepted.insert(key.clone(), object.clone());
            }
        }
    }
}

impl InForce {
    /// Nothing is written yet.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            ..Self::default()
        }
    }

    /// What is in force now, with every problem of what is written.
    ///
    /// A refused object that was accepted before is there in its last accepted version; its problems tell what is
    /// wrong with the newest one.
    pub fn resolve(&mut self) -> Resolved {
        let written = resolve(&self.raw(Versions::readable, Versions::readable));
        let mut refused = refused_of(written.problems.iter().chain(self.malformed()));
        let mut resolved = if refused.is_empty() {
            written
        } else {
            let mut in_force = resolve(&self.raw(|v| v.in_force(&refused), |v| v.in_force(&refused)));
            in_force.problems.retain(|p| !refused.contains(&id(p)));
            in_force
                .problems
                .extend(written.problems.into_iter().filter(|p| refused.contains(&id(p))));
            in_force.problems.extend(self.malformed().cloned());
            in_force.problems.sort();
            in_force
        };
        // An object can also be refused because the accepted version of another stands in its way.
        refused = refused_of(&resolved.problems);
        self.pools.accept_all_but(&refused);
        self.l2_advertisements.accept_all_but(&refused);
        resolved.problems.dedup();
        resolved
    }

    fn raw(
        &self,
        pools: impl Fn(&Versions<IpAddressPool>) -> Vec<IpAddressPool>,
        l2_advertisements: impl Fn(&Versions<L2Advertisement>) -> Vec<L2Advertisement>,
    ) -> RawConfig {
        RawConfig {
            pools: pools(&self.pools),
            l2_advertisements: l2_advertisements(&self.l2_advertisements),
            rules: self.rules.clone(),
            ..RawConfig::default()
        }
    }

    fn malformed(&self) -> impl Iterator<Item = &Problem> {
        self.pools.malformed().chain(self.l2_advertisements.malformed())
    }
}

/// The API server counts a generation up with each change of the spec; where it does not (0), anything may have
/// changed. Advertisements choose pools by labels.
fn has_same_meaning(before: &ObjectMeta, after: &ObjectMeta) -> bool {
    after.generation != 0
        && before.generation == after.generation
        && before.uid == after.uid
        && before.labels == after.labels
        && before.annotations == after.annotations
}

fn id(problem: &Problem) -> (String, ObjectKey) {
    (
        problem.kind.to_string(),
        ObjectKey::new(problem.namespace.as_str(), problem.name.as_str()),
    )
}

fn refused_of<'a>(problems: impl IntoIterator<Item = &'a Problem>) -> Refused {
    problems
        .into_iter()
        .filter(|p| p.severity == Severity::Error)
        .map(id)
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decode;

    fn pool(name: &str, generation: i64, address: &str) -> IpAddressPool {
        let meta = json!({ "name": name, "namespace": "lb", "uid": name, "generation": generation });
        decode(&json!({ "metadata": meta, "spec": { "addresses": [address] } })).unwrap()
    }

    fn prefixes(resolved: &Resolved, name: &str) -> Vec<String> {
        let pool = resolved.config.pools.get(name);
        pool.map(|p| p.prefixes().map(|n| n.to_string()).collect())
            .unwrap_or_default()
    }

    #[test]
    fn a_refused_edit_leaves_the_version_before_it_in_force() {
        let mut in_force = InForce::default();
        in_force.pools.apply(pool("a", 1, "192.0.2.0/24"));
        assert_eq!(prefixes(&in_force.resolve(), "a"), ["192.0.2.0/24"]);
        in_force.pools.apply(pool("a", 2, "nonsense"));
        let resolved = in_force.resolve();
        assert_eq!(prefixes(&resolved, "a"), ["192.0.2.0/24"]);
        assert_eq!(resolved.problems.len(), 1, "{:?}", resolved.problems);
    }

    #[test]
    fn a_refused_object_that_was_never_accepted_is_absent() {
        let mut in_force = InForce::default();
        in_force.pools.apply(pool("a", 1, "nonsense"));
        in_force.pools.apply(pool("b", 1, "192.0.2.0/24"));
        let resolved = in_force.resolve();
        assert!(prefixes(&resolved, "a").is_empty());
        assert_eq!(prefixes(&resolved, "b"), ["192.0.2.0/24"]);
    }

    #[test]
    fn deleting_a_refused_object_ends_its_accepted_version_too() {
        let mut in_force = InForce::default();
        in_force.pools.apply(pool("a", 1, "192.0.2.0/24"));
        in_force.resolve();
        in_force.pools.apply(pool("a", 2, "nonsense"));
        in_force.resolve();
        in_force.pools.delete(&ObjectKey::new("lb", "a"));
        let resolved = in_force.resolve();
        assert!(resolved.config.pools.is_empty() && resolved.problems.is_empty());
    }

    #[test]
    fn an_unreadable_edit_is_a_refused_edit() {
        let mut in_force = InForce::default();
        in_force.pools.apply(pool("a", 1, "192.0.2.0/24"));
        in_force.resolve();
        let problem =
            decode::<IpAddressPool>(&json!({ "metadata": { "name": "a", "namespace": "lb" }, "spec": 7 }));
        in_force
            .pools
            .apply_malformed(ObjectKey::new("lb", "a"), problem.unwrap_err());
        let resolved = in_force.resolve();
        assert_eq!(prefixes(&resolved, "a"), ["192.0.2.0/24"]);
        assert_eq!(resolved.problems.len(), 1);
    }

    #[test]
    fn a_new_pool_does_not_get_the_addresses_of_a_version_in_force() {
        let mut in_force = InForce::default();
        in_force.pools.apply(pool("a", 1, "192.0.2.0/24"));
        in_force.resolve();
        in_force.pools.apply(pool("a", 2, "nonsense"));
        in_force.pools.apply(pool("b", 1, "192.0.2.128/25"));
        let resolved = in_force.resolve();
        assert_eq!(prefixes(&resolved, "a"), ["192.0.2.0/24"]);
        assert!(prefixes(&resolved, "b").is_empty());
        assert_eq!(resolved.problems.len(), 2);
    }

    #[test]
    fn a_change_of_the_status_alone_is_no_change() {
        let mut in_force = InForce::default();
        assert!(in_force.pools.apply(pool("a", 1, "192.0.2.0/24")));
        assert!(!in_force.pools.apply(pool("a", 1, "192.0.2.0/24")));
        assert!(in_force.pools.apply(pool("a", 2, "192.0.2.0/24")));
    }
}
