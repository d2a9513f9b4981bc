//! Whose hardware address it is: every speaker that was ever in the ring, by what it last told of itself.
//!
//! A speaker that the ring has lost may still be there, behind a switch that carries its announcements and not its gossip. Then
//! its claims are those of a rival that the election knows how to judge, not those of a foreign host, before which both would
//! give the address up.
//!
//! Speakers of MetalLB tell nothing. They announce from the interfaces of their node, one of which has the address that the ring
//! knows them by; whoever exchanges packets with it knows the hardware address behind it.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ferrolb_gossip::{Member, Meta};
use ferrolb_plan::{Members, Speaker};
use ferrolb_types::{MacAddr, NodeName};

/// Speakers that are remembered after the ring has lost them; the one lost longest ago is forgotten first.
const LOST_MAX: usize = 256;

/// All others that are or were in the ring, as far as their hardware addresses are known.
#[derive(Debug, Default)]
pub struct Acquaintances {
    by_name: BTreeMap<NodeName, Known>,
    /// Those that are not in the ring now, in the order in which they were lost.
    lost: VecDeque<NodeName>,
}

/// What is known of a speaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What the election needs to know of it.
    pub speaker: Speaker,
    /// Where its claims come from.
    pub macs: BTreeSet<MacAddr>,
}

impl Acquaintances {
    /// Takes in who is in the ring, without this node. `neighbour` knows the hardware address of an address on the segment.
    pub fn observe<'a>(
        &mut self,
        others: impl Iterator<Item = &'a Member>,
        neighbour: impl Fn(IpAddr) -> Option<MacAddr>,
    ) {
        let mut present = BTreeSet::new();
        for member in others {
            let name = NodeName::new(&*member.name);
            // One that has lost its links keeps its hardware addresses.
            if let Some(known) = known(member, &neighbour) {
                self.by_name.insert(name.clone(), known);
            }
            present.insert(name);
        }
        self.lost.retain(|name| !present.contains(name));
        for name in self.by_name.keys() {
            if !present.contains(name) && !self.lost.contains(name) {
                self.lost.push_back(name.clone());
            }
        }
        while self.lost.len() > LOST_MAX {
            self.lost.pop_front().map(|name| self.by_name.remove(&name));
        }
    }

    /// What is known of each.
    pub fn iter(&self) -> impl Iterator<Item = (&NodeName, &Known)> {
        self.by_name.iter()
    }

    /// The hardware addresses of all of them.
    #[must_use]
    pub fn macs(&self) -> BTreeSet<MacAddr> {
        let known = self.by_name.values();
        known.flat_map(|known| known.macs.iter().copied()).collect()
    }

    /// Who has `mac`; one in the ring rather than one that was lost.
    #[must_use]
    pub fn find(&self, mac: MacAddr) -> Option<(&NodeName, &Known)> {
        let mut owners = self.by_name.iter().filter(|(_, known)| known.macs.contains(&mac));
        let first = owners.next()?;
        let is_lost = |(name, _): &(&NodeName, &Known)| self.lost.contains(*name);
        if is_lost(&first) {
            return owners.find(|owner| !is_lost(owner)).or(Some(first));
        }
        Some(first)
    }
}

/// None of a speaker whose hardware addresses are not known now.
fn known(member: &Member, neighbour: impl Fn(IpAddr) -> Option<MacAddr>) -> Option<Known> {
    let macs = match &member.meta {
        Some(meta) => meta.macs.clone(),
        None => neighbour(member.address.ip()).into_iter().collect(),
    };
    (!macs.is_empty()).then(|| Known {
        speaker: speaker_of(member),
        macs,
    })
}

/// What the planner is told of those that may be elected.
pub fn electable<'a>(candidates: impl Iterator<Item = &'a Member>) -> Members {
    Members::Ring(
        candidates
            .map(|member| (NodeName::new(&*member.name), speaker_of(member)))
            .collect(),
    )
}

/// Metadata are what tells a speaker of FerroLB.
fn speaker_of(member: &Member) -> Speaker {
    let ferrolb = |meta: &Meta| Speaker::Ferrolb {
        subnets: meta.subnets.clone(),
    };
    member.meta.as_ref().map_or(Speaker::Reference, ferrolb)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, macs: &[u8]) -> Member {
        let macs = macs.iter().map(|n| MacAddr([2, 0, 0, 0, 0, *n])).collect();
        Member {
            name: name.into(),
            address: ([192, 0, 2, 1], 7946).into(),
            meta: Some(Meta {
                macs,
                ..Meta::default()
            }),
        }
    }

    /// No neighbour is known.
    fn nobody(_: IpAddr) -> Option<MacAddr> {
        None
    }

    fn who(known: &Acquaintances, mac: u8) -> Option<&str> {
        known
            .find(MacAddr([2, 0, 0, 0, 0, mac]))
            .map(|(name, _)| name.as_str())
    }

    #[test]
    fn a_speaker_is_known_by_its_hardware_address_also_when_the_ring_has_lost_it() {
        let mut known = Acquaintances::default();
        known.observe([member("a", &[1]), member("b", &[2, 3])].iter(), nobody);
        known.observe([member("a", &[1])].iter(), nobody);
        assert_eq!(
            [1, 2, 3, 4].map(|mac| who(&known, mac)),
            [Some("a"), Some("b"), Some("b"), None]
        );
        assert_eq!(known.macs().len(), 3);
    }

    #[test]
    fn a_speaker_without_carrier_keeps_its_hardware_address_and_a_new_one_replaces_it() {
        let mut known = Acquaintances::default();
        for (macs, seen) in [(&[1][..], Some("a")), (&[], Some("a")), (&[2], None)] {
            known.observe([member("a", macs)].iter(), nobody);
            assert_eq!(who(&known, 1), seen, "{macs:?}");
        }
    }

    #[test]
    fn a_card_that_moved_to_another_node_is_that_nodes() {
        let mut known = Acquaintances::default();
        known.observe([member("a", &[1])].iter(), nobody);
        known.observe([member("b", &[1])].iter(), nobody);
        assert_eq!(who(&known, 1), Some("b"));
    }

    #[test]
    fn a_speaker_of_metallb_is_known_by_the_hardware_address_behind_its_own_address() {
        let reference = |name| Member {
            meta: None,
            ..member(name, &[])
        };
        let mac = MacAddr([2, 0, 0, 0, 0, 7]);
        let mut known = Acquaintances::default();
        known.observe([reference("m")].iter(), nobody);
        assert!(
            known.macs().is_empty(),
            "it is behind a router, or nothing was sent yet"
        );
        known.observe([reference("m")].iter(), |ip| {
            (ip == IpAddr::from([192, 0, 2, 1])).then_some(mac)
        });
        let (name, found) = known.find(mac).expect("it is known");
        assert_eq!((name.as_str(), &found.speaker), ("m", &Speaker::Reference));
        known.observe([reference("m")].iter(), nobody);
        assert_eq!(
            known.macs(),
            [mac].into(),
            "a neighbour that the kernel forgets is still there"
        );
    }

    #[test]
    fn those_that_were_lost_are_bounded() {
        let mut known = Acquaintances::default();
        for n in 0..2 * LOST_MAX {
            let mac = u8::try_from(n % 250).unwrap();
            known.observe([member(&format!("n{n}"), &[mac])].iter(), nobody);
        }
        assert_eq!(known.by_name.len(), LOST_MAX + 1);
    }
}
