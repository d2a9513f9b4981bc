//! The part of the configuration that one node needs (api-and-config 3.10).
//!
//! BGPPeers and BGPAdvertisements of other nodes are of no concern: what is wrong with them does not make this node's
//! configuration invalid. Everything else is the same on every node, since all must come to the same answer who announces
//! by layer 2. A peer waits, too, until it is known whether the Secret that it names exists.
//!
//! ```text
//!   Change ─▶ NodeScope ─▶ Changes for a resolver      labels of the own node, answers about Secrets ─▶ more of them
//! ```

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_types::{Labels, ObjectKey};

use super::report::Report;
use super::resolver::{Change, ObjectId};
use super::{Rules, selector};
use crate::metallb::{BgpAdvertisement, BgpPeer, LabelSelector};
use crate::resolved::any_or_empty;
use crate::{Object, Problem, reason};

/// Lets through what concerns one node.
///
/// ```
/// use ferrolb_api::metallb::BgpPeer;
/// use ferrolb_api::{NodeScope, decode};
/// use serde_json::json;
///
/// let mut scope = NodeScope::default();
/// let spec = json!({ "nodeSelectors": [{ "matchLabels": { "rack": "1" } }] });
/// let peer = decode::<BgpPeer>(&json!({ "metadata": { "name": "tor" }, "spec": spec }))?;
/// assert!(scope.take(peer.into()).is_empty());
/// assert_eq!(scope.set_labels(serde_json::from_value(json!({ "rack": "1" })).unwrap_or_default()).len(), 1);
/// # Ok::<(), Box<ferrolb_api::Problem>>(())
/// ```
#[derive(Debug, Default)]
pub struct NodeScope {
    labels: Labels,
    peers: BTreeMap<Box<str>, Candidate<BgpPeer>>,
    advertisements: BTreeMap<Box<str>, Candidate<BgpAdvertisement>>,
    /// Secrets of which it is known whether they exist.
    looked_up: BTreeSet<Box<str>>,
}

/// An object of which it depends on the node whether it counts.
#[derive(Debug)]
struct Candidate<T> {
    raw: T,
    /// Whether this version has been let through.
    is_in: bool,
    /// Whether any version is with the resolver.
    was_in: bool,
}

impl NodeScope {
    /// What follows from a change for the resolver.
    pub fn take(&mut self, change: Change) -> Vec<Change> {
        match change {
            Change::BgpPeer(raw) => {
                let name = raw.metadata.name.clone();
                put(&mut self.peers, raw);
                self.consider_peer(&name)
            }
            Change::BgpAdvertisement(raw) => {
                let name = raw.metadata.name.clone();
                put(&mut self.advertisements, raw);
                self.consider_advertisement(&name)
            }
            Change::Undecodable(problem) => self.take_undecodable(problem),
            Change::Deleted { kind, key } => self.take_deleted(kind, key),
            other => vec![other],
        }
    }

    /// The labels of the own node are these now.
    pub fn set_labels(&mut self, labels: Labels) -> Vec<Change> {
        if self.labels == labels {
            return Vec::new();
        }
        self.labels = labels;
        let peers: Vec<Box<str>> = self.peers.keys().cloned().collect();
        let advertisements: Vec<Box<str>> = self.advertisements.keys().cloned().collect();
        let peers: Vec<Change> = peers.iter().flat_map(|name| self.consider_peer(name)).collect();
        let advertisements = advertisements
            .iter()
            .flat_map(|name| self.consider_advertisement(name));
        peers.into_iter().chain(advertisements).collect()
    }

    /// It is known now whether the Secret of this name exists.
    pub fn look_up(&mut self, secret: &str) -> Vec<Change> {
        if !self.looked_up.insert(secret.into()) {
            return Vec::new();
        }
        let waiting = self
            .peers
            .iter()
            .filter(|(_, peer)| secret_of(&peer.raw) == Some(secret));
        let waiting: Vec<Box<str>> = waiting.map(|(name, _)| name.clone()).collect();
        waiting.iter().flat_map(|name| self.consider_peer(name)).collect()
    }

    /// The Secrets that peers of this node name. Those that are named no more must be looked up again.
    pub fn secrets(&mut self) -> BTreeSet<Box<str>> {
        let labels = &self.labels;
        let here = self
            .peers
            .values()
            .map(|peer| &peer.raw)
            .filter(|raw| selects(&raw.spec.node_selectors, labels));
        let named: BTreeSet<Box<str>> = here.filter_map(secret_of).map(Into::into).collect();
        self.looked_up.retain(|secret| named.contains(secret));
        named
    }

    /// Whether a peer of this node waits for an answer about its Secret.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        let waits = |peer: &Candidate<BgpPeer>| {
            secret_of(&peer.raw).is_some_and(|secret| !self.looked_up.contains(secret))
                && selects(&peer.raw.spec.node_selectors, &self.labels)
        };
        self.peers.values().any(waits)
    }

    /// The UID of a peer or an advertisement, as far as it is known.
    #[must_use]
    pub fn uid(&self, id: &ObjectId) -> Option<&str> {
        let meta = match id.kind {
            BgpPeer::KIND => self.peers.get(&id.name).map(|peer| peer.raw.meta()),
            BgpAdvertisement::KIND => self.advertisements.get(&id.name).map(|adv| adv.raw.meta()),
            _ => None,
        };
        meta.map(|meta| &*meta.uid)
    }

    fn consider_peer(&mut self, name: &str) -> Vec<Change> {
        let Some(peer) = self.peers.get_mut(name) else {
            return Vec::new();
        };
        let secret_is_known = secret_of(&peer.raw).is_none_or(|s| self.looked_up.contains(s));
        if !selects(&peer.raw.spec.node_selectors, &self.labels) {
            peer.leave()
        } else if secret_is_known {
            peer.enter()
        } else {
            Vec::new()
        }
    }

    fn consider_advertisement(&mut self, name: &str) -> Vec<Change> {
        let Some(advertisement) = self.advertisements.get_mut(name) else {
            return Vec::new();
        };
        if selects(&advertisement.raw.spec.node_selectors, &self.labels) {
            advertisement.enter()
        } else {
            advertisement.leave()
        }
    }

    /// The last version that decoded says whether it is of this node; without one it may be.
    fn take_undecodable(&mut self, problem: Problem) -> Vec<Change> {
        let name = &*problem.name;
        let is_here = match &*problem.kind {
            BgpPeer::KIND => self.peers.get_mut(name).is_none_or(Candidate::stay),
            BgpAdvertisement::KIND => self.advertisements.get_mut(name).is_none_or(Candidate::stay),
            _ => true,
        };
        if is_here {
            vec![Change::Undecodable(problem)]
        } else {
            Vec::new()
        }
    }

    fn take_deleted(&mut self, kind: Cow<'static, str>, key: ObjectKey) -> Vec<Change> {
        match &*kind {
            BgpPeer::KIND => drop(self.peers.remove(&*key.name)),
            BgpAdvertisement::KIND => drop(self.advertisements.remove(&*key.name)),
            _ => {}
        }
        vec![Change::Deleted { kind, key }]
    }
}

impl<T: Object + Into<Change>> Candidate<T> {
    /// Hands this version over, once.
    fn enter(&mut self) -> Vec<Change> {
        if core::mem::replace(&mut self.is_in, true) {
            return Vec::new();
        }
        self.was_in = true;
        vec![self.raw.clone().into()]
    }

    /// Takes every version back.
    fn leave(&mut self) -> Vec<Change> {
        self.is_in = false;
        if !core::mem::replace(&mut self.was_in, false) {
            return Vec::new();
        }
        vec![Change::Deleted {
            kind: Cow::Borrowed(T::KIND),
            key: self.raw.key(),
        }]
    }

    /// A version that does not decode came after this one, which must be handed over again if it comes back. Whether the
    /// object counts here.
    fn stay(&mut self) -> bool {
        self.is_in = false;
        self.was_in
    }
}

fn put<T: Object>(candidates: &mut BTreeMap<Box<str>, Candidate<T>>, raw: T) {
    let name: Box<str> = (*raw.meta().name).into();
    let was_in = candidates.get(&name).is_some_and(|known| known.was_in);
    let candidate = Candidate {
        raw,
        is_in: false,
        was_in,
    };
    candidates.insert(name, candidate);
}

fn secret_of(peer: &BgpPeer) -> Option<&str> {
    let secret = peer.spec.password_secret.as_ref()?;
    Some(secret.name.as_str()).filter(|name| !name.is_empty())
}

/// Whether a list of selectors covers a node with these labels. One that is not valid covers every node, so that it is
/// refused where its owner sees it.
fn selects(selectors: &[LabelSelector], labels: &Labels) -> bool {
    let rules = Rules::default();
    let mut report = Report::about("", "", "", &rules);
    let resolved = selector::resolve_list(selectors, "", &mut report);
    report.is_refused() || any_or_empty(&resolved, labels)
}

/// Whether a problem is found only where Secrets are read or a node's own view is made. The speakers tell these; the
/// controller tells all others.
#[must_use]
pub fn is_found_by_nodes(problem: &Problem) -> bool {
    [
        reason::SECRET_MISSING,
        reason::INVALID_SECRET,
        reason::DUPLICATE_PEER,
        reason::CONFLICTING_PEERS,
        reason::CONFLICTING_LOCAL_PREF,
        reason::ECHO_WITH_IPV6,
    ]
    .iter()
    .any(|reason| reason.word() == problem.reason)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::decode;
    use crate::metallb::IpAddressPool;

    fn labels(rack: &str) -> Labels {
        serde_json::from_value(json!({ "rack": rack })).unwrap()
    }

    fn scope() -> NodeScope {
        let mut scope = NodeScope::default();
        scope.set_labels(labels("1"));
        scope
    }

    fn object<T: Object + Into<Change>>(spec: &Value) -> Change {
        decode::<T>(&json!({ "metadata": { "name": "a", "uid": "u" }, "spec": spec }))
            .unwrap()
            .into()
    }

    fn in_rack(rack: &str) -> Value {
        json!({ "nodeSelectors": [{ "matchLabels": { "rack": rack } }] })
    }

    fn gone(kind: &'static str) -> Vec<Change> {
        vec![Change::Deleted {
            kind: Cow::Borrowed(kind),
            key: ObjectKey::new("", "a"),
        }]
    }

    #[test]
    fn objects_of_other_nodes_are_kept_out_and_those_for_all_let_in() {
        let mut scope = scope();
        for (spec, passes) in [(in_rack("1"), true), (in_rack("2"), false), (json!({}), true)] {
            let (peer, advertisement) = (object::<BgpPeer>(&spec), object::<BgpAdvertisement>(&spec));
            scope.take(gone("BGPPeer").remove(0));
            assert_eq!(scope.take(peer).len(), usize::from(passes), "{spec}");
            scope.take(gone("BGPAdvertisement").remove(0));
            assert_eq!(scope.take(advertisement).len(), usize::from(passes), "{spec}");
        }
        assert_eq!(scope.take(object::<IpAddressPool>(&json!({}))).len(), 1);
    }

    #[test]
    fn an_object_comes_and_goes_with_the_labels_of_the_node() {
        let mut scope = scope();
        let peer = object::<BgpPeer>(&in_rack("2"));
        assert!(scope.take(peer.clone()).is_empty());
        assert_eq!(scope.set_labels(labels("2")), [peer]);
        assert!(scope.set_labels(labels("2")).is_empty());
        assert_eq!(scope.set_labels(labels("3")), gone("BGPPeer"));
    }

    #[test]
    fn an_object_that_is_moved_to_other_nodes_is_gone_here() {
        let mut scope = scope();
        assert_eq!(scope.take(object::<BgpPeer>(&in_rack("1"))).len(), 1);
        assert_eq!(scope.take(object::<BgpPeer>(&in_rack("2"))), gone("BGPPeer"));
        assert!(scope.take(object::<BgpPeer>(&in_rack("2"))).is_empty());
    }

    #[test]
    fn an_invalid_selector_is_let_in_to_be_refused() {
        let peer = object::<BgpPeer>(&json!({ "nodeSelectors": [{ "matchLabels": { "-": "x" } }] }));
        assert_eq!(scope().take(peer.clone()), [peer]);
    }

    #[test]
    fn what_does_not_decode_concerns_the_node_that_its_last_version_concerned() {
        let undecodable = || {
            let value = json!({ "metadata": { "name": "a" }, "spec": 7 });
            Change::Undecodable(*decode::<BgpPeer>(&value).unwrap_err())
        };
        let mut scope = scope();
        assert_eq!(scope.take(undecodable()), [undecodable()], "it was never seen");
        scope.take(object::<BgpPeer>(&in_rack("2")));
        assert!(scope.take(undecodable()).is_empty());
        let here = object::<BgpPeer>(&in_rack("1"));
        scope.take(here.clone());
        assert_eq!(scope.take(undecodable()), [undecodable()]);
        assert_eq!(scope.take(here.clone()), [here], "the version before is back");
    }

    #[test]
    fn a_peer_waits_until_its_secret_was_looked_up() {
        let mut scope = scope();
        let peer = object::<BgpPeer>(&json!({ "passwordSecret": { "name": "s" } }));
        assert!(scope.take(peer.clone()).is_empty());
        assert_eq!(scope.secrets(), ["s".into()].into());
        assert!(scope.is_waiting());
        assert!(scope.look_up("other").is_empty());
        assert_eq!(scope.look_up("s"), std::slice::from_ref(&peer));
        assert!(scope.look_up("s").is_empty() && !scope.is_waiting());
        assert_eq!(scope.take(peer.clone()), [peer]);
    }

    #[test]
    fn a_secret_that_is_named_no_more_is_looked_up_anew_when_it_is_named_again() {
        let mut scope = scope();
        let peer = || object::<BgpPeer>(&json!({ "passwordSecret": { "name": "s" } }));
        scope.take(peer());
        scope.look_up("s");
        assert_eq!(scope.take(object::<BgpPeer>(&json!({}))).len(), 1);
        assert!(scope.secrets().is_empty());
        assert!(scope.take(peer()).is_empty());
    }

    #[test]
    fn secrets_of_peers_of_other_nodes_are_not_asked_for() {
        let mut scope = scope();
        let mut spec = in_rack("2");
        spec["passwordSecret"] = json!({ "name": "s" });
        assert!(scope.take(object::<BgpPeer>(&spec)).is_empty());
        assert!(scope.secrets().is_empty());
        assert_eq!(scope.uid(&ObjectId::new("BGPPeer", "a")), Some("u"));
    }
}
