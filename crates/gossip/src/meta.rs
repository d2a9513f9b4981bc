//! What a speaker tells about itself in the metadata of its node.
//!
//! ```text
//!   "FLB" | 1 | fields                       at most 512 octets
//!   field: type | length | value             unknown types are passed over
//!     1  fast watching offered: version of its messages (1)
//!     2  IPv4 subnets that it can announce on: each prefix length, then its octets as far as the length reaches
//!     3  the same for IPv6
//!     4  there were more subnets than fit: what is listed is not all
//!     5  hardware addresses of its interfaces that announce, six octets each
//!     6  which life of the speaker this is, four octets; not all versions tell it
//! ```
//!
//! MetalLB's speakers have none. A node whose subnets are not known completely is never passed over for them.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeSet;

use ferrolb_types::{IpNet, MacAddr};
use ferrolb_wire::memberlist::META_MAX;
use serde::{Deserialize, Serialize};

const MAGIC: [u8; 4] = *b"FLB\x01";
const FAST_WATCH: u8 = 1;
const SUBNETS_V4: u8 = 2;
const SUBNETS_V6: u8 = 3;
const INCOMPLETE: u8 = 4;
const MACS: u8 = 5;
const LIFE: u8 = 6;
/// Hardware addresses that are told; few nodes announce on more interfaces.
const MACS_MAX: usize = 16;
/// Version of the messages of fast watching.
const WATCH_VERSION: u8 = 1;
/// Room that the field [`INCOMPLETE`] needs.
const INCOMPLETE_LEN: usize = 2;

/// Which life of a speaker something comes from: it chooses a number by chance when it starts, never 0. What it said in an
/// earlier one counts no more, and cannot be put in order with what it says now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life(pub u32);

/// Metadata of a FerroLB speaker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Whether it watches and wants to be watched by BFD.
    pub fast_watch: bool,
    /// The subnets of its interfaces that may announce; none when not known.
    pub subnets: Option<BTreeSet<IpNet>>,
    /// The hardware addresses of those interfaces, by which its claims are told from those of foreign hosts. The first 16
    /// are told.
    pub macs: BTreeSet<MacAddr>,
    /// Changes when the speaker starts again.
    pub life: Option<Life>,
}

impl Meta {
    /// Reads metadata; none when it is not that of a FerroLB speaker.
    #[must_use]
    pub fn decode(octets: &[u8]) -> Option<Self> {
        let mut rest = octets.strip_prefix(&MAGIC)?;
        let (mut meta, mut subnets, mut complete) = (Self::default(), None, true);
        while let [kind, length, after @ ..] = rest {
            let (value, after) = after.split_at_checked(usize::from(*length))?;
            match *kind {
                FAST_WATCH => meta.fast_watch = value.first() == Some(&WATCH_VERSION),
                SUBNETS_V4 => decode_subnets(value, false, subnets.get_or_insert_default())?,
                SUBNETS_V6 => decode_subnets(value, true, subnets.get_or_insert_default())?,
                INCOMPLETE => complete = false,
                MACS => meta.macs = decode_macs(value),
                LIFE => meta.life = decode_life(value),
                _ => {}
            }
            rest = after;
        }
        meta.subnets = subnets.filter(|_| complete);
        rest.is_empty().then_some(meta)
    }

    /// At most 512 octets. Subnets that do not fit are left out, and then the receiver knows that it does not know all.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut octets = MAGIC.to_vec();
        if self.fast_watch {
            octets.extend([FAST_WATCH, 1, WATCH_VERSION]);
        }
        if let Some(Life(number)) = self.life {
            octets.extend([LIFE, 4]);
            octets.extend(number.to_be_bytes());
        }
        self.encode_macs(&mut octets);
        let Some(subnets) = &self.subnets else {
            return octets;
        };
        let (v4, v6): (Vec<&IpNet>, Vec<&IpNet>) = subnets.iter().partition(|net| net.addr().is_ipv4());
        let complete =
            encode_subnets(SUBNETS_V4, &v4, &mut octets) & encode_subnets(SUBNETS_V6, &v6, &mut octets);
        if !complete {
            octets.extend([INCOMPLETE, 0]);
        }
        octets
    }

    fn encode_macs(&self, octets: &mut Vec<u8>) {
        let value: Vec<u8> = self
            .macs
            .iter()
            .take(MACS_MAX)
            .flat_map(|mac| mac.octets())
            .collect();
        if !value.is_empty() {
            octets.extend([MACS, u8::try_from(value.len()).unwrap_or(u8::MAX)]);
            octets.extend(value);
        }
    }
}

/// Appends fields, and tells whether all fitted. An empty list is a field too: no subnet at all.
fn encode_subnets(kind: u8, subnets: &[&IpNet], octets: &mut Vec<u8>) -> bool {
    let mut subnets = subnets.iter().peekable();
    loop {
        let room = META_MAX.saturating_sub(octets.len() + 2 + INCOMPLETE_LEN + 2);
        let mut value = Vec::new();
        while let Some(subnet) = subnets.peek() {
            let encoded = encode_subnet(subnet);
            if value.len() + encoded.len() > room.min(255) {
                break;
            }
            value.extend(encoded);
            subnets.next();
        }
        let stuck = value.is_empty() && subnets.peek().is_some();
        if stuck {
            return false;
        }
        octets.extend([kind, u8::try_from(value.len()).unwrap_or(u8::MAX)]);
        octets.extend(value);
        if subnets.peek().is_none() {
            return true;
        }
    }
}

fn encode_subnet(subnet: &IpNet) -> Vec<u8> {
    let length = subnet.prefix_len();
    let octets = match subnet.network() {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    };
    core::iter::once(length)
        .chain(octets.into_iter().take(significant(length)))
        .collect()
}

fn significant(prefix_len: u8) -> usize {
    usize::from(prefix_len).div_ceil(8)
}

fn decode_life(octets: &[u8]) -> Option<Life> {
    octets.first_chunk().copied().map(u32::from_be_bytes).map(Life)
}

/// What is left over of a MAC address is of no use.
fn decode_macs(octets: &[u8]) -> BTreeSet<MacAddr> {
    let (macs, _) = octets.as_chunks();
    macs.iter().copied().map(MacAddr).collect()
}

fn decode_subnets(mut value: &[u8], v6: bool, subnets: &mut BTreeSet<IpNet>) -> Option<()> {
    while let Some((&length, rest)) = value.split_first() {
        let (given, rest) = rest.split_at_checked(significant(length))?;
        let mut octets = [0; 16];
        octets.get_mut(..given.len())?.copy_from_slice(given);
        let addr = match (v6, octets) {
            (true, octets) => IpAddr::from(Ipv6Addr::from(octets)),
            (false, [a, b, c, d, ..]) => IpAddr::from(Ipv4Addr::new(a, b, c, d)),
        };
        subnets.insert(IpNet::new(addr, length).ok()?.trunc());
        value = rest;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meta(subnets: &[&str]) -> Meta {
        Meta {
            fast_watch: true,
            subnets: Some(subnets.iter().map(|net| net.parse().unwrap()).collect()),
            ..Meta::default()
        }
    }

    #[test]
    fn hardware_addresses_are_told_as_far_as_they_fit() {
        let macs =
            |count: u8| -> BTreeSet<MacAddr> { (0..count).map(|n| MacAddr([2, 0, 0, 0, 0, n])).collect() };
        for (told, understood) in [(0, 0), (2, 2), (40, 16)] {
            let meta = Meta {
                macs: macs(told),
                ..meta(&["192.0.2.0/24"])
            };
            let decoded = Meta::decode(&meta.encode()).unwrap();
            assert_eq!(
                decoded,
                Meta {
                    macs: macs(understood),
                    ..meta
                }
            );
        }
    }

    #[test]
    fn which_life_it_is_comes_through_and_need_not_be_told() {
        for life in [None, Some(Life(0)), Some(Life(u32::MAX - 1))] {
            let meta = Meta {
                life,
                ..meta(&["192.0.2.0/24"])
            };
            assert_eq!(Meta::decode(&meta.encode()), Some(meta));
        }
    }

    #[test]
    fn what_is_told_is_understood() {
        let meta = meta(&["192.0.2.0/24", "10.0.0.0/8", "2001:db8::/64", "0.0.0.0/0"]);
        assert_eq!(meta.encode().len(), 4 + 3 + (2 + 4 + 2 + 1) + (2 + 9));
        assert_eq!(Meta::decode(&meta.encode()), Some(meta));
    }

    #[test]
    fn a_node_without_subnets_is_not_one_whose_subnets_are_unknown() {
        for meta in [Meta::default(), meta(&[])] {
            assert_eq!(Meta::decode(&meta.encode()), Some(meta));
        }
    }

    #[test]
    fn subnets_that_do_not_fit_make_them_unknown_and_never_wrong() {
        let subnets = (0..200u8).map(|n| IpNet::new(IpAddr::from([10, 0, n, 0]), 24).unwrap());
        let meta = Meta {
            fast_watch: true,
            subnets: Some(subnets.collect()),
            ..Meta::default()
        };
        let octets = meta.encode();
        assert!(octets.len() <= META_MAX, "{}", octets.len());
        assert_eq!(
            Meta::decode(&octets),
            Some(Meta {
                subnets: None,
                ..meta
            })
        );
    }

    #[test]
    fn what_others_write_is_not_misread() {
        for other in [
            &b""[..],
            b"FLB",
            b"FLB\x02",
            b"role=server",
            b"FLB\x01\x02\x05\x18",
        ] {
            assert_eq!(Meta::decode(other), None, "{other:?}");
        }
        let newer = b"FLB\x01\x09\x02xx\x01\x01\x01";
        assert!(
            Meta::decode(newer).unwrap().fast_watch,
            "an unknown field is passed over"
        );
        let incompatible = b"FLB\x01\x01\x01\x02";
        assert!(!Meta::decode(incompatible).unwrap().fast_watch);
    }

    proptest! {
        #[test]
        fn any_subnets_fit_or_are_unknown(
            v4 in prop::collection::btree_set((any::<[u8; 4]>(), 0..=32u8), 0..150),
            v6 in prop::collection::btree_set((any::<[u8; 16]>(), 0..=128u8), 0..60),
        ) {
            let v4 = v4.into_iter().map(|(addr, length)| IpNet::new(addr.into(), length).unwrap().trunc());
            let v6 = v6.into_iter().map(|(addr, length)| IpNet::new(addr.into(), length).unwrap().trunc());
            let subnets: BTreeSet<IpNet> = v4.chain(v6).collect();
            let octets = Meta { fast_watch: true, subnets: Some(subnets.clone()), ..Meta::default() }.encode();
            prop_assert!(octets.len() <= META_MAX);
            let seen = Meta::decode(&octets).unwrap().subnets;
            prop_assert!(seen.is_none_or(|seen| seen == subnets));
        }

        #[test]
        fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..64)) {
            let typed = [&MAGIC, &octets[..]].concat();
            let _unknown = (Meta::decode(&octets), Meta::decode(&typed));
        }
    }
}
