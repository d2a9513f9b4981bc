//! The configuration kept up to date object by object.
//!
//! ```text
//!   apply(Change) ─▶ rows by kind and name ─ touched ─▶ settle() ─▶ Config, problems, Delta
//!                         ▲                     │
//!                         └── users of a name ◀─┘   (a pool, an alias, a profile, a Secret)
//! ```
//!
//! Work follows what changed: an object is resolved again when it or something that it names has changed, and pools and
//! aliases are decided again only where they touch each other. With [`Rules::keep_last_accepted`] a refused object leaves
//! its last accepted version in force until it is repaired or deleted.

mod contested;
mod delta;
mod kept;
mod kinds;
mod references;
mod rows;
mod settle;

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_types::PoolName;

pub use self::delta::{Change, Delta, ObjectId};
pub use self::kept::{Encoded, Kept};

use self::contested::Contested;
use self::kinds::{Communities, Pools};
use self::references::References;
use self::rows::{Rows, Written};
use super::Rules;
use super::bgp_advertisement::Shape;
use crate::core::Secret;
use crate::metallb;
use crate::resolved::{BfdProfile, BgpAdvertisement, BgpPeer, Config, L2Advertisement, Pool};
use crate::{Object, Problem};

/// Keeps a [`Config`] and every problem up to date.
///
/// ```
/// use ferrolb_api::metallb::IpAddressPool;
/// use ferrolb_api::{Resolver, Rules, decode};
/// use serde_json::json;
///
/// let mut resolver = Resolver::new(Rules::default());
/// let pool = json!({ "metadata": { "name": "a" }, "spec": { "addresses": ["192.0.2.0/24"] } });
/// resolver.apply(decode::<IpAddressPool>(&pool)?.into());
/// let delta = resolver.settle();
/// assert!(delta.pools.contains("a") && resolver.config().pools.contains_key("a"));
/// # Ok::<(), Box<ferrolb_api::Problem>>(())
/// ```
#[derive(Debug)]
pub struct Resolver {
    rules: Rules,
    config: Config,
    pending: Delta,
    pools: Contested<Pools>,
    communities: Contested<Communities>,
    bfd_profiles: Rows<metallb::BfdProfile, BfdProfile>,
    peers: Rows<metallb::BgpPeer, BgpPeer>,
    l2: Rows<metallb::L2Advertisement, L2Advertisement>,
    bgp: Rows<metallb::BgpAdvertisement, BgpAdvertisement>,
    secrets: BTreeMap<Box<str>, Secret>,
    /// The pools in force and what they ask of advertisements.
    shapes: BTreeMap<PoolName, (Arc<Pool>, Shape)>,
    /// Advertisements that pools may be unusable for.
    minding: BTreeMap<Box<str>, Minding>,
    uses: Uses,
}

/// An advertisement that pools may be unusable for.
#[derive(Debug)]
struct Minding {
    /// As if every pool were usable.
    advertisement: BgpAdvertisement,
    /// Whether some pool that it reaches is unusable, so that it matters which others there are.
    suffers: bool,
}

/// Who names what.
#[derive(Debug, Default)]
struct Uses {
    pools_by_l2: References,
    pools_by_bgp: References,
    peers_by_bgp: References,
    communities_by_bgp: References,
    profiles_by_peer: References,
    secrets_by_peer: References,
}

impl Resolver {
    /// An empty configuration under these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            config: Config::default(),
            pending: Delta::default(),
            pools: Contested::default(),
            communities: Contested::default(),
            bfd_profiles: Rows::default(),
            peers: Rows::default(),
            l2: Rows::default(),
            bgp: Rows::default(),
            secrets: BTreeMap::new(),
            shapes: BTreeMap::new(),
            minding: BTreeMap::new(),
            uses: Uses::default(),
        }
    }

    /// Everything in force, as of the last [`Resolver::settle`].
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Every problem, as of the last [`Resolver::settle`], by kind and name.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        let first = self
            .bfd_profiles
            .problems()
            .chain(self.bgp.problems())
            .chain(self.peers.problems());
        let second = self
            .communities
            .problems()
            .chain(self.pools.problems())
            .chain(self.l2.problems());
        first.chain(second)
    }

    /// The problems of one object.
    #[must_use]
    pub fn problems_of(&self, id: &ObjectId) -> &[Problem] {
        match id.kind {
            metallb::IpAddressPool::KIND => self.pools.problems_of(&id.name),
            metallb::L2Advertisement::KIND => self.l2.problems_of(&id.name),
            metallb::BgpAdvertisement::KIND => self.bgp.problems_of(&id.name),
            metallb::BgpPeer::KIND => self.peers.problems_of(&id.name),
            metallb::BfdProfile::KIND => self.bfd_profiles.problems_of(&id.name),
            metallb::Community::KIND => self.communities.problems_of(&id.name),
            _ => &[],
        }
    }

    /// Gives up the configuration and the problems.
    #[must_use]
    pub fn into_parts(self) -> (Config, Vec<Problem>) {
        let problems = self.problems().cloned().collect();
        (self.config, problems)
    }

    /// Takes in one change, of an object in the namespace that counts; what it means shows after
    /// [`Resolver::settle`].
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Pool(raw) => self.pools.upsert(object(raw), &self.rules),
            Change::Community(raw) => self.put_community(object(raw)),
            Change::BfdProfile(raw) => self.bfd_profiles.upsert(object(raw)),
            Change::BgpPeer(raw) => self.put_peer(raw),
            Change::L2Advertisement(raw) => self.put_l2(raw),
            Change::BgpAdvertisement(raw) => self.put_bgp(raw),
            Change::Secret(secret) => {
                self.touch_users_of_secret(&secret.metadata.name);
                self.secrets.insert((*secret.metadata.name).into(), secret);
            }
            Change::Undecodable(problem) => self.put_undecodable(problem),
            Change::Deleted { kind, key } => self.delete(&kind, &key.name),
        }
    }

    fn put_peer(&mut self, raw: metallb::BgpPeer) {
        let (name, spec) = (&raw.metadata.name, &raw.spec);
        let secret = spec.password_secret.as_ref().map(|s| s.name.as_str());
        self.uses.profiles_by_peer.set(name, spec.bfd_profile.as_deref());
        self.uses.secrets_by_peer.set(name, secret);
        self.peers.upsert(object(raw));
    }

    fn put_l2(&mut self, raw: metallb::L2Advertisement) {
        let pools = texts(&raw.spec.ip_address_pools);
        self.uses.pools_by_l2.set(&raw.metadata.name, pools);
        self.l2.upsert(object(raw));
    }

    fn put_bgp(&mut self, raw: metallb::BgpAdvertisement) {
        let (name, spec) = (&raw.metadata.name, &raw.spec);
        self.uses.pools_by_bgp.set(name, texts(&spec.ip_address_pools));
        self.uses.peers_by_bgp.set(name, texts(&spec.peers));
        self.uses.communities_by_bgp.set(name, texts(&spec.communities));
        self.bgp.upsert(object(raw));
    }

    fn put_undecodable(&mut self, problem: Problem) {
        match &*problem.kind {
            metallb::IpAddressPool::KIND => self.pools.upsert(undecodable(problem), &self.rules),
            metallb::Community::KIND => self.put_community(undecodable(problem)),
            metallb::BfdProfile::KIND => self.bfd_profiles.upsert(undecodable(problem)),
            metallb::BgpPeer::KIND => self.peers.upsert(undecodable(problem)),
            metallb::L2Advertisement::KIND => self.l2.upsert(undecodable(problem)),
            metallb::BgpAdvertisement::KIND => self.bgp.upsert(undecodable(problem)),
            _ => {}
        }
    }

    fn delete(&mut self, kind: &str, name: &str) {
        match kind {
            metallb::IpAddressPool::KIND => self.pools.remove(name, &mut self.pending),
            metallb::Community::KIND => {
                self.touch_users_of_aliases(name);
                self.communities.remove(name, &mut self.pending);
            }
            metallb::BfdProfile::KIND => self.bfd_profiles.remove(name, &mut self.pending),
            metallb::BgpPeer::KIND => {
                self.uses.profiles_by_peer.clear(name);
                self.uses.secrets_by_peer.clear(name);
                self.peers.remove(name, &mut self.pending);
            }
            metallb::L2Advertisement::KIND => {
                self.uses.pools_by_l2.clear(name);
                self.l2.remove(name, &mut self.pending);
            }
            metallb::BgpAdvertisement::KIND => {
                self.uses.pools_by_bgp.clear(name);
                self.uses.peers_by_bgp.clear(name);
                self.uses.communities_by_bgp.clear(name);
                self.minding.remove(name);
                self.bgp.remove(name, &mut self.pending);
            }
            Secret::KIND => {
                self.touch_users_of_secret(name);
                self.secrets.remove(name);
            }
            _ => {}
        }
    }

    fn put_community(&mut self, written: Written<metallb::Community>) {
        let name = written.name();
        self.touch_users_of_aliases(&name);
        self.communities.upsert(written, &self.rules);
        self.touch_users_of_aliases(&name);
    }

    /// Those who use an alias that a refused object defines quote that object.
    fn touch_users_of_aliases(&mut self, object: &str) {
        let aliases = self
            .communities
            .written(object)
            .into_iter()
            .flat_map(|raw| &raw.spec.communities);
        for alias in aliases {
            for user in self.uses.communities_by_bgp.users_of(&alias.name) {
                self.bgp.touch(user);
            }
        }
    }

    /// Secrets cannot be read: from now on nothing is said about those that peers name, and their passwords are empty.
    pub fn leave_out_secrets(&mut self) {
        self.rules.with_secrets = false;
        for peer in self.uses.secrets_by_peer.users() {
            self.peers.touch(peer);
        }
    }

    fn touch_users_of_secret(&mut self, name: &str) {
        for peer in self.uses.secrets_by_peer.users_of(name) {
            self.peers.touch(peer);
        }
    }
}

fn object<R>(raw: R) -> Written<R> {
    Written::Object(Arc::new(raw))
}

fn undecodable<R>(problem: Problem) -> Written<R> {
    Written::Undecodable(Box::new(problem))
}

fn texts(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(String::as_str)
}

#[cfg(test)]
mod tests;
