//! Interfaces that come, go and change while addresses are held.

use anyhow::ensure;
use ferrolb_tests_netns::in_private_network;
use ferrolb_tests_netns::kubernetes::{advertisement, service};
use ferrolb_types::MacAddr;
use serde_json::json;

use crate::scene::{LAN, Scene, V4, V6};

/// The hardware address of an interface that is added later.
const LATER: MacAddr = MacAddr([0x02, 0, 0, 0, 0x77, 0x01]);

#[test]
fn an_interface_that_was_down_is_announced_on_and_answered_on_again() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V4, V6])?;
        let (host, before) = (scene.segment.host("n1"), scene.heard.len());
        host.namespace.set_down("eth0")?;
        host.namespace.set_up("eth0")?;
        for address in [V4, V6] {
            let by = scene.wait_for_claim(before, address.parse()?)?;
            ensure!(by == host.mac, "{address} is announced by {by}");
        }
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
        for address in [V4, V6] {
            let by = scene.wait_for_claim(before, address.parse()?)?;
            ensure!(by == LATER, "{address} is announced by {by}");
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
