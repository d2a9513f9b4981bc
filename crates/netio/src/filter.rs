//! Classic BPF programs that let pass only the ARP and NDP frames which concern held addresses, so that a
//! flood of requests for others costs no wake-up (`Documentation/networking/filter.rst` of the kernel).
//!
//! A program first checks the fixed fields, then looks a 32-bit key up in a decision tree over ranges of
//! keys:
//!
//! ```text
//!   ARP  request whose target, or any message whose sender, is held    key: the IPv4 address
//!   NDP  solicitation or advertisement whose target is held            key: the target's last 32 bits
//!   MLD  every query (RFC 3810): multicast routers ask seldom
//!
//!             key >= 192.0.2.32 ?                        depth log2(segments / 16), then at most
//!              ├─ no ──▶ .0–.9? .12? ──▶ pass            16 segments one after another
//!              └─ yes ─▶ .32–.63 and its bit? ──▶ pass
//! ```
//!
//! Addresses in a row are one range, and where many of a pool are held but not all, one comparison tells 32 of them
//! (`segment`): a pool of 30,000 addresses is matched exactly, whatever part of it is held here.
//!
//! Messages of others *about* a held address pass too, because that is how conflicts are seen (RFC 5227
//! section 2.4). A program has at most 4096 instructions. Where they do not suffice, the ranges with the smallest gaps
//! between them are joined: every held address still passes, and so do the addresses in those gaps, see
//! [`Filter::foreign_keys`]. Senders come last: a flood asks for addresses of others, but it seldom claims them. So the
//! filter is a help; the decision is with whoever reads the frames.

mod keys;
mod program;
mod segment;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, Ipv6Addr};

use socket2::SockFilter;

use keys::KeyRanges;
use program::{FIXED_INSTRUCTIONS, Lookup, Miss, Program};

/// Field offsets and values of an Ethernet frame with ARP (RFC 826) or ICMPv6 (RFC 8200, RFC 4861) in it.
mod field {
    pub(super) const ETHERTYPE: u32 = 12;
    pub(super) const ETHERTYPE_ARP: u32 = 0x0806;
    pub(super) const ETHERTYPE_IPV6: u32 = 0x86dd;

    pub(super) const ARP_PROTOCOL: u32 = 16;
    pub(super) const ARP_PROTOCOL_IPV4: u32 = 0x0800;
    pub(super) const ARP_LENGTHS: u32 = 18;
    /// Hardware addresses of 6 octets, protocol addresses of 4: the offsets below depend on them.
    pub(super) const ARP_LENGTHS_MAC_IPV4: u32 = 0x0604;
    pub(super) const ARP_OPERATION: u32 = 20;
    pub(super) const ARP_REQUEST: u32 = 1;
    pub(super) const ARP_REPLY: u32 = 2;
    pub(super) const ARP_SENDER: u32 = 28;
    pub(super) const ARP_TARGET: u32 = 38;

    pub(super) const NEXT_HEADER: u32 = 20;
    pub(super) const NEXT_HEADER_HOP_BY_HOP: u32 = 0;
    pub(super) const NEXT_HEADER_ICMPV6: u32 = 58;
    pub(super) const HOP_LIMIT: u32 = 21;
    /// "A node MUST silently discard" what a router has forwarded (RFC 4861 section 7.1).
    pub(super) const HOP_LIMIT_ON_LINK: u32 = 255;
    pub(super) const ICMP_TYPE: u32 = 54;
    pub(super) const NEIGHBOR_SOLICITATION: u32 = 135;
    pub(super) const NEIGHBOR_ADVERTISEMENT: u32 = 136;
    /// What follows the options of a Multicast Listener Query, which has one, the router alert, and padding.
    pub(super) const AFTER_HOP_BY_HOP: u32 = 54;
    pub(super) const ICMP_TYPE_AFTER_HOP_BY_HOP: u32 = 62;
    pub(super) const MULTICAST_LISTENER_QUERY: u32 = 130;
    /// The last four bytes of the target address.
    pub(super) const NDP_TARGET_LOW: u32 = 74;
}

/// One part of so many is kept free of targets, so that claims of foreign hosts need not all be looked at.
const SHARE_OF_SENDERS: usize = 5;

/// A program for [`crate::PacketSocket::set_filter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    program: Program,
    foreign_keys: u64,
    is_exact: bool,
}

impl Filter {
    /// The kernel's limit on the length of a program (`BPF_MAXINSNS`).
    pub const MAX_INSTRUCTIONS: usize = 4096;

    /// Lets nothing pass.
    #[must_use]
    pub fn nothing() -> Self {
        let mut program = Program::new();
        program.drop_frame();
        Self {
            program,
            foreign_keys: 0,
            is_exact: true,
        }
    }

    /// Lets every frame pass.
    #[must_use]
    pub fn everything() -> Self {
        let mut program = Program::new();
        program.pass_frame();
        Self {
            program,
            foreign_keys: 0,
            is_exact: true,
        }
    }

    /// ARP requests for a `held` address, and requests and replies that claim one as their sender. At most
    /// `limit` instructions long, but never shorter than one range needs.
    #[must_use]
    pub fn arp(held: impl IntoIterator<Item = Ipv4Addr>, limit: usize) -> Self {
        let keys: KeyRanges = held.into_iter().map(Ipv4Addr::to_bits).collect();
        let room = limit.saturating_sub(FIXED_INSTRUCTIONS);
        let (targets, foreign_keys) = lookup(&keys, room - room / SHARE_OF_SENDERS);
        let (senders, foreign_senders) = lookup(&keys, room.saturating_sub(targets.len()));

        let mut program = Program::new();
        program.require_untagged();
        program.require_u16(field::ETHERTYPE, field::ETHERTYPE_ARP);
        program.require_u16(field::ARP_PROTOCOL, field::ARP_PROTOCOL_IPV4);
        program.require_u16(field::ARP_LENGTHS, field::ARP_LENGTHS_MAC_IPV4);
        program.require_u16_either(field::ARP_OPERATION, field::ARP_REQUEST, field::ARP_REPLY);
        let mut question = Program::new();
        question.pass_if_among(field::ARP_TARGET, targets, Miss::FallThrough);
        program.only_if(field::ARP_REQUEST, question);
        program.pass_if_among(field::ARP_SENDER, senders, Miss::Drop);
        Self {
            program,
            foreign_keys,
            is_exact: foreign_keys == 0 && foreign_senders == 0,
        }
    }

    /// Neighbor Solicitations and Advertisements, sent on the link, whose target ends as a `held` address
    /// does, and Multicast Listener Queries. At most `limit` instructions long, but never shorter than one range needs.
    /// Other packets with extension headers do not pass.
    #[must_use]
    pub fn ndp(held: impl IntoIterator<Item = Ipv6Addr>, limit: usize) -> Self {
        let keys: KeyRanges = held.into_iter().map(low_bits).collect();
        let (targets, foreign_keys) = lookup(&keys, limit.saturating_sub(FIXED_INSTRUCTIONS));

        let mut program = Program::new();
        program.require_untagged();
        program.require_u16(field::ETHERTYPE, field::ETHERTYPE_IPV6);
        program.require_u8_either(
            field::NEXT_HEADER,
            field::NEXT_HEADER_ICMPV6,
            field::NEXT_HEADER_HOP_BY_HOP,
        );
        program.only_if(field::NEXT_HEADER_HOP_BY_HOP, listener_query());
        program.require_u8(field::HOP_LIMIT, field::HOP_LIMIT_ON_LINK);
        program.require_u8_either(
            field::ICMP_TYPE,
            field::NEIGHBOR_SOLICITATION,
            field::NEIGHBOR_ADVERTISEMENT,
        );
        program.pass_if_among(field::NDP_TARGET_LOW, targets, Miss::Drop);
        Self {
            program,
            foreign_keys,
            is_exact: foreign_keys == 0,
        }
    }

    /// How many 32-bit keys of nobody here pass when asked for, because the program would have become too long. Zero in
    /// all but very large sets of scattered addresses.
    #[must_use]
    pub const fn foreign_keys(&self) -> u64 {
        self.foreign_keys
    }

    /// Whether it knows every held address from its neighbours, also as a sender.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// The program's length.
    #[must_use]
    pub fn instruction_count(&self) -> usize {
        self.program.instructions().len()
    }

    pub(crate) fn to_kernel(&self) -> Vec<SockFilter> {
        let instructions = self.program.instructions();
        instructions
            .iter()
            .map(|i| SockFilter::new(i.code, i.when_true, i.when_false, i.operand))
            .collect()
    }
}

/// Passes a query, whose options are those that RFC 3810 section 5 demands, and drops everything else.
fn listener_query() -> Program {
    let mut query = Program::new();
    query.require_u8(field::AFTER_HOP_BY_HOP, field::NEXT_HEADER_ICMPV6);
    query.require_u8(field::ICMP_TYPE_AFTER_HOP_BY_HOP, field::MULTICAST_LISTENER_QUERY);
    query.pass_frame();
    query
}

/// The look-up of `keys` in at most `room` instructions, and how many foreign keys it lets in.
fn lookup(keys: &KeyRanges, room: usize) -> (Lookup, u64) {
    if let Some(exact) = Lookup::exact(keys.as_slice(), room) {
        return (exact, 0);
    }
    let mut joined = keys.clone();
    let foreign_keys = joined.join_until(program::ranges_within(room));
    (Lookup::by_ranges(joined.as_slice()), foreign_keys)
}

#[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are the key")]
const fn low_bits(addr: Ipv6Addr) -> u32 {
    addr.to_bits() as u32
}
