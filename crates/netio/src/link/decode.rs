//! From netlink messages to what they say about links and addresses.

use std::io;
use std::net::IpAddr;

use ferrolb_types::{InterfaceIndex, InterfaceName, IpNet, MacAddr};
use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage};
use netlink_packet_route::{AddressFamily, link};

use super::Link;
use super::table::{Address, LinkTable, Notice};
use crate::netlink::Requests;

impl LinkTable {
    /// All links and addresses at this moment.
    pub(crate) fn observe(requests: &mut Requests) -> io::Result<Self> {
        let mut table = Self::default();
        // Links first: an address is of use only with its link.
        for request in [
            RouteNetlinkMessage::GetLink(LinkMessage::default()),
            RouteNetlinkMessage::GetAddress(AddressMessage::default()),
        ] {
            for notice in requests.dump(&request)?.into_iter().filter_map(notice_of) {
                table.apply(notice);
            }
        }
        Ok(table)
    }
}

/// What a notification says, or `None` if it is about something else.
pub(super) fn notice(payload: NetlinkPayload<RouteNetlinkMessage>) -> Option<Notice> {
    match payload {
        NetlinkPayload::InnerMessage(message) => notice_of(message),
        _ => None,
    }
}

fn notice_of(message: RouteNetlinkMessage) -> Option<Notice> {
    match message {
        RouteNetlinkMessage::NewLink(link) => link_of(&link).map(Notice::Link),
        // A bridge says with the family `AF_BRIDGE` that a port left it, not that the link is gone.
        RouteNetlinkMessage::DelLink(link) if is_about_the_link(&link) => {
            Some(Notice::LinkGone(InterfaceIndex(link.header.index)))
        }
        RouteNetlinkMessage::NewAddress(address) => {
            address_of(&address).map(|(index, address)| Notice::Address(index, address))
        }
        RouteNetlinkMessage::DelAddress(address) => {
            address_of(&address).map(|(index, address)| Notice::AddressGone(index, address.net))
        }
        _ => None,
    }
}

fn is_about_the_link(message: &LinkMessage) -> bool {
    message.header.interface_family == AddressFamily::Unspec
}

/// The link without its addresses. A message without operational state is not a description of the link but a
/// wireless event with the same type number.
fn link_of(message: &LinkMessage) -> Option<Link> {
    let attributes = &message.attributes;
    let complete = attributes
        .iter()
        .any(|a| matches!(a, LinkAttribute::OperState(_)));
    if !is_about_the_link(message) || !complete {
        return None;
    }
    let flags = message.header.flags;
    Some(Link {
        index: InterfaceIndex(message.header.index),
        name: attributes.iter().find_map(name)?,
        mac: attributes.iter().find_map(mac).filter(|_| is_ethernet(message)),
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::LowerUp),
        carrier_ups: attributes.iter().find_map(carrier_ups).unwrap_or(0),
        broadcast: flags.contains(LinkFlags::Broadcast),
        noarp: flags.contains(LinkFlags::Noarp),
        controller: attributes.iter().find_map(controller),
        kind: attributes.iter().find_map(kind),
        addresses: Default::default(),
        link_local: None,
    })
}

fn is_ethernet(message: &LinkMessage) -> bool {
    message.header.link_layer_type == LinkLayerType::Ether
}

fn name(attribute: &LinkAttribute) -> Option<InterfaceName> {
    match attribute {
        LinkAttribute::IfName(name) => Some(InterfaceName::new(name.as_str())),
        _ => None,
    }
}

fn mac(attribute: &LinkAttribute) -> Option<MacAddr> {
    match attribute {
        LinkAttribute::Address(octets) => octets.as_slice().try_into().ok().map(MacAddr),
        _ => None,
    }
}

fn carrier_ups(attribute: &LinkAttribute) -> Option<u32> {
    match attribute {
        LinkAttribute::CarrierUpCount(count) => Some(*count),
        _ => None,
    }
}

fn controller(attribute: &LinkAttribute) -> Option<InterfaceIndex> {
    match attribute {
        LinkAttribute::Controller(index) if *index != 0 => Some(InterfaceIndex(*index)),
        _ => None,
    }
}

fn kind(attribute: &LinkAttribute) -> Option<Box<str>> {
    let LinkAttribute::LinkInfo(infos) = attribute else {
        return None;
    };
    let kind = |info: &link::LinkInfo| match info {
        LinkInfo::Kind(kind) => Some(kind.to_string().into_boxed_str()),
        _ => None,
    };
    infos.iter().find_map(kind)
}

fn address_of(message: &AddressMessage) -> Option<(InterfaceIndex, Address)> {
    let attributes = &message.attributes;
    // On a point-to-point link IFA_ADDRESS is the peer's and IFA_LOCAL the own address.
    let local = attributes.iter().find_map(|a| match a {
        AddressAttribute::Local(addr) => Some(*addr),
        _ => None,
    });
    let any = attributes.iter().find_map(|a| match a {
        AddressAttribute::Address(addr) => Some(*addr),
        _ => None,
    });
    let addr: IpAddr = local.or(any)?;
    let net = IpNet::new(addr, message.header.prefix_len).ok()?;
    let flags = attributes.iter().find_map(|a| match a {
        AddressAttribute::Flags(flags) => Some(*flags),
        _ => None,
    });
    let flags = flags.unwrap_or(AddressFlags::from_bits_retain(message.header.flags.bits().into()));
    let address = Address {
        net,
        tentative: flags.contains(AddressFlags::Tentative),
        duplicate: flags.contains(AddressFlags::Dadfailed),
    };
    Some((InterfaceIndex(message.header.index), address))
}

#[cfg(test)]
mod tests {
    use netlink_packet_route::address::AddressHeaderFlags;
    use netlink_packet_route::link::{InfoKind, State};

    use super::*;

    fn link_message() -> LinkMessage {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        message.header.link_layer_type = LinkLayerType::Ether;
        message.header.flags = LinkFlags::Up | LinkFlags::Broadcast;
        message.attributes = vec![
            LinkAttribute::IfName("eth0".into()),
            LinkAttribute::OperState(State::Up),
            LinkAttribute::Address(vec![2, 0, 0, 0, 0, 1]),
            LinkAttribute::Controller(3),
            LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth)]),
        ];
        message
    }

    fn address_message(attributes: Vec<AddressAttribute>) -> AddressMessage {
        let mut message = AddressMessage::default();
        message.header.index = 7;
        message.header.prefix_len = 24;
        message.attributes = attributes;
        message
    }

    #[test]
    fn a_link_is_read_from_flags_and_attributes() {
        let link = link_of(&link_message()).unwrap();
        assert_eq!((link.name.as_str(), link.kind.as_deref()), ("eth0", Some("veth")));
        assert_eq!(link.mac, Some(MacAddr([2, 0, 0, 0, 0, 1])));
        assert_eq!(link.controller, Some(InterfaceIndex(3)));
        assert!(link.up && link.broadcast && !link.carrier && !link.noarp);
    }

    #[test]
    fn a_bridge_that_loses_a_port_does_not_remove_the_link() {
        let mut message = link_message();
        message.header.interface_family = AddressFamily::Bridge;
        assert!(notice_of(RouteNetlinkMessage::DelLink(message.clone())).is_none());
        assert!(notice_of(RouteNetlinkMessage::NewLink(message)).is_none());
    }

    #[test]
    fn a_wireless_event_is_not_taken_for_a_link_without_address() {
        let mut message = link_message();
        message
            .attributes
            .retain(|a| matches!(a, LinkAttribute::IfName(_)));
        assert!(link_of(&message).is_none());
    }

    #[test]
    fn the_hardware_address_of_a_tunnel_is_not_a_mac() {
        let mut message = link_message();
        message.header.link_layer_type = LinkLayerType::Tunnel6;
        assert_eq!(link_of(&message).unwrap().mac, None);
    }

    #[test]
    fn the_own_address_of_a_point_to_point_link_is_taken() {
        let (own, peer) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let message = address_message(vec![
            AddressAttribute::Address(peer),
            AddressAttribute::Local(own),
        ]);
        let (_, address) = address_of(&message).unwrap();
        assert_eq!(address.net.to_string(), "192.0.2.1/24");
    }

    #[test]
    fn flags_come_from_the_header_when_no_attribute_has_them() {
        let addr = "fe80::1".parse().unwrap();
        let mut message = address_message(vec![AddressAttribute::Address(addr)]);
        message.header.flags = AddressHeaderFlags::Tentative;
        assert!(address_of(&message).unwrap().1.tentative);
        message
            .attributes
            .push(AddressAttribute::Flags(AddressFlags::Dadfailed));
        let address = address_of(&message).unwrap().1;
        assert!(address.duplicate && !address.tentative);
    }
}
