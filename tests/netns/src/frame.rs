//! The few frames that tests send and recognise, laid out by hand: the product's own codec is what is being
//! tested.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ferrolb_types::MacAddr;
use ferrolb_types::address::solicited_node_group;

/// Where the ICMPv6 message begins: behind the Ethernet and the IPv6 header.
const ICMP: usize = 54;

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// An ARP request or reply (RFC 826) before it is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Arp {
    /// Ethernet destination.
    pub destination: MacAddr,
    /// Ethernet source and sender hardware address.
    pub sender_mac: MacAddr,
    /// Sender protocol address.
    pub sender: Ipv4Addr,
    /// Target protocol address.
    pub target: Ipv4Addr,
    /// 1 for a request, 2 for a reply.
    pub operation: u8,
}

impl Arp {
    /// A broadcast question for `target`.
    #[must_use]
    pub const fn request(sender_mac: MacAddr, sender: Ipv4Addr, target: Ipv4Addr) -> Self {
        Self {
            destination: MacAddr::BROADCAST,
            sender_mac,
            sender,
            target,
            operation: 1,
        }
    }

    /// A broadcast claim of `address`: sender and target are the same.
    #[must_use]
    pub const fn gratuitous(sender_mac: MacAddr, address: Ipv4Addr, operation: u8) -> Self {
        Self {
            destination: MacAddr::BROADCAST,
            sender_mac,
            sender: address,
            target: address,
            operation,
        }
    }

    /// The frame, padded to the minimum of Ethernet.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(60);
        bytes.extend(self.destination.octets());
        bytes.extend(self.sender_mac.octets());
        bytes.extend([0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4, 0, self.operation]);
        bytes.extend(self.sender_mac.octets());
        bytes.extend(self.sender.octets());
        bytes.extend([0; 6]);
        bytes.extend(self.target.octets());
        bytes.resize(60, 0);
        bytes
    }

    /// Reads a frame; none if it is not ARP.
    #[must_use]
    pub fn from_bytes(frame: &[u8]) -> Option<Self> {
        if frame.get(12..20)? != [0x08, 0x06, 0, 1, 0x08, 0x00, 6, 4] {
            return None;
        }
        Some(Self {
            destination: mac_at(frame, 0)?,
            sender_mac: mac_at(frame, 22)?,
            sender: Ipv4Addr::from(array_at::<4>(frame, 28)?),
            target: Ipv4Addr::from(array_at::<4>(frame, 38)?),
            operation: *frame.get(21)?,
        })
    }
}

/// A Neighbor Solicitation (RFC 4861 section 4.3) before it is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Solicitation {
    /// Ethernet destination.
    pub destination_mac: MacAddr,
    /// IPv6 destination.
    pub destination: Ipv6Addr,
    /// Ethernet source.
    pub source_mac: MacAddr,
    /// IPv6 source.
    pub source: Ipv6Addr,
    /// The address that is asked for.
    pub target: Ipv6Addr,
    /// Whether the option with `source_mac` is there.
    pub has_source_option: bool,
}

impl Solicitation {
    /// A question to the solicited-node group of `target`, with the source option.
    #[must_use]
    pub fn multicast(source_mac: MacAddr, source: Ipv6Addr, target: Ipv6Addr) -> Self {
        let group = solicited_node_group(target);
        Self {
            destination_mac: MacAddr::of_ipv6_multicast(group),
            destination: group,
            source_mac,
            source,
            target,
            has_source_option: true,
        }
    }

    /// The frame.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let mut message = vec![135, 0, 0, 0, 0, 0, 0, 0];
        message.extend(self.target.octets());
        if self.has_source_option {
            message.extend([1, 1]);
            message.extend(self.source_mac.octets());
        }
        icmpv6_frame(
            (self.source_mac, self.destination_mac),
            (self.source, self.destination),
            message,
        )
    }
}

/// The frame of an ICMPv6 message without its checksum, each pair being who sends it to whom.
fn icmpv6_frame(
    (source_mac, destination_mac): (MacAddr, MacAddr),
    (source, destination): (Ipv6Addr, Ipv6Addr),
    mut message: Vec<u8>,
) -> Vec<u8> {
    let checksum = checksum(source, destination, &message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());

    let mut bytes = Vec::with_capacity(ICMP + message.len());
    bytes.extend(destination_mac.octets());
    bytes.extend(source_mac.octets());
    bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, message.len() as u8, 58, 255]);
    bytes.extend(source.octets());
    bytes.extend(destination.octets());
    bytes.extend(message);
    bytes
}

/// A general query of a multicast router (RFC 3810 section 5.1), to be answered within `within`.
#[must_use]
pub fn listener_query(source_mac: MacAddr, source: Ipv6Addr, within: Duration) -> Vec<u8> {
    let millis = u16::try_from(within.as_millis()).unwrap_or(u16::MAX);
    let mut message = vec![130, 0, 0, 0];
    message.extend(millis.to_be_bytes());
    message.extend([0; 18]);
    // Robustness 2, every 125 s, no sources.
    message.extend([2, 125, 0, 0]);
    let ethernet = (source_mac, MacAddr::of_ipv6_multicast(ALL_NODES));
    let mut bytes = icmpv6_frame(ethernet, (source, ALL_NODES), message);
    // Behind hop-by-hop options with a router alert, for this link only.
    (bytes[19], bytes[20], bytes[21]) = (bytes[19] + 8, 0, 1);
    bytes.splice(ICMP..ICMP, [58, 0, 5, 2, 0, 0, 1, 0]);
    bytes
}

/// The groups that a report of version 2 (RFC 3810 section 5.2) says are listened to; none of other frames.
#[must_use]
pub fn reported_groups(frame: &[u8]) -> Vec<Ipv6Addr> {
    if frame.get(20) != Some(&0) || frame.get(62) != Some(&143) {
        return Vec::new();
    }
    let records = frame[70..]
        .chunks_exact(20)
        .filter(|record| matches!(record[0], 2 | 4));
    let groups = records.filter_map(|record| array_at::<16>(record, 4));
    groups.map(Ipv6Addr::from).collect()
}

/// What a Neighbor Advertisement (RFC 4861 section 4.4) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// IPv6 source.
    pub source: Ipv6Addr,
    /// IPv6 destination.
    pub destination: Ipv6Addr,
    /// The address that it is about.
    pub target: Ipv6Addr,
    /// The target link-layer address option.
    pub mac: Option<MacAddr>,
    /// The sender is a router.
    pub router: bool,
    /// It answers a solicitation.
    pub solicited: bool,
    /// It replaces what is known.
    pub overrides: bool,
}

impl Advertisement {
    /// An unsolicited one to all nodes that `mac` has `target`, as a host sends it that has just got the address.
    #[must_use]
    pub const fn gratuitous(mac: MacAddr, source: Ipv6Addr, target: Ipv6Addr) -> Self {
        Self {
            source,
            destination: ALL_NODES,
            target,
            mac: Some(mac),
            router: false,
            solicited: false,
            overrides: true,
        }
    }

    /// The frame to a group, from the hardware address that it tells.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let bit = |flag: bool, bit: u8| u8::from(flag) << bit;
        let flags = bit(self.router, 7) | bit(self.solicited, 6) | bit(self.overrides, 5);
        let mut message = vec![136, 0, 0, 0, flags, 0, 0, 0];
        message.extend(self.target.octets());
        let mac = self.mac.unwrap_or(MacAddr::ZERO);
        if self.mac.is_some() {
            message.extend([2, 1]);
            message.extend(mac.octets());
        }
        let group = MacAddr::of_ipv6_multicast(self.destination);
        icmpv6_frame((mac, group), (self.source, self.destination), message)
    }

    /// Reads a frame; none if it is not a valid advertisement with hop limit 255 and a right checksum.
    #[must_use]
    pub fn from_bytes(frame: &[u8]) -> Option<Self> {
        if frame.get(12..14)? != [0x86, 0xdd] || frame.get(20..22)? != [58, 255] || *frame.get(ICMP)? != 136 {
            return None;
        }
        let length = usize::from(u16::from_be_bytes(array_at(frame, 18)?));
        let message = frame.get(ICMP..ICMP + length)?;
        let source = Ipv6Addr::from(array_at::<16>(frame, 22)?);
        let destination = Ipv6Addr::from(array_at::<16>(frame, 38)?);
        let flags = *message.get(4)?;
        // Summed over a message that contains its right checksum the result is zero.
        (checksum(source, destination, message) == 0).then_some(())?;
        Some(Self {
            source,
            destination,
            target: Ipv6Addr::from(array_at::<16>(message, 8)?),
            mac: mac_at(message, 26).filter(|_| message.get(24..26) == Some(&[2, 1])),
            router: flags & 0x80 != 0,
            solicited: flags & 0x40 != 0,
            overrides: flags & 0x20 != 0,
        })
    }
}

/// The Internet checksum over the IPv6 pseudo header and `message` (RFC 4443 section 2.3).
fn checksum(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> u16 {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut covered = Vec::with_capacity(40 + message.len());
    covered.extend(source.octets());
    covered.extend(destination.octets());
    covered.extend(length.to_be_bytes());
    covered.extend([0, 0, 0, 58]);
    covered.extend(message);
    let words = covered
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset + N)?.try_into().ok()
}

fn mac_at(bytes: &[u8], offset: usize) -> Option<MacAddr> {
    array_at(bytes, offset).map(MacAddr)
}
