//! Asks the node's gateways whether they are there, by ARP and Neighbor Discovery (`--isolation=stop`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ferrolb_netio::link::Link;
use ferrolb_netio::route::Gateway;
use ferrolb_netio::{EtherProtocol, Filter, PacketSocket, RouteLookup};
use ferrolb_types::MacAddr;
use ferrolb_types::address::solicited_node_group;
use ferrolb_wire::ndp::{Message, Solicitation};
use ferrolb_wire::{Frame, arp, ipv6, ndp};

use crate::links::Links;

/// Room for an answer; longer ones are none.
const FRAME_BYTES: usize = 256;
/// Frames looked at for each gateway: the filter lets in little else.
const FRAMES_MAX: usize = 16;

/// Gateways that were asked and have not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Gateways {
    asked: Vec<Question>,
}

#[derive(Debug)]
struct Question {
    gateway: IpAddr,
    /// Hears nothing but what is said about the gateway.
    socket: PacketSocket,
}

impl Gateways {
    /// Asks all of them, and tells whether there are any.
    pub(crate) fn ask(&mut self, links: &Links) -> bool {
        let gateways = RouteLookup::open().and_then(|mut routes| routes.default_gateways());
        let gateways = gateways.unwrap_or_else(|error| {
            tracing::warn!(op = "isolation", %error, "the gateways of the node are not known");
            Vec::new()
        });
        let question = |gateway: &Gateway| question(gateway, links.find(gateway.interface)?);
        self.asked = gateways.iter().filter_map(question).collect();
        !gateways.is_empty()
    }

    /// Whether one of those that were asked last has answered.
    pub(crate) fn has_answered(&mut self) -> bool {
        self.asked.iter().any(Question::is_answered)
    }
}

/// Asks one; none if it cannot be asked, as over an interface that is down.
fn question(gateway: &Gateway, link: &Link) -> Option<Question> {
    let mac = link.mac?;
    let (protocol, filter, frame) = match gateway.address {
        IpAddr::V4(ip) => {
            let filter = Filter::arp([ip], Filter::MAX_INSTRUCTIONS);
            (EtherProtocol::Arp, filter, arp_question(ip, mac, link))
        }
        IpAddr::V6(ip) => {
            let filter = Filter::ndp([ip], Filter::MAX_INSTRUCTIONS);
            (
                EtherProtocol::Ipv6,
                filter,
                ndp_question(ip, mac, link.link_local?),
            )
        }
    };
    let socket = PacketSocket::open(gateway.interface, protocol, &filter).ok()?;
    socket.send(&frame).ok()?;
    Some(Question {
        gateway: gateway.address,
        socket,
    })
}

fn arp_question(gateway: Ipv4Addr, mac: MacAddr, link: &Link) -> Frame {
    let own = link.addresses.iter().find_map(|net| match net.addr() {
        IpAddr::V4(own) => Some(own),
        IpAddr::V6(_) => None,
    });
    arp::Packet::request(mac, own.unwrap_or(Ipv4Addr::UNSPECIFIED), gateway).encode()
}

fn ndp_question(gateway: Ipv6Addr, mac: MacAddr, own: Ipv6Addr) -> Frame {
    let message = Message::Solicitation(Solicitation {
        target: gateway,
        source_link_layer: Some(mac),
        nonce: None,
    });
    let ip = ipv6::Header {
        source: own,
        destination: solicited_node_group(gateway),
    };
    ndp::Packet::new(mac, MacAddr::BROADCAST, ip, message).encode()
}

impl Question {
    fn is_answered(&self) -> bool {
        let mut buffer = [0; FRAME_BYTES];
        for _ in 0..FRAMES_MAX {
            match self.socket.receive(&mut buffer) {
                Ok(Some(received)) if is_from(self.gateway, received.frame) => return true,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return false,
            }
        }
        false
    }
}

/// Whether `frame` shows that `gateway` is there.
fn is_from(gateway: IpAddr, frame: &[u8]) -> bool {
    match gateway {
        IpAddr::V4(ip) => arp::Packet::decode(frame).is_ok_and(|packet| packet.sender_ip == ip),
        IpAddr::V6(ip) => ndp::Packet::decode(frame)
            .is_ok_and(|packet| matches!(packet.message, Message::Advertisement(said) if said.target == ip)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

    #[test]
    fn only_what_the_gateway_says_shows_that_it_is_there() {
        let (gateway, own) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
        let question = arp::Packet::request(MAC, own, gateway);
        let answer = question.reply_from(MacAddr([2, 0, 0, 0, 0, 9]));
        assert!(is_from(gateway.into(), &answer.encode()));
        assert!(
            !is_from(gateway.into(), &question.encode()),
            "a question about it"
        );
        assert!(!is_from(own.into(), &answer.encode()));

        let gateway: Ipv6Addr = "fe80::1".parse().unwrap();
        let question = ndp_question(gateway, MAC, "fe80::2".parse().unwrap());
        assert!(!is_from(gateway.into(), &question));
    }
}
