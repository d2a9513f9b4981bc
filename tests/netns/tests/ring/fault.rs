//! Faults around the speakers: what they tell of them, in condition, metric and event, what they leave alone meanwhile, and that
//! they take it back.

use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ferrolb_tests_netns::heard::claim_of;
use ferrolb_tests_netns::kubernetes::{endpoints, service};
use ferrolb_tests_netns::{Owners, in_private_network, process, wait};

use crate::scene::{ADDRESSES, NODES, Scene};

const PAIR: [&str; 2] = ["n1", "n2"];
const UNREACHABLE: &str = "gossipUnreachable";
const FROZEN: &str = "ownershipFrozen";
/// Six questions, a second apart, and as much again; a watch that has ended is tried again by then, too.
const PATIENCE: Duration = Duration::from_secs(20);

/// Closes the port of gossip between the pair for `protocols`, or (`del`) opens it again.
fn firewall(scene: &Scene, verb: &str, protocols: &[&str]) -> anyhow::Result<()> {
    for (node, protocol) in PAIR
        .iter()
        .flat_map(|node| protocols.iter().map(move |p| (node, p)))
    {
        let mut command = Command::new("ip");
        command.args(["rule", verb, "ipproto", protocol, "dport", "7946", "unreachable"]);
        let output = process::run(&scene.segment.host(node).namespace, &mut command)?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "ip rule: {error}");
    }
    Ok(())
}

/// Waits until condition and metric of `node` tell of the fault; returns the condition's message.
fn wait_for_fault(scene: &Scene, node: &str, kind: &str, series: &str) -> anyhow::Result<String> {
    wait::until_within(PATIENCE, &format!("{node} to tell {kind}"), || {
        let condition = scene.kubernetes.condition(node, kind);
        let told = condition.filter(|condition| condition["status"] == "True");
        let is_counted = has_line(&scene.admin(node, "/metrics")?, &format!("{series} 1"));
        Ok(told.filter(|_| is_counted))
    })
    .map(|condition| condition["message"].as_str().unwrap_or_default().to_owned())
    .with_context(|| scene.logs())
}

fn wait_for_no_fault(scene: &Scene, node: &str, kind: &str, series: &str) -> anyhow::Result<()> {
    wait::until_within(PATIENCE, &format!("{node} to take {kind} back"), || {
        let is_told = scene.kubernetes.condition(node, kind).is_some();
        let is_zero = has_line(&scene.admin(node, "/metrics")?, &format!("{series} 0"));
        Ok((!is_told && is_zero).then_some(()))
    })
    .with_context(|| scene.logs())
}

fn has_line(text: &str, line: &str) -> bool {
    text.lines().any(|l| l == line)
}

/// `n2` starts while the port is closed; what it tells, until the port is open.
fn start_behind_a_firewall(name: &str, protocols: &[&str], cause: &str) -> anyhow::Result<()> {
    const SERIES: &str = "ferrolb_ring_unreachable";
    let mut scene = Scene::of(&PAIR, name)?;
    ensure!(scene.kubernetes.condition("n2", UNREACHABLE).is_none());
    // It may have started before the other one.
    let before = events(&scene, "n2");
    scene.kill("n2")?;
    firewall(&scene, "add", protocols)?;
    scene.launch("n2")?;
    scene.wait_until_ready("n2")?;
    let message = wait_for_fault(&scene, "n2", UNREACHABLE, SERIES)?;
    let address = format!("{}:7946", scene.segment.host("n1").ipv4);
    ensure!(message.contains(&address) && message.contains(cause), "{message}");
    ensure!(events(&scene, "n2") > before, "an event tells it, too");

    firewall(&scene, "del", protocols)?;
    wait_for_no_fault(&scene, "n2", UNREACHABLE, SERIES)?;
    scene.wait_for_lines("n2", &["memberJoined"], 1)
}

/// How many events tell it of the Node.
fn events(scene: &Scene, node: &str) -> usize {
    let reasons = scene.kubernetes.event_reasons(node);
    reasons.iter().filter(|reason| *reason == UNREACHABLE).count()
}

#[test]
fn a_gossip_port_that_is_closed_is_told_until_it_is_open() {
    in_private_network(|| start_behind_a_firewall("closed", &["tcp", "udp"], ""));
}

#[test]
fn a_gossip_port_that_is_closed_for_udp_alone_is_told_until_it_is_open() {
    in_private_network(|| start_behind_a_firewall("closed-udp", &["udp"], "over TCP and not over UDP"));
}

/// Three of five nodes are not ready, and all endpoints of a Service are said to be gone; then the API server dies, then a speaker.
#[test]
fn while_most_nodes_are_not_ready_or_the_api_server_is_away_nothing_is_withdrawn() {
    in_private_network(|| {
        let mut scene = Scene::new("frozen")?;
        let owners = Owners::watch(scene.segment.host("judge"), &ADDRESSES)?;
        let [emptied, orphaned, ..] = ADDRESSES;
        for node in ["n1", "n2", "n3"] {
            scene.kubernetes.set_ready(node, false)?;
        }
        for node in NODES {
            let message = wait_for_fault(&scene, node, FROZEN, &frozen("nodesNotReady"))?;
            ensure!(message.contains("more than half"), "{message}");
        }
        empty(&scene, emptied)?;
        add_service(&scene, "late", "10.77.0.150")?;
        ensure_all_answered(&scene, &owners, None)?;

        scene.stop_api()?;
        for node in NODES {
            wait::until_within(PATIENCE, &format!("{node} to miss the API server"), || {
                let metrics = scene.admin(node, "/metrics")?;
                Ok(has_line(&metrics, &format!("{} 1", frozen("apiServerAway"))).then_some(()))
            })?;
        }
        let (dead, before) = (scene.owner(orphaned.parse()?), scene.heard.len());
        let mac = scene.segment.host(dead).mac;
        scene.kill(dead)?;
        scene.wait_for_successor(before, orphaned.parse()?, mac)?;
        ensure_all_answered(&scene, &owners, Some(dead))?;

        scene.start_api()?;
        for node in ["n1", "n2", "n3"] {
            scene.kubernetes.set_ready(node, true)?;
        }
        let alive: Vec<&str> = NODES.into_iter().filter(|node| *node != dead).collect();
        for node in &alive {
            wait_for_no_fault(&scene, node, FROZEN, &frozen("nodesNotReady"))?;
            wait_for_no_fault(&scene, node, FROZEN, &frozen("apiServerAway"))?;
        }
        wait_until_withdrawn(&scene, &alive, emptied)?;
        owners.finish().map(drop)
    });
}

fn frozen(cause: &str) -> String {
    format!("ferrolb_ownership_frozen{{cause=\"{cause}\"}}")
}

/// No endpoint of the Service at `address` is left, as the control plane says.
fn empty(scene: &Scene, address: &str) -> anyhow::Result<()> {
    let name = Scene::service_at(address);
    scene.kubernetes.apply(endpoints(&name, &[]))
}

/// What adds counts all the time; whoever announces it has heard everything that was said before.
fn add_service(scene: &Scene, name: &str, address: &str) -> anyhow::Result<()> {
    scene
        .kubernetes
        .apply_service(service(name), &NODES, &[address])?;
    let ip: IpAddr = address.parse()?;
    wait::until(&format!("{address} to be announced"), || {
        Ok(scene.heard.select(claim_of(ip)).first().map(drop))
    })
}

/// Each address is answered by one node from now on: by its owner, unless that is `dead`.
fn ensure_all_answered(scene: &Scene, owners: &Owners, dead: Option<&str>) -> anyhow::Result<()> {
    let now = wait::unix_time();
    for address in ADDRESSES {
        let v4: Ipv4Addr = address.parse()?;
        let owner = scene.owner(v4.into());
        if dead != Some(owner) {
            owners
                .wait_for_one(v4, scene.segment.host(owner).mac, now)
                .with_context(|| scene.logs())?;
        }
        wait::until(&format!("an answer for {address}"), || {
            Ok((!owners.since(now, v4).is_empty()).then_some(()))
        })?;
    }
    Ok(())
}

/// Once most nodes are ready, it is believed that the Service has no endpoints; the others stay where they are.
fn wait_until_withdrawn(scene: &Scene, alive: &[&str], address: &str) -> anyhow::Result<()> {
    let count = |address: &str| -> anyhow::Result<usize> {
        let states = alive.iter().map(|node| scene.state(node));
        let states = states.collect::<anyhow::Result<Vec<_>>>()?;
        Ok(states
            .iter()
            .filter(|state| state["announcedAddresses"].get(address).is_some())
            .count())
    };
    wait::until(&format!("{address} to be withdrawn"), || {
        Ok((count(address)? == 0).then_some(()))
    })?;
    for other in ADDRESSES.into_iter().filter(|other| *other != address) {
        ensure!(count(other)? == 1, "{other} has one owner");
    }
    Ok(())
}
