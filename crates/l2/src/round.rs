//! The frames of an announcement.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ferrolb_types::MacAddr;
use ferrolb_types::address::solicited_node_group;
use ferrolb_wire::ndp::{Advertisement, Message, Nonce, Solicitation};
use ferrolb_wire::{Frame, arp, ipv6, ndp};

use crate::interface::Interface;
use crate::link::NdpSource;
use crate::presence::Round;

/// Rounds of a burst in which routers are told too. They are at least 1 s apart and three: RetransTimer and
/// MAX_NEIGHBOR_ADVERTISEMENT of RFC 4861 section 10.
const ROUNDS_FOR_ROUTERS: [usize; 3] = [0, 4, 5];

/// What `round` sends about `address` on `interface`; nothing while the socket of its family is closed.
pub(crate) fn frames(round: Round, address: IpAddr, interface: &Interface) -> [Option<Frame>; 2] {
    let frames = match address {
        IpAddr::V4(v4) => interface.arp().map(|mac| arp_frames(round, v4, mac)),
        IpAddr::V6(v6) => interface.ndp().map(|source| ndp_frames(round, v6, source)),
    };
    frames.unwrap_or([None; 2])
}

/// Request form, then reply form: some receivers learn from only one of them. A refresh reaches those that know the
/// address already, for which RFC 826 makes no difference.
fn arp_frames(round: Round, address: Ipv4Addr, mac: MacAddr) -> [Option<Frame>; 2] {
    if matches!(round, Round::Probe(_)) {
        return [Some(arp::Packet::probe(mac, address).encode()), None];
    }
    let reply =
        matches!(round, Round::Burst(_)).then(|| arp::Packet::gratuitous_reply(mac, address).encode());
    [Some(arp::Packet::announcement(mac, address).encode()), reply]
}

/// To all nodes with O=1, which replaces what they know (RFC 4861 section 7.2.6). Then to all routers with O=0, from
/// which those make an entry if they have none (RFC 9131); it comes second, when it cannot unsettle an old entry any
/// more.
fn ndp_frames(round: Round, address: Ipv6Addr, source: NdpSource) -> [Option<Frame>; 2] {
    if let Round::Probe(nonce) = round {
        return [Some(probe(address, source.mac, nonce)), None];
    }
    let routers = matches!(round, Round::Burst(number) if ROUNDS_FOR_ROUTERS.contains(&number));
    [
        Some(unsolicited(address, source, ipv6::ALL_NODES, true)),
        routers.then(|| unsolicited(address, source, ipv6::ALL_ROUTERS, false)),
    ]
}

/// The question of duplicate address detection (RFC 4862 section 5.4.2), with the nonce of RFC 7527.
fn probe(address: Ipv6Addr, mac: MacAddr, nonce: Nonce) -> Frame {
    let message = Message::Solicitation(Solicitation {
        target: address,
        source_link_layer: None,
        nonce: Some(nonce),
    });
    let ip = ipv6::Header {
        source: Ipv6Addr::UNSPECIFIED,
        destination: solicited_node_group(address),
    };
    ndp::Packet::new(mac, MacAddr::BROADCAST, ip, message).encode()
}

/// A Neighbor Advertisement to a group: nobody asked, or somebody who has no address yet.
pub(crate) fn unsolicited(address: Ipv6Addr, source: NdpSource, group: Ipv6Addr, overrides: bool) -> Frame {
    let message = advertisement(address, source.mac, false, overrides);
    let ip = ipv6::Header {
        source: source.link_local,
        destination: group,
    };
    // A group has a MAC address of its own, so the receiver's does not matter.
    ndp::Packet::new(source.mac, MacAddr::BROADCAST, ip, message).encode()
}

/// The answer to a solicitation from `asker`, who is at `receiver`.
///
/// O=1, so that the asker replaces an old entry at once (RFC 4861 section 7.2.4 asks for it with addresses that are
/// neither anycast nor proxied). R=0: a held address is nobody's default router. The source is the interface's link-local
/// address: section 4.4 demands an address assigned to the interface, and the held one is not.
pub(crate) fn solicited(address: Ipv6Addr, source: NdpSource, asker: Ipv6Addr, receiver: MacAddr) -> Frame {
    let message = advertisement(address, source.mac, true, true);
    let ip = ipv6::Header {
        source: source.link_local,
        destination: asker,
    };
    ndp::Packet::new(source.mac, receiver, ip, message).encode()
}

const fn advertisement(target: Ipv6Addr, mac: MacAddr, solicited: bool, overrides: bool) -> Message {
    Message::Advertisement(Advertisement {
        target,
        target_link_layer: Some(mac),
        router: false,
        solicited,
        overrides,
    })
}
