//! Multicast Listener Queries, which only routers and switches send.

use core::net::Ipv6Addr;

/// A query as the bridge in the vectors of the `wire` crate sends it, with a right checksum: the robustness (three bits) and the
/// code of the interval, for which group (`::` for any), the code of the response time, and the version, which the length tells.
pub(crate) fn frame([robustness, interval]: [u8; 2], group: Ipv6Addr, response: u16, version: u8) -> Vec<u8> {
    let (source, all_nodes) = (
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfe),
        ferrolb_wire::ipv6::ALL_NODES,
    );
    let mut message = vec![130, 0, 0, 0];
    message.extend(response.to_be_bytes());
    message.extend([0, 0]);
    message.extend(group.octets());
    message.extend(&[robustness, interval, 0, 0][..if version == 1 { 0 } else { 4 }]);
    let sum = ferrolb_wire::checksum::icmpv6(source, all_nodes, &message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let length = 8 + if version == 1 { 24 } else { 28 };
    let mut frame = vec![
        0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xfe, 0x86, 0xdd, 0x60, 0, 0, 0, 0, length, 0, 1,
    ];
    frame.extend(source.octets());
    frame.extend(all_nodes.octets());
    frame.extend([58, 0, 5, 2, 0, 0, 1, 0]);
    frame.extend(message);
    frame
}
