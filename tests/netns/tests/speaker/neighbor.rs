//! Neighbor Discovery (RFC 4861) and duplicate address detection (RFC 4862).

use std::net::Ipv6Addr;
use std::process::Command;

use anyhow::ensure;
use ferrolb_tests_netns::frame::{Advertisement, Solicitation};
use ferrolb_tests_netns::{Host, SegmentBuilder, in_private_network, judge, process, wait};

use crate::scene::{Scene, V6};

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// Sends `question` from the client and returns the first advertisement about its target after that which `fits`.
fn answer_to(
    scene: &Scene,
    question: Solicitation,
    fits: impl Fn(&Advertisement) -> bool,
) -> anyhow::Result<Advertisement> {
    let before = scene.heard.len();
    scene.client().send_frame(&question.to_bytes())?;
    wait::until("an advertisement", || {
        let heard = scene.heard.select_after(before, Advertisement::from_bytes);
        let mut about = heard
            .into_iter()
            .map(|(_, said)| said)
            .filter(|said| said.target == question.target);
        Ok(about.find(&fits))
    })
}

#[test]
fn multicast_solicitations_and_unicast_ones_without_source_option_are_answered() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let (node, client, held) = (scene.segment.host("n1"), scene.client(), V6.parse::<Ipv6Addr>()?);
        scene.announce("web", &[V6])?;
        let multicast = Solicitation::multicast(client.mac, client.link_local, held);
        let from_global = Solicitation {
            source: client.ipv6,
            ..multicast
        };
        // As a neighbour makes sure of an address that it uses (RFC 4861 section 7.3.3).
        let unicast = Solicitation {
            destination_mac: node.mac,
            destination: held,
            has_source_option: false,
            ..multicast
        };
        for question in [multicast, from_global, unicast] {
            let answer = answer_to(&scene, question, |said| said.solicited)?;
            let expected = Advertisement {
                source: node.link_local,
                destination: question.source,
                target: held,
                mac: Some(node.mac),
                router: false,
                solicited: true,
                overrides: true,
            };
            ensure!(answer == expected, "{answer:?}");
        }
        Ok(())
    });
}

#[test]
fn ndisc6_and_the_kernel_find_held_addresses_only() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V6])?;
        let mac = scene.segment.host("n1").mac;
        ensure!(judge::kernel(scene.client(), V6.parse()?)? == mac);
        ensure!(judge::ndisc6(scene.client(), V6.parse()?)? == Some(mac));
        ensure!(judge::ndisc6(scene.client(), "fd77::101".parse()?)?.is_none());
        // The same solicited-node group, another address.
        ensure!(judge::ndisc6(scene.client(), "fd77::1:0:100".parse()?)?.is_none());
        Ok(())
    });
}

#[test]
fn who_wants_to_take_a_held_address_is_told_that_it_is_taken() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let (node, client) = (scene.segment.host("n1"), scene.client());
        scene.announce("web", &[V6])?;
        let probe = Solicitation {
            source: Ipv6Addr::UNSPECIFIED,
            has_source_option: false,
            ..Solicitation::multicast(client.mac, client.link_local, V6.parse()?)
        };
        let answer = answer_to(&scene, probe, |said| said.destination == ALL_NODES)?;
        ensure!(
            answer.mac == Some(node.mac) && !answer.solicited && answer.overrides,
            "{answer:?}"
        );

        // The judge: a kernel that tries.
        for (address, is_taken) in [(V6, true), ("fd77::101", false)] {
            ensure!(detects_duplicate(client, address)? == is_taken, "{address}");
        }
        scene.ensure_answered_by("n1", &[V6])
    });
}

/// Adds `address` to the host's `eth0` with duplicate address detection, and returns how that ended.
fn detects_duplicate(host: &Host, address: &str) -> anyhow::Result<bool> {
    for scope in ["all", "eth0"] {
        host.namespace
            .set_sysctl(&format!("ipv6/conf/{scope}/accept_dad"), "1")?;
    }
    let ip = |arguments: &[&str]| -> anyhow::Result<String> {
        let output = process::run(&host.namespace, Command::new("ip").args(arguments))?;
        ensure!(output.status.success(), "{output:?}");
        Ok(String::from_utf8(output.stdout)?)
    };
    ip(&["-6", "address", "add", &format!("{address}/64"), "dev", "eth0"])?;
    wait::until("the end of duplicate address detection", || {
        let shown = ip(&["-6", "address", "show", "dev", "eth0", "to", address])?;
        Ok(match (shown.contains("dadfailed"), shown.contains("tentative")) {
            (true, _) => Some(true),
            (false, false) if !shown.is_empty() => Some(false),
            _ => None,
        })
    })
}

#[test]
fn a_snooping_switch_lets_solicitations_through() {
    in_private_network(|| {
        let scene = Scene::build(SegmentBuilder::default().snooping(), &["n1", "n2"])?;
        let client = scene.client();
        // The first node's marker, which only that node has joined the group of.
        scene
            .segment
            .wait_until_snooping("client", "n2", "fd77::211".parse()?)?;
        scene.announce("web", &[V6])?;
        let owner = scene.wait_for_answer(V6.parse()?)?;
        ensure!(judge::ndisc6(client, V6.parse()?)? == Some(owner));
        ensure!(judge::ndisc6(client, "fd77::211".parse()?)? == Some(scene.segment.host("n1").mac));
        Ok(())
    });
}
