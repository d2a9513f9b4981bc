//! Which candidate answers for an address: a pure function of names, so that every speaker finds the same answer
//! without a message (layer2 section 4).

use core::cmp::Reverse;
use core::net::IpAddr;

use sha2::{Digest as _, Sha256};

use ferrolb_types::NodeName;

/// What an election is about: the first address of a Service, as text.
///
/// The text is hashed, so its form is part of the interface with the other speakers: dotted decimal, and RFC 5952 for
/// IPv6. A whole Service follows its first address, so both families stay on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of the Service whose status begins with `first`.
    #[must_use]
    pub fn new(first: IpAddr) -> Self {
        Self(first.to_canonical().to_string())
    }

    /// The place of `node`, whose preferences sum up to `score`.
    #[must_use]
    pub fn rank(&self, node: &NodeName, score: u32) -> Rank {
        self.place(node, Standing::new(score, 0))
    }

    /// The place of `node` among those of whatever standing.
    #[must_use]
    pub fn place(&self, node: &NodeName, standing: Standing) -> Rank {
        let mut hash = Sha256::new();
        hash.update(node.as_str());
        hash.update(b"#");
        hash.update(&self.0);
        Rank {
            standing,
            hash: hash.finalize().into(),
        }
    }
}

/// A candidate's place; the least of all is elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    standing: Standing,
    hash: [u8; 32],
}

impl Rank {
    /// What it was made with.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }
}

/// What comes before the hash; less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    lacking: u32,
    score: Reverse<u32>,
}

impl Standing {
    /// Of a node whose preferences sum up to `score`, and that cannot announce `lacking` of the addresses: it is passed over as
    /// long as another one can announce more of them.
    #[must_use]
    pub const fn new(score: u32, lacking: u32) -> Self {
        Self {
            lacking,
            score: Reverse(score),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn order<'a>(ip: &str, candidates: &[(&'a str, u32)]) -> Vec<&'a str> {
        let key = Key::new(ip.parse().unwrap());
        let mut ranked: Vec<(Rank, &str)> = candidates
            .iter()
            .map(|&(name, score)| (key.rank(&name.into(), score), name))
            .collect();
        ranked.sort();
        ranked.into_iter().map(|(_, name)| name).collect()
    }

    fn prefix(ip: &str, node: &str) -> String {
        let hash = Key::new(ip.parse().unwrap()).rank(&node.into(), 0).hash;
        hash[..4].iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn order_and_hashes_are_those_of_the_specification() {
        let vectors = [
            ("10.0.0.1", "node-b 2acae885, node-a dd41591f, node-c f949561f"),
            ("10.0.0.2", "node-b 48a0dc88, node-c c71d9fee, node-a d12599e5"),
            (
                "192.168.1.240",
                "node-a 0905ce28, node-c a6530f9d, node-b c5db6995",
            ),
            ("2001:db8::1", "node-b 1aee61dd, node-a 3c9f88a7, node-c bb833059"),
            (
                "fc00:f853:ccd:e799::",
                "node-b 90dcb721, node-c 94b0ace4, node-a ba02b670",
            ),
            (
                "10.20.30.1",
                "edge-b 3e7a4988, worker-a 734e3469, edge-a c4464d2e, worker-b c907072e",
            ),
        ];
        for (ip, expected) in vectors {
            let mut names: Vec<(&str, u32)> = expected
                .split(", ")
                .map(|entry| (entry.split_once(' ').unwrap().0, 0))
                .collect();
            names.sort_unstable();
            let seen: Vec<String> = order(ip, &names)
                .iter()
                .map(|node| format!("{node} {}", prefix(ip, node)))
                .collect();
            assert_eq!(seen.join(", "), expected, "{ip}");
        }
    }

    #[test]
    fn preference_scores_come_before_the_hash() {
        let nodes = |edge_a, edge_b| {
            [
                ("edge-a", edge_a),
                ("edge-b", edge_b),
                ("worker-a", 0),
                ("worker-b", 0),
            ]
        };
        assert_eq!(
            order("10.20.30.1", &nodes(100, 0)),
            ["edge-a", "edge-b", "worker-a", "worker-b"]
        );
        assert_eq!(
            order("10.20.30.1", &nodes(100, 100)),
            ["edge-b", "edge-a", "worker-a", "worker-b"]
        );
        assert_eq!(order("10.20.30.1", &[("iris1", 0), ("iris2", 0)])[0], "iris2");
        assert_eq!(order("10.20.30.2", &[("iris1", 0), ("iris2", 0)])[0], "iris1");
    }

    #[test]
    fn addresses_are_hashed_in_their_canonical_text() {
        for (text, canonical) in [
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("2001:DB8:1:1:1:1:0:1", "2001:db8:1:1:1:1:0:1"),
            ("::1.2.3.4", "::102:304"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(Key::new(text.parse().unwrap()).0, canonical);
        }
    }

    fn winner<'a>(ip: IpAddr, nodes: impl IntoIterator<Item = &'a NodeName>) -> Option<&'a NodeName> {
        let key = Key::new(ip);
        nodes.into_iter().min_by_key(|n| key.rank(n, 0))
    }

    fn names() -> impl Strategy<Value = BTreeSet<NodeName>> {
        proptest::collection::btree_set("[a-z]{1,4}".prop_map(NodeName::from), 1..12)
    }

    proptest! {
        #[test]
        fn there_is_exactly_one_owner_whatever_the_order_of_candidates(ip: u128, nodes in names()) {
            let ip = IpAddr::from(ip.to_be_bytes());
            let owner = winner(ip, &nodes);
            prop_assert!(owner.is_some());
            prop_assert_eq!(owner, winner(ip, nodes.iter().rev()));
        }

        #[test]
        fn removing_a_node_that_is_not_the_owner_moves_nothing(ip: u32, nodes in names()) {
            let ip = IpAddr::from(ip.to_be_bytes());
            let owner = winner(ip, &nodes);
            for gone in nodes.iter().filter(|n| Some(*n) != owner) {
                prop_assert_eq!(winner(ip, nodes.iter().filter(|n| *n != gone)), owner);
            }
        }

        #[test]
        fn a_new_node_takes_an_address_for_itself_or_leaves_it(ip: u32, nodes in names()) {
            let (ip, new) = (IpAddr::from(ip.to_be_bytes()), NodeName::from("new-node"));
            let before = winner(ip, &nodes);
            let after = winner(ip, nodes.iter().chain([&new]));
            prop_assert!(after == before || after == Some(&new));
        }
    }
}
