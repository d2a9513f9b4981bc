//! Packet sockets and kernel filters against the real kernel.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context, ensure};
use ferrolb_netio::{EtherProtocol, Filter, PacketPort, PacketType};
use ferrolb_tests_netns::frame::{Advertisement, Arp, Solicitation};
use ferrolb_tests_netns::port::{next_frame, port, socket};
use ferrolb_tests_netns::{Capture, Segment, Tcpdump, in_private_network, skip, wait};
use ferrolb_types::IpFamily;
use mio::{Events, Interest, Poll, Token};

const HELD_V4: &str = "10.77.0.100";

#[test]
fn only_arp_requests_for_held_addresses_reach_the_socket() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        let port = port(node, &[HELD_V4])?;
        for foreign in ["10.77.0.1", "10.77.0.99", "10.77.0.101"] {
            client.send_frame(&Arp::request(client.mac, client.ipv4, foreign.parse()?).to_bytes())?;
        }
        client.send_frame(&Arp::request(client.mac, client.ipv4, HELD_V4.parse()?).to_bytes())?;

        let arp = socket(&port, IpFamily::V4)?;
        let (frame, packet_type) = next_frame(arp)?;
        let request = Arp::from_bytes(&frame).context("an ARP frame")?;
        ensure!(request.target.to_string() == HELD_V4 && request.sender_mac == client.mac);
        ensure!(packet_type == PacketType::Broadcast);
        ensure!(arp.receive(&mut [0; 64])?.is_none(), "nothing else came through");
        let statistics = arp.take_statistics()?;
        ensure!(
            (statistics.passed, statistics.dropped) == (1, 0),
            "{statistics:?}"
        );
        Ok(())
    });
}

#[test]
fn claims_of_a_held_address_by_another_host_reach_the_socket() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "intruder"])?;
        let (node, intruder) = (segment.host("n1"), segment.host("intruder"));
        let port = port(node, &[HELD_V4])?;
        intruder.send_frame(&Arp::gratuitous(intruder.mac, HELD_V4.parse()?, 2).to_bytes())?;
        let (frame, _) = next_frame(socket(&port, IpFamily::V4)?)?;
        ensure!(
            Arp::from_bytes(&frame)
                .is_some_and(|claim| claim.operation == 2 && claim.sender_mac == intruder.mac)
        );
        Ok(())
    });
}

#[test]
fn no_frame_arrives_before_the_filter_is_in_force() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        let noise = Arp::request(client.mac, client.ipv4, "10.77.0.50".parse()?).to_bytes();
        let sender = client.packet_socket(EtherProtocol::All, &Filter::nothing())?;
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    let _queue_full = sender.send(&noise);
                }
            });
            let outcome = (0..200).try_for_each(|_| {
                let socket = node.packet_socket(EtherProtocol::Arp, &Filter::nothing())?;
                ensure!(socket.take_statistics()?.passed == 0);
                ensure!(socket.receive(&mut [0; 64])?.is_none());
                Ok(())
            });
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            outcome
        })
    });
}

#[test]
fn changes_of_the_held_addresses_take_effect_at_once() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        let mut port = port(node, &[HELD_V4])?;
        let (old, new): (IpAddr, IpAddr) = (HELD_V4.parse()?, "10.77.0.200".parse()?);
        port.release(old);
        port.hold(new);
        node.namespace.run(|| port.apply())??;
        for target in [HELD_V4, "10.77.0.200"] {
            client.send_frame(&Arp::request(client.mac, client.ipv4, target.parse()?).to_bytes())?;
        }
        let arp = socket(&port, IpFamily::V4)?;
        let (frame, _) = next_frame(arp)?;
        ensure!(Arp::from_bytes(&frame).is_some_and(|request| IpAddr::V4(request.target) == new));
        ensure!(arp.receive(&mut [0; 64])?.is_none());
        Ok(())
    });
}

#[test]
fn the_kernel_takes_the_longest_filters() {
    in_private_network(|| {
        let segment = Segment::new(&["n1"])?;
        let node = segment.host("n1");
        let mut port = port(node, &[])?;
        hold_scattered(&mut port, 5_000, 100);
        for number in 0..5_000_u32 {
            port.hold(IpAddr::V6((0xfd77_u128 << 112 | u128::from(number * 100)).into()));
        }
        node.namespace.run(|| port.refine())??;
        port.hold(HELD_V4.parse()?);
        let begin = wait::now();
        node.namespace.run(|| port.refine())??;
        println!(
            "the exact filter of one address more beside 10,000 scattered ones: {:?}",
            begin.elapsed()
        );
        ensure!(
            port.foreign_keys() > 0,
            "5,000 addresses far from each other do not fit, so some were joined"
        );
        Ok(())
    });
}

#[test]
fn filters_shrink_to_the_memory_that_the_kernel_grants() {
    in_private_network(|| {
        let segment = Segment::new(&["n1"])?;
        let node = segment.host("n1");
        // The default before Linux 6.7. Before 6.8 it is one setting for the whole machine, which a test must
        // not touch.
        if node.namespace.set_sysctl("core/optmem_max", "20480").is_err() {
            skip(
                "filters_shrink_to_the_memory_that_the_kernel_grants",
                "`net.core.optmem_max` is not private",
            );
            return Ok(());
        }
        let mut port = port(node, &[])?;
        hold_scattered(&mut port, 800, 100);
        node.namespace.run(|| port.refine())??;
        ensure!(
            port.foreign_keys() > 0,
            "800 addresses far from each other fit into a program of the full length only"
        );
        Ok(())
    });
}

/// Holds IPv4 addresses so far from one to the next, from 192.168.0.0 on.
fn hold_scattered(port: &mut PacketPort, count: u32, distance: u32) -> Vec<Ipv4Addr> {
    let addresses: Vec<_> = (0..count)
        .map(|n| Ipv4Addr::from_bits(0xc0a8_0000 + n * distance))
        .collect();
    for address in &addresses {
        port.hold(IpAddr::V4(*address));
    }
    addresses
}

#[test]
fn each_of_many_held_addresses_is_heard_and_none_between() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        let mut port = port(node, &[])?;
        let held = hold_scattered(&mut port, 700, 3);
        node.namespace.run(|| port.apply())??;
        ensure!(port.foreign_keys() == 0);

        let sender = client.packet_socket(EtherProtocol::All, &Filter::nothing())?;
        let arp = socket(&port, IpFamily::V4)?;
        let mut heard = Vec::new();
        for address in &held {
            for offset in 0..3 {
                let target = Ipv4Addr::from_bits(address.to_bits() + offset);
                sender.send(&Arp::request(client.mac, client.ipv4, target).to_bytes())?;
            }
            let (frame, _) = next_frame(arp)?;
            heard.extend(Arp::from_bytes(&frame).map(|request| request.target));
        }
        ensure!(heard == held);
        ensure!(arp.receive(&mut [0; 64])?.is_none());
        Ok(())
    });
}

#[test]
fn a_flood_for_foreign_addresses_does_not_wake_who_waits() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        let mut port = port(node, &[HELD_V4])?;
        let mut poll = Poll::new()?;
        poll.registry()
            .register(port.enable(IpFamily::V4)?, Token(0), Interest::READABLE)?;
        let mut events = Events::with_capacity(4);
        // An event for what happened before the registration.
        poll.poll(&mut events, Some(Duration::ZERO))?;

        let sender = client.packet_socket(EtherProtocol::All, &Filter::nothing())?;
        let foreign = Arp::request(client.mac, client.ipv4, "10.77.0.99".parse()?).to_bytes();
        for _ in 0..20_000 {
            sender.send(&foreign)?;
        }
        poll.poll(&mut events, Some(Duration::from_millis(50)))?;
        ensure!(events.is_empty());
        sender.send(&Arp::request(client.mac, client.ipv4, HELD_V4.parse()?).to_bytes())?;
        poll.poll(&mut events, Some(wait::PATIENCE))?;
        ensure!(!events.is_empty(), "the one that concerns us does");
        Ok(())
    });
}

#[test]
fn a_gratuitous_frame_is_what_tcpdump_says_it_is() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        let judge = Tcpdump::start(client, "arp")?;
        let port = port(node, &[HELD_V4])?;
        for operation in [1, 2] {
            port.send(
                IpFamily::V4,
                &Arp::gratuitous(node.mac, HELD_V4.parse()?, operation).to_bytes(),
            )?;
        }
        let (from, mac) = (format!("{} > ", node.mac), node.mac.to_string());
        judge.wait_for(&[&from, "Request who-has 10.77.0.100", "tell 10.77.0.100"])?;
        judge.wait_for(&[&from, "Reply 10.77.0.100 is-at", &mac])?;
        ensure!(
            judge.lines().len() == 2,
            "nothing else was sent: {:#?}",
            judge.lines()
        );
        Ok(())
    });
}

#[test]
fn own_frames_are_not_received() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        let heard = Capture::start(client)?;
        let port = port(node, &[HELD_V4])?;
        let frame = Arp::gratuitous(node.mac, HELD_V4.parse()?, 1).to_bytes();
        port.send(IpFamily::V4, &frame)?;
        heard.wait_for("the announcement", |bytes| (bytes == frame).then_some(()))?;
        ensure!(socket(&port, IpFamily::V4)?.receive(&mut [0; 64])?.is_none());
        Ok(())
    });
}

#[test]
fn a_link_that_goes_down_is_reported_once_and_the_socket_works_again_after() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        let port = port(node, &[HELD_V4])?;
        let arp = socket(&port, IpFamily::V4)?;
        node.namespace.set_down("eth0")?;
        let error = wait::until("the error", || Ok(arp.receive(&mut [0; 64]).err()))?;
        ensure!(error.kind() == std::io::ErrorKind::NetworkDown, "{error}");
        ensure!(arp.receive(&mut [0; 64])?.is_none(), "reported once");
        node.namespace.set_up("eth0")?;
        let request = Arp::request(client.mac, client.ipv4, HELD_V4.parse()?).to_bytes();
        wait::until("a frame after the link came back", || {
            client.send_frame(&request)?;
            Ok(arp.receive(&mut [0; 64])?.map(drop))
        })
    });
}

#[test]
fn the_kernels_own_answers_are_understood_by_the_harness() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        let heard = Capture::start(client)?;
        client.send_frame(&Solicitation::multicast(client.mac, client.link_local, node.ipv6).to_bytes())?;
        client.send_frame(&Arp::request(client.mac, client.ipv4, node.ipv4).to_bytes())?;
        let (_, answer) = heard.wait_for("the advertisement", Advertisement::from_bytes)?;
        ensure!(
            answer.target == node.ipv6 && answer.mac == Some(node.mac) && answer.solicited,
            "{answer:?}"
        );
        let (_, reply) = heard.wait_for("the reply", |b| {
            Arp::from_bytes(b).filter(|arp| arp.operation == 2)
        })?;
        ensure!(reply.sender == node.ipv4 && reply.sender_mac == node.mac);
        Ok(())
    });
}
