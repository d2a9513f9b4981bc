//! All nodes that are known, each at a fixed place, and who of them may be elected (layer2 3.2 step 5, 3.3).

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::facts::NodeFacts;
use ferrolb_types::{IpNet, Labels, NodeName};

use crate::event::{Members, Speaker};
use crate::silence::Bar;

/// A node's place. Places of forgotten nodes are given out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u32);

impl Place {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Nodes that have a Node object or a speaker in the ring.
#[derive(Debug)]
pub(crate) struct Roster {
    entries: Vec<Entry>,
    by_name: BTreeMap<NodeName, Place>,
    free: Vec<Place>,
    gossip: bool,
    /// A speaker of the reference is in the ring: only what it knows may count.
    mixed: bool,
    ignore_exclude_lb: bool,
}

#[derive(Debug)]
struct Entry {
    name: NodeName,
    node: Option<Node>,
    /// Its speaker, if that is in the ring.
    speaker: Option<Speaker>,
}

#[derive(Debug, PartialEq, Eq)]
struct Node {
    labels: Labels,
    network_unavailable: bool,
    excluded: bool,
    out_of_service: bool,
    draining: bool,
}

impl From<NodeFacts> for Node {
    fn from(facts: NodeFacts) -> Self {
        Self {
            excluded: facts.is_excluded(),
            network_unavailable: facts.network_unavailable,
            out_of_service: facts.out_of_service,
            draining: facts.draining,
            labels: facts.labels,
        }
    }
}

impl Roster {
    pub(crate) const fn new(ignore_exclude_lb: bool) -> Self {
        Self {
            entries: Vec::new(),
            by_name: BTreeMap::new(),
            free: Vec::new(),
            gossip: false,
            mixed: false,
            ignore_exclude_lb,
        }
    }

    /// Takes in a Node object; returns its place if anything is new.
    pub(crate) fn apply(&mut self, facts: NodeFacts) -> Option<Place> {
        let place = self.place_of(&facts.name);
        let new = Some(Node::from(facts));
        let node = &mut self.entries[place.index()].node;
        (*node != new).then(|| {
            *node = new;
            place
        })
    }

    /// Forgets a Node object; returns its place if there was one.
    pub(crate) fn delete(&mut self, name: &NodeName) -> Option<Place> {
        let place = self.find(name)?;
        let node = self.entries[place.index()].node.take();
        self.free_unused(place);
        node.map(|_| place)
    }

    /// Takes in who is alive; returns the places of all for whom that makes a difference, ascending.
    pub(crate) fn set_members(&mut self, members: Members) -> Vec<Place> {
        let (gossip, mut ring) = match members {
            Members::AllNodes => (false, BTreeMap::new()),
            Members::Ring(ring) => (true, ring),
        };
        // New names first: a freed place must not be given out while the old one still matters.
        for name in ring.keys() {
            self.place_of(name);
        }
        let was_member: Vec<bool> = self.places().map(|p| self.is_member(p)).collect();
        self.gossip = gossip;
        let mixed = ring.values().any(|speaker| *speaker == Speaker::Reference);
        let mut differs = vec![self.mixed != mixed; self.entries.len()];
        self.mixed = mixed;
        for (name, place) in &self.by_name {
            let (speaker, new) = (&mut self.entries[place.index()].speaker, ring.remove(name));
            differs[place.index()] |= subnets(speaker.as_ref()) != subnets(new.as_ref());
            *speaker = new;
        }
        let changed = self
            .places()
            .filter(|&p| differs[p.index()] || self.is_member(p) != was_member[p.index()])
            .collect();
        for place in self.by_name.values().copied().collect::<Vec<_>>() {
            self.free_unused(place);
        }
        changed
    }

    pub(crate) fn find(&self, name: &NodeName) -> Option<Place> {
        self.by_name.get(name).copied()
    }

    /// The name as it is stored here if it is known, so that equal names share their memory.
    pub(crate) fn canonical(&self, name: &NodeName) -> NodeName {
        self.find(name).map_or(name, |p| self.name(p)).clone()
    }

    pub(crate) fn name(&self, place: Place) -> &NodeName {
        &self.entries[place.index()].name
    }

    /// Labels of the Node object, if there is one.
    pub(crate) fn labels(&self, place: Place) -> Option<&Labels> {
        self.entries[place.index()].node.as_ref().map(|n| &n.labels)
    }

    /// All places that are or were in use, ascending.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        (0..u32::try_from(self.entries.len()).unwrap_or(u32::MAX)).map(Place)
    }

    /// Nodes that no property of their own keeps out of elections.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = Place> + '_ {
        self.places().filter(|&p| self.bar(p).is_none())
    }

    /// What keeps the node out of every election.
    pub(crate) fn bar(&self, place: Place) -> Option<Bar> {
        if !self.is_member(place) {
            return Some(Bar::NoSpeaker);
        }
        self.bar_of_node(place)
    }

    /// What the Node object says against it.
    fn bar_of_node(&self, place: Place) -> Option<Bar> {
        let node = self.entries[place.index()].node.as_ref()?;
        if node.network_unavailable {
            return Some(Bar::NetworkUnavailable);
        }
        if node.excluded && !self.ignore_exclude_lb {
            return Some(Bar::Excluded);
        }
        if self.mixed {
            return None;
        }
        let out_of_service = node.out_of_service.then_some(Bar::OutOfService);
        out_of_service.or(node.draining.then_some(Bar::Draining))
    }

    /// How many of `addresses` the node cannot announce, because none of its subnets holds them; one more for a node that
    /// cannot announce at all. Not counted where it is not known, and where the reference elects, too.
    pub(crate) fn lacking(&self, place: Place, addresses: &[IpAddr]) -> u32 {
        self.lacking_of(self.entries[place.index()].speaker.as_ref(), addresses)
    }

    fn lacking_of(&self, speaker: Option<&Speaker>, addresses: &[IpAddr]) -> u32 {
        let Some(subnets) = subnets(speaker).filter(|_| !self.mixed) else {
            return 0;
        };
        let is_lacking = |address: &&IpAddr| !subnets.iter().any(|subnet| subnet.contains(*address));
        let count = addresses.iter().filter(is_lacking).count() + usize::from(subnets.is_empty());
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// What [`Roster::bar`] and [`Roster::lacking`] would say of a node that the ring has lost, were its `speaker` heard again:
    /// nothing if the ring has it, and so the election, or if its Node object keeps it out.
    pub(crate) fn lacking_if_heard(
        &self,
        place: Place,
        speaker: &Speaker,
        addresses: &[IpAddr],
    ) -> Option<u32> {
        let is_lost = self.gossip && self.bar(place) == Some(Bar::NoSpeaker);
        let may_return = is_lost && self.bar_of_node(place).is_none();
        may_return.then(|| self.lacking_of(Some(speaker), addresses))
    }

    fn is_member(&self, place: Place) -> bool {
        let entry = &self.entries[place.index()];
        if self.gossip {
            entry.speaker.is_some()
        } else {
            entry.node.is_some()
        }
    }

    fn place_of(&mut self, name: &NodeName) -> Place {
        if let Some(place) = self.find(name) {
            return place;
        }
        let entry = Entry {
            name: name.clone(),
            node: None,
            speaker: None,
        };
        let place = match self.free.pop() {
            Some(place) => {
                self.entries[place.index()] = entry;
                place
            }
            None => {
                let place = Place(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
                self.entries.push(entry);
                place
            }
        };
        self.by_name.insert(name.clone(), place);
        place
    }

    /// Gives up a place in use if nothing is known of its node any more. The entry keeps its name, but only
    /// `by_name` tells who is where.
    fn free_unused(&mut self, place: Place) {
        let entry = &self.entries[place.index()];
        if entry.node.is_none() && entry.speaker.is_none() {
            self.by_name.remove(&entry.name);
            self.free.push(place);
        }
    }
}

/// What a speaker tells of where it can announce.
const fn subnets(speaker: Option<&Speaker>) -> Option<&BTreeSet<IpNet>> {
    match speaker {
        Some(Speaker::Ferrolb { subnets }) => subnets.as_ref(),
        Some(Speaker::Reference) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeFacts {
        NodeFacts {
            name: name.into(),
            labels: Labels::default(),
            network_unavailable: false,
            not_ready: false,
            out_of_service: false,
            draining: false,
        }
    }

    fn names(roster: &Roster) -> Vec<String> {
        roster.candidates().map(|p| roster.name(p).to_string()).collect()
    }

    fn ring(names: &[&str]) -> Members {
        Members::ring(names.iter().map(|n| NodeName::from(*n)))
    }

    #[test]
    fn without_gossip_every_node_object_is_a_candidate() {
        let mut roster = Roster::new(false);
        roster.apply(node("a"));
        roster.apply(node("b"));
        assert_eq!(names(&roster), ["a", "b"]);
        roster.delete(&"a".into());
        assert_eq!(names(&roster), ["b"]);
    }

    #[test]
    fn with_gossip_only_members_are_candidates_with_or_without_node_object() {
        let mut roster = Roster::new(false);
        roster.apply(node("a"));
        roster.apply(node("b"));
        let changed = roster.set_members(ring(&["b", "ghost"]));
        let changed: Vec<_> = changed.iter().map(|p| roster.name(*p).as_str()).collect();
        assert_eq!(changed, ["a", "ghost"]);
        assert_eq!(names(&roster), ["b", "ghost"]);
        assert!(
            roster.set_members(ring(&["b", "ghost"])).is_empty(),
            "nothing changes twice"
        );
    }

    #[test]
    fn places_of_forgotten_nodes_are_used_again() {
        let mut roster = Roster::new(false);
        for i in 0..1_000 {
            let name = format!("n{i}");
            roster.apply(node(&name));
            assert_eq!(names(&roster), [name.as_str()]);
            roster.set_members(ring(&[&name, "ring-only"]));
            roster.set_members(Members::AllNodes);
            roster.delete(&name.as_str().into());
        }
        assert!(roster.entries.len() <= 3, "{}", roster.entries.len());
    }

    #[test]
    fn a_node_is_not_mistaken_for_its_former_place() {
        let mut roster = Roster::new(false);
        roster.set_members(ring(&["a", "b"]));
        roster.set_members(Members::AllNodes);
        roster.apply(node("a"));
        roster.set_members(Members::AllNodes);
        assert!(roster.find(&"a".into()).is_some());
        assert_eq!(names(&roster), ["a"]);
        roster.delete(&"a".into());
        roster.set_members(ring(&["b", "a"]));
        assert_eq!(names(&roster).len(), 2, "each name has one place");
    }

    #[test]
    fn an_unavailable_network_and_the_exclude_label_bar_a_node() {
        let key = ferrolb_api::annotations::EXCLUDE_FROM_LOAD_BALANCERS;
        let excluded = NodeFacts {
            labels: [(key, "false")].into_iter().collect(),
            ..node("excluded")
        };
        let cut_off = NodeFacts {
            network_unavailable: true,
            ..node("cut-off")
        };
        for (ignore, expected) in [(false, &["plain"][..]), (true, &["plain", "excluded"])] {
            let mut roster = Roster::new(ignore);
            for facts in [node("plain"), excluded.clone(), cut_off.clone()] {
                roster.apply(facts);
            }
            assert_eq!(names(&roster), expected);
        }
    }

    fn on(subnets: &[&str]) -> Speaker {
        let subnets = subnets.iter().map(|net| net.parse().unwrap()).collect();
        Speaker::Ferrolb {
            subnets: Some(subnets),
        }
    }

    #[test]
    fn a_speaker_of_the_reference_keeps_everybody_to_its_candidates() {
        let mut roster = Roster::new(false);
        let (off, drained) = (
            NodeFacts {
                out_of_service: true,
                ..node("off")
            },
            NodeFacts {
                draining: true,
                ..node("drained")
            },
        );
        for facts in [node("plain"), off, drained] {
            roster.apply(facts);
        }
        assert_eq!(names(&roster), ["plain"]);
        let ring = |last: Speaker| {
            let names = ["plain", "off", "drained"].map(NodeName::from);
            let speakers = [on(&["192.0.2.0/24"]), on(&[]), last];
            Members::Ring(names.into_iter().zip(speakers).collect())
        };
        let changed = roster.set_members(ring(Speaker::Reference));
        assert_eq!(changed.len(), 3, "all may be different");
        assert_eq!(names(&roster), ["plain", "off", "drained"]);
        assert!(
            roster
                .places()
                .all(|place| roster.lacking(place, &["10.0.0.1".parse().unwrap()]) == 0)
        );
        roster.set_members(ring(on(&[])));
        assert_eq!(names(&roster), ["plain"]);
    }

    #[test]
    fn what_a_node_cannot_announce_is_counted_where_it_is_known() {
        let mut roster = Roster::new(false);
        let speakers = [
            ("both", on(&["192.0.2.0/24", "2001:db8::/64"])),
            ("v4", on(&["192.0.2.0/24"])),
            ("neither", on(&["10.0.0.0/8"])),
            ("nowhere", on(&[])),
            ("unknown", Speaker::Ferrolb { subnets: None }),
        ];
        roster.set_members(Members::Ring(
            speakers.into_iter().map(|(n, s)| (n.into(), s)).collect(),
        ));
        let addresses = ["192.0.2.1", "2001:db8::1"].map(|a| a.parse().unwrap());
        let lacking = |name: &str| roster.lacking(roster.find(&name.into()).unwrap(), &addresses);
        let seen = ["both", "v4", "neither", "nowhere", "unknown"].map(lacking);
        assert_eq!(seen, [0, 1, 2, 3, 0]);
    }

    #[test]
    fn applying_the_same_node_again_changes_nothing() {
        let mut roster = Roster::new(false);
        assert!(roster.apply(node("a")).is_some());
        assert!(roster.apply(node("a")).is_none());
        assert!(roster.delete(&"other".into()).is_none());
    }
}
