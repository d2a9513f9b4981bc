//! Namespaces and the harness themselves.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use ferrolb_netio::capability::{self, Capability};
use ferrolb_netio::{Namespace, VethEnd};
use ferrolb_tests_netns::frame::Arp;
use ferrolb_tests_netns::process::{self, Process};
use ferrolb_tests_netns::{Capture, Host, Segment, in_private_network, wait};

#[test]
fn a_new_namespace_has_only_its_loopback_which_is_up() {
    in_private_network(|| {
        let namespace = Namespace::new()?;
        let links: Vec<_> = namespace.links()?.links().cloned().collect();
        ensure!(
            links.len() == 1 && links[0].name.as_str() == "lo" && links[0].up,
            "{links:?}"
        );
        Ok(())
    });
}

#[test]
fn a_namespace_that_is_dropped_takes_its_interfaces_along() {
    in_private_network(|| {
        let (here, there) = (Namespace::new()?, Namespace::new()?);
        let end = |namespace, name| VethEnd {
            namespace,
            name,
            mac: None,
        };
        Namespace::create_veth(end(&here, "eth0"), end(&there, "eth0"))?;
        drop(there);
        wait::until("the interface to vanish with its peer", || {
            Ok(here.link("eth0").is_err().then_some(()))
        })
    });
}

#[test]
fn programs_run_inside_and_die_with_the_thread_that_started_them() {
    in_private_network(|| {
        let segment = Segment::new(&["n1"])?;
        let node = &segment.host("n1").namespace;
        let output = process::run(node, Command::new("cat").arg("/proc/self/net/dev"))?;
        ensure!(String::from_utf8_lossy(&output.stdout).contains("eth0:"));

        let id = std::thread::scope(|scope| {
            let start = || anyhow::Ok(node.spawn(Command::new("sleep").arg("600"))?.id());
            scope.spawn(start).join().expect("the thread does not panic")
        })?;
        let status = std::path::PathBuf::from(format!("/proc/{id}/status"));
        wait::until("the program to be killed", || {
            // Not reaped yet it is a zombie.
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            Ok((text.is_empty() || text.contains("State:\tZ")).then_some(()))
        })
    });
}

#[test]
fn hosts_resolve_and_reach_each_other() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        for address in [IpAddr::V4(node.ipv4), IpAddr::V6(node.ipv6)] {
            ensure!(client.neighbour_mac(address)?.is_none(), "nobody was asked yet");
            fetch(node, client, address)?;
            ensure!(client.neighbour_mac(address)? == Some(node.mac));
            client.namespace.forget_neighbour("eth0", address)?;
            let entry = client
                .namespace
                .neighbours()?
                .into_iter()
                .find(|n| n.address == address);
            ensure!(entry.is_none_or(|n| !n.reachable), "forgotten");
        }
        Ok(())
    });
}

/// The client connects to `address`, where the node says a word.
fn fetch(node: &Host, client: &Host, address: IpAddr) -> anyhow::Result<()> {
    let listener = node
        .namespace
        .run(|| TcpListener::bind((any_like(address), 0)))??;
    let target = SocketAddr::new(address, listener.local_addr()?.port());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.write_all(b"hello")
    });
    let mut text = String::new();
    client.namespace.run(|| {
        let mut stream = TcpStream::connect_timeout(&target, wait::PATIENCE)?;
        stream.set_read_timeout(Some(wait::PATIENCE))?;
        stream.read_to_string(&mut text).map(drop)
    })??;
    server.join().expect("the server does not panic")?;
    ensure!(text == "hello");
    Ok(())
}

#[test]
fn a_local_address_is_served_but_not_answered_for() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        node.namespace.set_sysctl("ipv4/conf/all/arp_ignore", "1")?;
        for address in ["10.77.0.100", "fd77::100"].map(|text| text.parse::<IpAddr>()) {
            let address = address?;
            node.namespace.add_local_address(address)?;
            ask_for(client, address)?;
            let unanswered = || Ok((client.neighbour_mac(address)?.is_some()).then_some(()));
            ensure!(wait::until_within(Duration::from_millis(300), "an answer", unanswered).is_err());

            client.namespace.set_neighbour("eth0", address, node.mac)?;
            fetch(node, client, address)?;
            node.namespace.remove_local_address(address)?;
            // Adding what is there fails.
            node.namespace.add_local_address(address)?;
            ensure!(node.namespace.add_local_address(address).is_err());
        }
        Ok(())
    });
}

/// Has the client's kernel look for `address`, by a datagram that nobody needs.
fn ask_for(client: &Host, address: IpAddr) -> anyhow::Result<()> {
    let send = || UdpSocket::bind((any_like(address), 0))?.send_to(b"?", (address, 9));
    client.namespace.run(send)??;
    Ok(())
}

/// The unspecified address of the same family.
const fn any_like(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

#[test]
fn parted_hosts_do_not_hear_each_other_and_others_do() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "n2", "client"])?;
        segment.part(&["n1", "n2"])?;
        let (parted, client) = (
            Capture::start(segment.host("n2"))?,
            Capture::start(segment.host("client"))?,
        );
        let frame = Arp::request(
            segment.host("n1").mac,
            segment.host("n1").ipv4,
            "10.77.0.77".parse()?,
        )
        .to_bytes();
        let same = |bytes: &[u8]| (bytes == frame).then_some(());
        segment.host("n1").send_frame(&frame)?;
        client.wait_for("the frame at the client", same)?;
        ensure!(parted.select(same).is_empty());
        segment.join(&["n1", "n2"])?;
        segment.host("n1").send_frame(&frame)?;
        parted.wait_for("the frame after the parts joined", same)?;
        Ok(())
    });
}

#[test]
fn captured_frames_have_the_time_at_which_they_came() {
    in_private_network(|| {
        let segment = Segment::new(&["n1", "client"])?;
        let (node, client) = (segment.host("n1"), segment.host("client"));
        let heard = Capture::start(client)?;
        for last in 1..=3 {
            let target = Ipv4Addr::new(10, 77, 0, 200 + last);
            let frame = Arp::request(node.mac, node.ipv4, target).to_bytes();
            let before = wait::unix_time();
            node.send_frame(&frame)?;
            let (at, ()) = heard.wait_for("the frame", |bytes| (bytes == frame).then_some(()))?;
            ensure!(before <= at && at <= wait::unix_time(), "{before:?} {at:?}");
        }
        Ok(())
    });
}

#[test]
fn the_speakers_capability_is_enough_for_its_sockets() {
    in_private_network(|| {
        let segment = Segment::new(&["n1"])?;
        let node = segment.host("n1");
        let index = node.interface()?;
        node.namespace.run(|| {
            capability::keep_only(&[Capability::NetRaw])?;
            let mut port = ferrolb_netio::PacketPort::new(index);
            port.hold("10.77.0.100".parse()?);
            port.hold("fd77::100".parse()?);
            port.enable(ferrolb_types::IpFamily::V4)?;
            port.enable(ferrolb_types::IpFamily::V6)?;
            port.apply()?;
            port.send(ferrolb_types::IpFamily::V4, &[0xff; 60])?;
            capability::keep_only(&[])?;
            let mut refused = ferrolb_netio::PacketPort::new(index);
            let error = refused
                .enable(ferrolb_types::IpFamily::V4)
                .err()
                .context("without it, none opens")?;
            ensure!(
                matches!(error, ferrolb_netio::SocketError::NotPermitted),
                "{error}"
            );
            Ok(())
        })?
    });
}

#[test]
fn output_of_programs_is_gathered_line_by_line() {
    in_private_network(|| {
        let namespace = Namespace::new()?;
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo one; echo two >&2; exec sleep 600"]);
        let process = Process::start(&namespace, &mut shell)?;
        process.wait_for_line("one", |line| line == "one")?;
        process.wait_for_line("two", |line| line == "two")?;
        ensure!(process.lines().len() == 2);
        Ok(())
    });
}
