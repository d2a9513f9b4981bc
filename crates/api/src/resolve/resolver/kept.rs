//! Last accepted versions that outlive the process (spec/plan.md, "What a problem stops").
//!
//! A process that is started again while an edit is refused cannot resolve what was in force before: it is written
//! nowhere any more. So a running process hands out the accepted versions of all objects that are refused now
//! ([`Resolver::kept`]), as text that others store, and takes them back when it starts ([`Resolver::restore`]), before
//! anything is resolved. What is kept is what an object *means*, so that it does not depend on what it named.
//!
//! ```text
//!   Resolver::kept() ─▶ Kept::encode(limit) ─▶ text, stored elsewhere ─▶ Kept::decode() ─▶ Resolver::restore()
//! ```
//!
//! Passwords are not in the text. A peer that has one gets it back from its present object or Secret, or else is not in
//! force until it is repaired.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rows::Written;
use super::{ObjectId, Resolver};
use crate::core::Secret;
use crate::resolve::community::Aliases;
use crate::resolved::{BfdProfile, BgpAdvertisement, BgpPeer, L2Advertisement, Pool};
use crate::{Object, ObjectMeta, Redacted, metallb};

/// The last accepted versions of objects whose present version is refused.
///
/// ```
/// use ferrolb_api::metallb::IpAddressPool;
/// use ferrolb_api::{Kept, Resolver, Rules, decode};
/// use serde_json::json;
///
/// let pool = |addresses| {
///     let meta = json!({ "name": "a", "uid": "1" });
///     decode::<IpAddressPool>(&json!({ "metadata": meta, "spec": { "addresses": [addresses] } }))
/// };
/// let rules = Rules { keep_last_accepted: true, ..Rules::default() };
/// let mut before = Resolver::new(rules.clone());
/// before.apply(pool("192.0.2.0/24")?.into());
/// before.settle();
/// before.apply(pool("nonsense")?.into());
/// before.settle();
/// let stored = before.kept().encode(1024).text;
///
/// let mut after = Resolver::new(rules);
/// after.restore(Kept::decode(&stored));
/// after.apply(pool("nonsense")?.into());
/// after.settle();
/// assert!(after.config().pools.contains_key("a"));
/// # Ok::<(), Box<ferrolb_api::Problem>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept(Vec<Entry>);

/// One object of [`Kept`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: Box<str>,
    #[serde(flatten)]
    origin: Origin,
    #[serde(flatten)]
    version: Version,
}

/// Which of the objects that had its name in the course of time it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Origin {
    pub(super) uid: Box<str>,
    pub(super) created_at: Box<str>,
}

/// What the object means, by its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "inForce")]
enum Version {
    #[serde(rename = "IPAddressPool")]
    Pool(Arc<Pool>),
    L2Advertisement(Arc<L2Advertisement>),
    #[serde(rename = "BGPAdvertisement")]
    BgpAdvertisement(Arc<BgpAdvertisement>),
    #[serde(rename = "BGPPeer")]
    BgpPeer(Arc<BgpPeer>),
    #[serde(rename = "BFDProfile")]
    BfdProfile(Arc<BfdProfile>),
    Community(Arc<Aliases>),
}

/// [`Kept`] as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// JSON; empty if nothing is kept.
    pub text: String,
    /// Objects for which there was no room.
    pub left_out: Vec<ObjectId>,
}

/// A version that was kept, by the name of its object.
pub(super) type Restored<V> = BTreeMap<Box<str>, (Origin, Arc<V>)>;

impl Origin {
    pub(super) fn of(meta: &ObjectMeta) -> Self {
        Self {
            uid: meta.uid.clone(),
            created_at: meta.creation_timestamp.clone(),
        }
    }

    /// Whether `meta` may be of the same object: one that was created anew under the name is another.
    fn is_of(&self, meta: &ObjectMeta) -> bool {
        self.uid.is_empty() || meta.uid.is_empty() || self.uid == meta.uid
    }
}

/// Takes the version that was kept of the object `written`, if there is one.
pub(super) fn take<R: Object, V>(
    restored: &mut Restored<V>,
    written: &Written<R>,
) -> Option<(Origin, Arc<V>)> {
    let kept = restored.remove(&written.name())?;
    match written {
        Written::Object(raw) => kept.0.is_of(raw.meta()).then_some(kept),
        Written::Undecodable(_) => Some(kept),
    }
}

impl Kept {
    /// Whether there is nothing to keep.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As JSON of at most `limit` bytes. Where room is short, pools and layer 2 advertisements come first.
    #[must_use]
    pub fn encode(&self, limit: usize) -> Encoded {
        let mut encoded = Encoded::default();
        for entry in &self.0 {
            let text = serde_json::to_string(entry).unwrap_or_default();
            // One byte in front of each, one at the end.
            if text.is_empty() || encoded.text.len() + text.len() + 2 > limit {
                encoded.left_out.push(entry.id());
                continue;
            }
            encoded.text.push(if encoded.text.is_empty() { '[' } else { ',' });
            encoded.text.push_str(&text);
        }
        if !encoded.text.is_empty() {
            encoded.text.push(']');
        }
        encoded
    }

    /// What [`Kept::encode`] made; what cannot be read is left out.
    #[must_use]
    pub fn decode(text: &str) -> Self {
        let entries: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
        let entries = entries
            .into_iter()
            .filter_map(|entry| serde_json::from_value(entry).ok());
        Self(entries.collect())
    }

    /// Adds what `other` has of objects that are not in here.
    pub fn fill_up(&mut self, other: Self) {
        for entry in other.0 {
            if self.0.iter().all(|mine| mine.id() != entry.id()) {
                self.0.push(entry);
            }
        }
    }

    /// The objects that are in here.
    pub fn ids(&self) -> impl Iterator<Item = ObjectId> {
        self.0.iter().map(Entry::id)
    }
}

impl Entry {
    fn id(&self) -> ObjectId {
        let kind = match &self.version {
            Version::Pool(_) => metallb::IpAddressPool::KIND,
            Version::L2Advertisement(_) => metallb::L2Advertisement::KIND,
            Version::BgpAdvertisement(_) => metallb::BgpAdvertisement::KIND,
            Version::BgpPeer(_) => metallb::BgpPeer::KIND,
            Version::BfdProfile(_) => metallb::BfdProfile::KIND,
            Version::Community(_) => metallb::Community::KIND,
        };
        ObjectId::new(kind, &self.name)
    }
}

impl Resolver {
    /// What must be stored for a process that starts while these objects are refused.
    #[must_use]
    pub fn kept(&self) -> Kept {
        let mut entries = Vec::new();
        collect(self.pools.kept(), Version::Pool, &mut entries);
        collect(self.l2.kept(), Version::L2Advertisement, &mut entries);
        collect(self.communities.kept(), Version::Community, &mut entries);
        collect(self.bfd_profiles.kept(), Version::BfdProfile, &mut entries);
        collect(self.peers.kept(), Version::BgpPeer, &mut entries);
        collect(self.bgp.kept(), Version::BgpAdvertisement, &mut entries);
        Kept(entries)
    }

    /// Takes back what an earlier process kept; to be called before the first change. It counts for objects that turn out
    /// to be refused.
    pub fn restore(&mut self, kept: Kept) {
        if !self.rules.keep_last_accepted {
            return;
        }
        for Entry {
            name,
            origin,
            version,
        } in kept.0
        {
            match version {
                Version::Pool(v) => drop(self.pools.restored.insert(name, (origin, v))),
                Version::L2Advertisement(v) => drop(self.l2.restored.insert(name, (origin, v))),
                Version::BgpAdvertisement(v) => drop(self.bgp.restored.insert(name, (origin, v))),
                Version::BgpPeer(v) => drop(self.peers.restored.insert(name, (origin, v))),
                Version::BfdProfile(v) => drop(self.bfd_profiles.restored.insert(name, (origin, v))),
                Version::Community(v) => drop(self.communities.restored.insert(name, (origin, v))),
            }
        }
    }

    /// All objects of this kind are known: what was kept of others is of no more use.
    pub fn forget_restored(&mut self, kind: &str) {
        match kind {
            metallb::IpAddressPool::KIND => self.pools.restored.clear(),
            metallb::L2Advertisement::KIND => self.l2.restored.clear(),
            metallb::BgpAdvertisement::KIND => self.bgp.restored.clear(),
            metallb::BgpPeer::KIND => self.peers.restored.clear(),
            metallb::BfdProfile::KIND => self.bfd_profiles.restored.clear(),
            metallb::Community::KIND => self.communities.restored.clear(),
            _ => {}
        }
    }

    /// Gives the kept version of a refused peer its password back.
    pub(super) fn authenticate(&self, kept: &BgpPeer, raw: &metallb::BgpPeer) -> Option<BgpPeer> {
        let mut peer = kept.clone();
        let Some(password) = &mut peer.password else {
            return Some(peer);
        };
        password.text = match &password.secret {
            Some(_) if self.rules.secret_passthrough || !self.rules.with_secrets => Redacted::default(),
            Some(reference) => self
                .secrets
                .get(&*reference.name)
                .and_then(|secret: &Secret| secret.value("password"))?,
            None => raw.spec.password.clone()?,
        };
        Some(peer)
    }
}

fn collect<'a, V: 'a>(
    kept: impl Iterator<Item = (&'a Box<str>, &'a Origin, &'a Arc<V>)>,
    version: fn(Arc<V>) -> Version,
    entries: &mut Vec<Entry>,
) {
    entries.extend(kept.map(|(name, origin, accepted)| Entry {
        name: name.clone(),
        origin: origin.clone(),
        version: version(accepted.clone()),
    }));
}

#[cfg(test)]
mod tests;
