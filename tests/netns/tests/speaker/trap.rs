//! Settings of a node that keep layer 2 from working: what the kernel does then, and what the speaker says.

use std::net::IpAddr;

use anyhow::ensure;
use ferrolb_tests_netns::kubernetes::{advertisement, pool, service};
use ferrolb_tests_netns::{Host, in_private_network, wait};
use ferrolb_types::MacAddr;
use serde_json::{Value, json};

use crate::scene::{Scene, V4};

const ETH1: MacAddr = MacAddr([0x02, 0, 0, 0, 0x77, 0x01]);
/// On the segment of `eth1`.
const BEYOND: &str = "10.78.0.100";

/// What `strictARP` of kube-proxy sets.
fn set_strict_arp(host: &Host, is_strict: bool) -> anyhow::Result<()> {
    let (ignore, announce) = if is_strict { ("1", "2") } else { ("0", "0") };
    host.namespace.set_sysctl("ipv4/conf/all/arp_ignore", ignore)?;
    host.namespace
        .set_sysctl("ipv4/conf/all/arp_announce", announce)?;
    stir(host)
}

/// Changes an address that does not matter: settings change without a word from the kernel.
fn stir(host: &Host) -> anyhow::Result<()> {
    host.namespace.add_address("lo", "127.0.0.99/32".parse()?)?;
    Ok(host.namespace.remove_address("lo", "127.0.0.99/32".parse()?)?)
}

fn condition(scene: &Scene, node: &str) -> Option<Value> {
    scene.kubernetes.condition(node, "nodeTrap")
}

/// Waits until metric and condition tell of exactly the trap `reason`, and an event about `about` did.
fn wait_for_trap(scene: &Scene, node: &str, reason: &str, about: &str) -> anyhow::Result<()> {
    let series = format!("ferrolb_node_traps{{reason=\"{reason}\"}} 1");
    wait::until(&format!("the trap {reason}"), || {
        let is_counted = scene.speaker(node).metrics().contains(&series);
        let is_told = condition(scene, node).is_some_and(|c| c["reason"] == reason && c["status"] == "True");
        let events = scene.kubernetes.event_reasons(about);
        Ok((is_counted && is_told && events.iter().any(|r| r == reason)).then_some(()))
    })
}

fn wait_for_no_trap(scene: &Scene, node: &str) -> anyhow::Result<()> {
    wait::until("no trap", || {
        let is_counted = scene.speaker(node).metrics().contains("ferrolb_node_traps{");
        Ok((!is_counted && condition(scene, node).is_none()).then_some(()))
    })
}

fn count(scene: &Scene, about: &str, reason: &str) -> usize {
    let events = scene.kubernetes.event_reasons(about);
    events.iter().filter(|r| *r == reason).count()
}

#[test]
fn a_healthy_node_is_not_complained_of() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V4])?;
        stir(scene.segment.host("n1"))?;
        scene
            .speaker("n1")
            .wait_for_state("a look at the node", |state| state["traps"] == json!([]))?;
        ensure!(scene.kubernetes.event_reasons("n1").is_empty());
        ensure!(scene.kubernetes.event_reasons("web") == ["nodeAssigned"]);
        wait_for_no_trap(&scene, "n1")
    });
}

/// The judge is the kernel of a node that does not own the address: it answers for it all the same.
#[test]
fn ipvs_without_strict_arp_makes_two_nodes_answer_and_is_told_once_until_it_is_repaired() {
    in_private_network(|| {
        let scene = Scene::new(&["n1", "n2"])?;
        let address: IpAddr = V4.parse()?;
        scene.announce("web", &[V4])?;
        let owner = scene.node_with(scene.wait_for_answer(address)?)?.name.clone();
        let other = if owner == "n1" { "n2" } else { "n1" };
        let host = scene.segment.host(other);
        set_strict_arp(host, false)?;
        host.namespace.create_bridge("kube-ipvs0", Default::default())?;
        host.namespace.set_down("kube-ipvs0")?;
        host.namespace
            .add_address("kube-ipvs0", format!("{V4}/32").parse()?)?;
        wait_for_trap(&scene, other, "StrictArpMissing", other)?;
        let answering = scene.who_has(address)?;
        ensure!(
            answering.len() == 2 && answering.contains(&host.mac),
            "{answering:?}"
        );

        set_strict_arp(host, true)?;
        wait_for_no_trap(&scene, other)?;
        scene.ensure_answered_by(&owner, &[V4])?;
        ensure!(count(&scene, other, "StrictArpMissing") == 1);
        ensure!(
            scene.kubernetes.event_reasons(&owner).is_empty(),
            "nothing is wrong with the other one"
        );
        Ok(())
    });
}

#[test]
fn an_address_of_a_service_on_an_interface_is_told_on_the_service_until_it_is_removed() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V4])?;
        scene.announce("other", &["10.77.0.101"])?;
        let host = scene.segment.host("n1");
        set_strict_arp(host, false)?;
        host.namespace.add_address("lo", format!("{V4}/32").parse()?)?;
        wait_for_trap(&scene, "n1", "AddressOnNode", "web")?;
        host.namespace.remove_address("lo", format!("{V4}/32").parse()?)?;
        wait_for_no_trap(&scene, "n1")?;
        ensure!(count(&scene, "web", "AddressOnNode") == 1);
        ensure!(count(&scene, "other", "AddressOnNode") == 0);
        Ok(())
    });
}

#[test]
fn strict_reverse_path_filtering_is_told_where_clients_beyond_the_segment_are_dropped() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let host = scene.segment.host("n1");
        scene.segment.connect(host, "eth1", ETH1)?;
        host.namespace.add_address("eth1", "10.78.0.1/24".parse()?)?;
        host.namespace
            .add_route("0.0.0.0/0".parse()?, "10.77.0.254".parse()?)?;
        scene
            .kubernetes
            .apply(pool("beyond", &[&format!("{BEYOND}/32")]))?;
        scene
            .kubernetes
            .apply(advertisement("beyond", json!({ "ipAddressPools": ["beyond"] })))?;
        host.namespace.set_sysctl("ipv4/conf/eth1/rp_filter", "1")?;
        scene
            .kubernetes
            .apply_service(service("web"), &["n1"], &[BEYOND])?;
        wait_for_trap(&scene, "n1", "ReversePathFilter", "n1")?;
        host.namespace.set_sysctl("ipv4/conf/eth1/rp_filter", "2")?;
        stir(host)?;
        wait_for_no_trap(&scene, "n1")
    });
}

#[test]
fn a_node_without_any_usable_interface_says_so_until_it_has_one() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let host = scene.segment.host("n1");
        host.namespace.set_down("eth0")?;
        wait_for_trap(&scene, "n1", "NoUsableInterface", "n1")?;
        host.namespace.set_up("eth0")?;
        wait_for_no_trap(&scene, "n1")
    });
}
