//! Interfaces that come, go and change while addresses are held.

use std::net::IpAddr;
use std::process::Command;

use anyhow::ensure;
use ferrolb_netio::BridgeOptions;
use ferrolb_speaker::ExcludedInterfaces;
use ferrolb_tests_netns::heard::{Said, rounds};
use ferrolb_tests_netns::kubernetes::{advertisement, service};
use ferrolb_tests_netns::{
    Capture, Host, SegmentBuilder, in_private_network, process, skip_without, speaker, wait,
};
use ferrolb_types::MacAddr;
use serde_json::json;

use crate::scene::{LAN, Scene, V4, V6, ask};

/// The hardware address of an interface that is added later.
const LATER: MacAddr = MacAddr([0x02, 0, 0, 0, 0x77, 0x01]);

/// Waits until both addresses have been announced after the first `before` frames, which `mac` does.
fn is_announced_by(scene: &Scene, before: usize, mac: MacAddr) -> anyhow::Result<()> {
    for address in [V4, V6] {
        let by = scene.wait_for_claim(before, address.parse()?)?;
        ensure!(by == mac, "{address} is announced by {by}");
    }
    Ok(())
}

#[test]
fn an_interface_that_was_down_is_announced_on_and_answered_on_again() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V4, V6])?;
        let (host, before) = (scene.segment.host("n1"), scene.heard.len());
        host.namespace.set_down("eth0")?;
        host.namespace.set_up("eth0")?;
        is_announced_by(&scene, before, host.mac)?;
        scene.ensure_answered_by("n1", &[V4, V6])
    });
}

#[test]
fn an_interface_that_is_added_later_is_used_and_given_up_when_it_goes() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let spec = json!({ "ipAddressPools": [LAN], "interfaces": ["eth1"] });
        scene.kubernetes.apply(advertisement(LAN, spec))?;
        scene
            .kubernetes
            .apply_service(service("web"), &["n1"], &[V4, V6])?;
        scene.speaker("n1").wait_until_announced(V4.parse()?, true)?;
        scene.settle()?;
        scene.ensure_silent(&[V4, V6])?;

        let (host, before) = (scene.segment.host("n1"), scene.heard.len());
        scene.segment.connect(host, "eth1", LATER)?;
        is_announced_by(&scene, before, LATER)?;
        for address in [V4, V6] {
            let by = scene.wait_for_answer(address.parse()?)?;
            ensure!(by == LATER, "{address} is answered for by {by}");
        }
        host.namespace.delete_interface("eth1")?;
        scene.ensure_silent(&[V4, V6])
    });
}

#[test]
fn a_new_hardware_address_is_announced_and_answered_with() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V4])?;
        let before = scene.heard.len();
        scene.segment.host("n1").namespace.set_mac("eth0", LATER)?;
        let by = scene.wait_for_claim(before, V4.parse()?)?;
        ensure!(by == LATER, "{V4} is announced by {by}");
        let by = scene.wait_for_answer(V4.parse()?)?;
        ensure!(by == LATER, "{V4} is answered for by {by}");
        Ok(())
    });
}

/// Pulls the node's cable, waits for `is_noticed`, and plugs it in again: a whole burst is heard, and no more.
fn greets_a_carrier(is_noticed: fn(&Scene) -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let scene = Scene::new(&["n1"])?;
    scene.announce("web", &[V4, V6])?;
    let all: [IpAddr; 2] = [V4.parse()?, V6.parse()?];
    let wait_for_rounds = |count| {
        all.into_iter().try_for_each(|address| {
            wait::until(&format!("round {count} about {address}"), || {
                Ok((rounds(&scene.heard, address) >= count).then_some(()))
            })
        })
    };
    wait_for_rounds(8)?;
    scene.segment.unplug("n1")?;
    wait::until("the node to notice", || Ok(is_noticed(&scene)?.then_some(())))?;
    scene.segment.plug("n1")?;
    wait_for_rounds(16)?;
    scene.settle()?;
    for address in all {
        let count = rounds(&scene.heard, address);
        ensure!(count == 16, "{count} rounds about {address}");
    }
    scene.ensure_answered_by("n1", &[V4, V6])
}

#[test]
fn a_carrier_that_comes_back_is_greeted_with_a_whole_burst() {
    in_private_network(|| greets_a_carrier(|scene| Ok(!scene.segment.host("n1").link()?.carrier)));
}

/// So fast that the kernel tells of it as one change.
#[test]
fn a_cable_that_is_pulled_for_a_moment_is_greeted_with_a_whole_burst() {
    in_private_network(|| greets_a_carrier(|_| Ok(true)));
}

#[test]
fn an_excluded_interface_is_neither_announced_on_nor_answered_on() {
    in_private_network(|| {
        let mut scene = Scene::new(&["n1"])?;
        scene.stop_speaker("n1")?;
        let other = SegmentBuilder::default()
            .numbered_from(50)
            .build(&["elsewhere"])?;
        let elsewhere = other.host("elsewhere");
        let there = Capture::start(elsewhere)?;
        other.connect(scene.segment.host("n1"), "eth1", LATER)?;
        let mut config = speaker::config(scene.segment.host("n1"));
        config.excluded = ExcludedInterfaces::new(&["^eth[1-9]".to_owned()])?;
        scene.start_speaker_with("n1", config)?;
        scene.announce("web", &[V4, V6])?;
        for address in [V4, V6] {
            ask(elsewhere, address.parse()?)?;
        }
        // What comes through another socket later is answered later.
        scene.ensure_answered_by("n1", &[V4, V6])?;
        let said = there.select(Said::from_bytes);
        ensure!(said.is_empty(), "on the excluded interface: {said:?}");
        Ok(())
    });
}

/// Has the node's `eth0` become a part of `whole`, which has its hardware address then: each question is answered once, and
/// not through the part.
fn is_answered_once_through(scene: &Scene, whole: &str) -> anyhow::Result<()> {
    let (host, before) = (scene.segment.host("n1"), scene.heard.len());
    host.namespace.set_controller("eth0", Some(whole))?;
    host.namespace.set_up("eth0")?;
    is_announced_by(scene, before, host.mac)?;
    scene.ensure_answered_by("n1", &[V4, V6])
}

#[test]
fn a_bridge_answers_once_and_its_port_not_at_all() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V4, V6])?;
        let host = &scene.segment.host("n1").namespace;
        host.create_bridge("lan0", BridgeOptions::default())?;
        is_answered_once_through(&scene, "lan0")
    });
}

/// Whether `ip link add ARGUMENTS` works on the host.
fn can_add(host: &Host, arguments: &[&str]) -> anyhow::Result<bool> {
    let mut command = Command::new("ip");
    command.args(["link", "add"]).args(arguments);
    Ok(process::run(&host.namespace, &mut command)?.status.success())
}

#[test]
fn a_bond_answers_once_and_its_member_not_at_all() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let host = scene.segment.host("n1");
        if !can_add(host, &["name", "bond0", "type", "bond", "mode", "active-backup"])? {
            skip_without("a_bond_answers_once_and_its_member_not_at_all", "bonds");
            return Ok(());
        }
        scene.announce("web", &[V4, V6])?;
        // An interface becomes a member while it is down.
        host.namespace.set_down("eth0")?;
        host.namespace.set_up("bond0")?;
        is_answered_once_through(&scene, "bond0")
    });
}

#[test]
fn a_vlan_is_answered_on_with_its_tag_and_the_interface_under_it_without() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let (host, client) = (scene.segment.host("n1"), scene.client());
        for end in [host, client] {
            if !can_add(
                end,
                &["link", "eth0", "name", "eth0.5", "type", "vlan", "id", "5"],
            )? {
                skip_without(
                    "a_vlan_is_answered_on_with_its_tag_and_the_interface_under_it_without",
                    "VLAN interfaces",
                );
                return Ok(());
            }
            end.namespace.set_up("eth0.5")?;
        }
        let spec = json!({ "ipAddressPools": [LAN], "interfaces": ["eth0.5"] });
        scene.kubernetes.apply(advertisement(LAN, spec))?;
        scene.kubernetes.apply_service(service("web"), &["n1"], &[V4])?;
        scene.speaker("n1").wait_until_announced(V4.parse()?, true)?;
        wait::until("an answer in the VLAN", || {
            let mut command = Command::new("arping");
            command.args(["-r", "-0", "-c", "1", "-W", "0.2", "-i", "eth0.5", V4]);
            let output = process::run(&client.namespace, &mut command)?;
            Ok(String::from_utf8_lossy(&output.stdout)
                .contains(&host.mac.to_string())
                .then_some(()))
        })?;
        scene.ensure_silent(&[V4])
    });
}
