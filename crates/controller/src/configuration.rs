//! The pools: what is written, what is in force, and which problems have been told.

use std::collections::BTreeMap;

use ferrolb_api::metallb::IpAddressPool;
use ferrolb_api::{InForce, Problem, Rules, Severity};
use ferrolb_ipam::Pools;
use ferrolb_types::{IpNet, IpRange, NamespaceName, ObjectKey, PoolName};

/// All IPAddressPools.
#[derive(Debug)]
pub(crate) struct Configuration {
    in_force: InForce,
    seen: BTreeMap<ObjectKey, Seen>,
    /// Problems by object, as they were told last.
    told: BTreeMap<ObjectKey, Vec<Problem>>,
}

/// What is needed of a pool whether it is refused or not.
#[derive(Debug, Default)]
struct Seen {
    uid: Box<str>,
    /// Those that can be read.
    prefixes: Vec<IpNet>,
}

/// What follows from the present objects.
#[derive(Debug)]
pub(crate) struct Resolution {
    /// For the engine.
    pub(crate) pools: Pools,
    /// What has not been told yet.
    pub(crate) news: Vec<News>,
    /// Whether some object is refused.
    pub(crate) is_stale: bool,
}

/// Something about one object that has not been told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// It has these problems now.
    Problems {
        /// The object.
        key: ObjectKey,
        /// Its UID; empty if the object could never be read.
        uid: Box<str>,
        /// All of its problems.
        problems: Vec<Problem>,
    },
    /// Its problems are gone, and it is not.
    Repaired(ObjectKey),
}

impl Configuration {
    pub(crate) fn new(namespace: &NamespaceName) -> Self {
        let rules = Rules {
            namespace: namespace.as_str().into(),
            ..Rules::default()
        };
        Self {
            in_force: InForce::new(rules),
            seen: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// Takes a pool; true if it may mean something else than before.
    pub(crate) fn apply(&mut self, pool: IpAddressPool) -> bool {
        let seen = Seen {
            uid: pool.metadata.uid.clone(),
            prefixes: readable_prefixes(&pool),
        };
        self.seen.insert(pool.metadata.key(), seen);
        self.in_force.pools.apply(pool)
    }

    /// Notes that a pool cannot be read any more, or at all.
    pub(crate) fn apply_malformed(&mut self, key: ObjectKey, problem: Box<Problem>) -> bool {
        self.seen.entry(key.clone()).or_default().prefixes.clear();
        self.in_force.pools.apply_malformed(key, problem)
    }

    /// Forgets a pool; true if it was known.
    pub(crate) fn delete(&mut self, key: &ObjectKey) -> bool {
        self.seen.remove(key);
        self.told.remove(key);
        self.in_force.pools.delete(key)
    }

    pub(crate) fn resolve(&mut self) -> Resolution {
        let resolved = self.in_force.resolve();
        let accepted = resolved.config.pools;
        let refused = self
            .seen
            .iter()
            .map(|(key, seen)| (PoolName::new(key.name.clone()), seen));
        let refused = refused.filter(|(name, _)| !accepted.contains_key(name));
        let refused = refused
            .map(|(name, seen)| (name, seen.prefixes.clone()))
            .collect();
        Resolution {
            is_stale: resolved.problems.iter().any(|p| p.severity == Severity::Error),
            news: self.news(resolved.problems),
            pools: Pools { accepted, refused },
        }
    }

    /// All problems, for the state.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.told.values().flatten()
    }

    fn news(&mut self, problems: Vec<Problem>) -> Vec<News> {
        let mut present: BTreeMap<ObjectKey, Vec<Problem>> = BTreeMap::new();
        for problem in problems {
            let key = ObjectKey::new(problem.namespace.as_str(), problem.name.as_str());
            present.entry(key).or_default().push(problem);
        }
        let changed = present
            .iter()
            .filter(|(key, problems)| self.told.get(*key) != Some(*problems));
        let changed = changed.map(|(key, problems)| News::Problems {
            key: key.clone(),
            uid: self
                .seen
                .get(key)
                .map(|seen| seen.uid.clone())
                .unwrap_or_default(),
            problems: problems.clone(),
        });
        let repaired = self.told.keys().filter(|key| !present.contains_key(*key));
        let news = changed.chain(repaired.cloned().map(News::Repaired)).collect();
        self.told = present;
        news
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
mod tests {
    use ferrolb_api::decode;
    use serde_json::json;

    use super::*;

    fn pool(name: &str, generation: i64, addresses: &[&str]) -> IpAddressPool {
        let meta = json!({ "name": name, "namespace": "lb", "uid": format!("uid-{name}"), "generation": generation });
        decode(&json!({ "metadata": meta, "spec": { "addresses": addresses } })).unwrap()
    }

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("lb", name)
    }

    #[test]
    fn a_problem_is_told_once_and_its_end_too() {
        let mut configuration = Configuration::new(&"lb".into());
        configuration.apply(pool("a", 1, &["192.0.2.0/99"]));
        configuration.apply(pool("b", 1, &["198.51.100.0/28"]));
        let first = configuration.resolve();
        assert!(first.is_stale);
        let [
            News::Problems {
                key: about,
                uid,
                problems,
            },
        ] = &first.news[..]
        else {
            panic!("{:?}", first.news)
        };
        assert_eq!((about, &**uid, problems.len()), (&key("a"), "uid-a", 1));
        assert!(configuration.resolve().news.is_empty());
        configuration.apply(pool("a", 2, &["192.0.2.0/28"]));
        let repaired = configuration.resolve();
        assert_eq!(repaired.news, [News::Repaired(key("a"))]);
        assert!(!repaired.is_stale);
    }

    #[test]
    fn a_refused_pool_keeps_its_last_version_or_else_is_named_with_what_can_be_read() {
        let mut configuration = Configuration::new(&"lb".into());
        configuration.apply(pool("a", 1, &["192.0.2.0/28"]));
        configuration.apply(pool("b", 1, &["198.51.100.0/28", "oops"]));
        let pools = configuration.resolve().pools;
        assert!(pools.accepted.contains_key("a"));
        assert_eq!(pools.refused["b"], ["198.51.100.0/28".parse().unwrap()]);
        configuration.apply(pool("a", 2, &["oops"]));
        let pools = configuration.resolve().pools;
        assert!(pools.accepted.contains_key("a") && !pools.refused.contains_key("a"));
    }

    #[test]
    fn a_deleted_pool_takes_its_problems_along() {
        let mut configuration = Configuration::new(&"lb".into());
        configuration.apply(pool("a", 1, &["oops"]));
        configuration.resolve();
        assert!(configuration.delete(&key("a")));
        let resolution = configuration.resolve();
        assert!(resolution.news.is_empty() && !resolution.is_stale && resolution.pools.refused.is_empty());
    }
}
