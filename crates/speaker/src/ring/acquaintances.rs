//! Whose hardware address it is: every speaker that was ever in the ring, by what it last told of itself.
//!
//! A speaker that the ring has lost may still be there, behind a switch that carries its announcements and not its gossip. Then
//! its claims are those of a rival that the election knows how to judge, not those of a foreign host, before which both would
//! give the address up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ferrolb_gossip::{Member, Meta};
use ferrolb_types::{MacAddr, NodeName};

/// Speakers that are remembered after the ring has lost them; the one lost longest ago is forgotten first.
const LOST_MAX: usize = 256;

/// All others that are or were in the ring, as far as they tell their hardware addresses.
#[derive(Debug, Default)]
pub(super) struct Acquaintances {
    by_name: BTreeMap<NodeName, Meta>,
    /// Those that are not in the ring now, in the order in which they were lost.
    lost: VecDeque<NodeName>,
}

impl Acquaintances {
    /// Takes in who is in the ring, without this node.
    pub(super) fn observe<'a>(&mut self, others: impl Iterator<Item = &'a Member>) {
        let mut present = BTreeSet::new();
        for member in others {
            let name = NodeName::new(&*member.name);
            // One that has lost its links keeps its hardware addresses.
            if let Some(meta) = member.meta.as_ref().filter(|meta| !meta.macs.is_empty()) {
                self.by_name.insert(name.clone(), meta.clone());
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

    /// The hardware addresses of all of them.
    pub(super) fn macs(&self) -> BTreeSet<MacAddr> {
        let metas = self.by_name.values();
        metas.flat_map(|meta| meta.macs.iter().copied()).collect()
    }

    /// Who has `mac`; one in the ring rather than one that was lost.
    pub(super) fn find(&self, mac: MacAddr) -> Option<(&NodeName, &Meta)> {
        let mut owners = self.by_name.iter().filter(|(_, meta)| meta.macs.contains(&mac));
        let first = owners.next()?;
        let is_lost = |(name, _): &(&NodeName, &Meta)| self.lost.contains(*name);
        if is_lost(&first) {
            return owners.find(|owner| !is_lost(owner)).or(Some(first));
        }
        Some(first)
    }
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

    fn who(known: &Acquaintances, mac: u8) -> Option<&str> {
        known
            .find(MacAddr([2, 0, 0, 0, 0, mac]))
            .map(|(name, _)| name.as_str())
    }

    #[test]
    fn a_speaker_is_known_by_its_hardware_address_also_when_the_ring_has_lost_it() {
        let mut known = Acquaintances::default();
        known.observe([member("a", &[1]), member("b", &[2, 3])].iter());
        known.observe([member("a", &[1])].iter());
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
            known.observe([member("a", macs)].iter());
            assert_eq!(who(&known, 1), seen, "{macs:?}");
        }
    }

    #[test]
    fn a_card_that_moved_to_another_node_is_that_nodes() {
        let mut known = Acquaintances::default();
        known.observe([member("a", &[1])].iter());
        known.observe([member("b", &[1])].iter());
        assert_eq!(who(&known, 1), Some("b"));
    }

    #[test]
    fn speakers_of_metallb_tell_nothing_and_the_lost_are_bounded() {
        let mut known = Acquaintances::default();
        let reference = Member {
            meta: None,
            ..member("m", &[])
        };
        known.observe([reference].iter());
        assert!(known.macs().is_empty());
        for n in 0..2 * LOST_MAX {
            known.observe([member(&format!("n{n}"), &[u8::try_from(n % 250).unwrap()])].iter());
        }
        assert_eq!(known.by_name.len(), LOST_MAX + 1);
    }
}
