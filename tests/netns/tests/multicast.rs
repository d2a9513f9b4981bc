//! Neighbor Discovery and group membership against the real kernel.

use std::net::Ipv6Addr;
use std::process::Command;

use anyhow::ensure;
use ferrolb_netio::{MulticastMembership, PacketType};
use ferrolb_tests_netns::frame::Solicitation;
use ferrolb_tests_netns::port::{next_frame, port, socket};
use ferrolb_tests_netns::{Capture, Segment, SegmentBuilder, in_private_network, wait};
use ferrolb_types::IpFamily;
use ferrolb_types::address::solicited_node_group;

const HELD_V6: &str = "fd77::abcd:1234";

#[test]
fn solicitations_for_held_addresses_reach_the_socket_by_multicast_and_by_unicast() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        let port = port(node, &[HELD_V6])?;
        let held: Ipv6Addr = HELD_V6.parse()?;
        let foreign: Ipv6Addr = "fd77::abcd:1235".parse()?;
        let ask = |target| Solicitation::multicast(client.mac, client.link_local, target);
        client.send_frame(&ask(foreign).to_bytes())?;
        client.send_frame(&ask(held).to_bytes())?;
        let unicast = Solicitation {
            destination_mac: node.mac,
            destination: held,
            ..ask(held)
        };
        let unicast = unicast.to_bytes();
        client.send_frame(&unicast)?;

        let ndp = socket(&port, IpFamily::V6)?;
        let (multicast, packet_type) = next_frame(ndp)?;
        ensure!(multicast[0..2] == [0x33, 0x33] && packet_type == PacketType::Multicast);
        let (frame, packet_type) = next_frame(ndp)?;
        ensure!(frame == unicast && packet_type == PacketType::Host);
        ensure!(ndp.receive(&mut [0; 128])?.is_none(), "nothing else came through");
        Ok(())
    });
}

#[test]
fn a_snooping_switch_forwards_solicitations_only_to_members_of_the_group() {
    in_private_network(|| {
        let segment = SegmentBuilder::default()
            .snooping()
            .build(&["n1", "n2", "client"])?;
        let client = segment.host("client");
        let held: Ipv6Addr = HELD_V6.parse()?;
        segment.wait_until_snooping("client", "n2", held)?;
        let solicitation = Solicitation::multicast(client.mac, client.link_local, held).to_bytes();
        let (first, second) = (
            Capture::start(segment.host("n1"))?,
            Capture::start(segment.host("n2"))?,
        );
        let heard = |capture: &Capture| {
            capture
                .select(|bytes| (bytes == solicitation).then_some(()))
                .len()
        };

        let port = port(segment.host("n1"), &[HELD_V6])?;
        let before = heard(&second);
        wait::until("the solicitation at the member", || {
            client.send_frame(&solicitation)?;
            first.wait_for_mark(client)?;
            Ok(
                (heard(&first) > 0 && socket(&port, IpFamily::V6)?.receive(&mut [0; 128])?.is_some())
                    .then_some(()),
            )
        })?;
        second.wait_for_mark(client)?;
        ensure!(heard(&second) == before, "a host that did not join hears nothing");
        Ok(())
    });
}

#[test]
fn thousands_of_groups_are_joined_and_left() {
    in_private_network(|| {
        let segment = Segment::new(&["n1"])?;
        let node = segment.host("n1");
        let index = node.interface()?;
        node.namespace.run(|| {
            let in_kernel = || {
                anyhow::Ok(
                    std::fs::read_to_string("/proc/thread-self/net/igmp6")?
                        .lines()
                        .count(),
                )
            };
            let before = in_kernel()?;
            // Beside those of the host's own addresses.
            let groups: Vec<_> = (0x0010_0001..=0x0010_1388_u32)
                .map(|n| solicited_node_group(u128::from(n).into()))
                .collect();
            let mut membership = MulticastMembership::new(index);
            for group in &groups {
                membership.join(*group)?;
                membership.join(*group)?;
            }
            ensure!(membership.len() == groups.len());
            ensure!(in_kernel()? == before + groups.len());
            for group in &groups {
                membership.leave(*group)?;
            }
            ensure!(membership.is_empty() && in_kernel()? == before);
            Ok(())
        })?
    });
}

#[test]
fn all_groups_are_heard_until_the_port_does_not_want_them_or_is_closed() {
    in_private_network(|| {
        let segment = Segment::new(&["n1"])?;
        let node = segment.host("n1");
        let mut port = port(node, &[])?;
        // The flag IFF_ALLMULTI is about who set it by hand; the kernel's count tells all.
        let all = || {
            let mut ip = Command::new("ip");
            let told = node
                .namespace
                .run(|| ip.args(["-details", "link", "show", "eth0"]).output())??;
            anyhow::Ok(String::from_utf8(told.stdout)?.contains("allmulti 1"))
        };
        ensure!(!all()?);
        port.hear_all_groups(true);
        ensure!(!all()?, "not before it is applied");
        port.apply()?;
        port.apply()?;
        ensure!(all()?);
        port.hear_all_groups(false);
        port.apply()?;
        ensure!(!all()?);
        port.hear_all_groups(true);
        port.apply()?;
        port.disable(IpFamily::V6);
        ensure!(!all()?);
        node.namespace.run(|| port.enable(IpFamily::V6).map(drop))??;
        port.apply()?;
        ensure!(all()?, "as it was wanted before");
        Ok(())
    });
}
