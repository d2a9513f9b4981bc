//! What is sent without being asked for.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::ensure;
use ferrolb_tests_netns::heard::{How, Said, claim_of, round_of, rounds};
use ferrolb_tests_netns::kubernetes::{advertisement, endpoints, pool, selecting, service};
use ferrolb_tests_netns::{Capture, Tcpdump, in_private_network, wait};
use serde_json::json;

use crate::scene::{LAN, Scene, V4, V6};

/// From one round to the next, in milliseconds (design: front-loaded, then wider than a neighbour's `locktime`).
const PAUSES_MS: [u64; 7] = [50, 100, 350, 1100, 1100, 1100, 1100];
const ROUNDS: usize = PAUSES_MS.len() + 1;
/// How much later than planned a round may come on a busy machine.
const LATE: Duration = Duration::from_secs(1);

/// The claims of each round about `address`, with the time at which the kernel took its first frame.
fn heard_rounds(capture: &Capture, address: IpAddr) -> Vec<(Duration, Vec<How>)> {
    let mut rounds: Vec<(Duration, Vec<How>)> = Vec::new();
    for (at, said) in capture.select(claim_of(address)) {
        match rounds.last_mut() {
            Some((_, forms)) if !said.begins_round() => forms.push(said.how),
            _ => rounds.push((at, vec![said.how])),
        }
    }
    rounds
}

fn wait_for_rounds(capture: &Capture, address: IpAddr, count: usize) -> anyhow::Result<()> {
    wait::until(&format!("round {count} about {address}"), || {
        Ok((rounds(capture, address) >= count).then_some(()))
    })
}

/// That rounds came when they should: never early, so that a late one does not draw the next one near, and never in
/// the rhythm of a plain timer.
fn ensure_front_loaded(times: &[Duration]) -> anyhow::Result<()> {
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    ensure!(gaps.len() == PAUSES_MS.len(), "{gaps:?}");
    for (gap, pause) in gaps.iter().zip(PAUSES_MS.map(Duration::from_millis)) {
        ensure!(
            *gap > pause / 2 && *gap < pause + LATE,
            "gaps between rounds: {gaps:?}"
        );
    }
    println!("gaps between the rounds of a burst: {gaps:?}");
    Ok(())
}

#[test]
fn a_burst_is_front_loaded_and_speaks_both_forms_of_arp() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let judge = Tcpdump::start(scene.client(), "arp")?;
        let begin = wait::unix_time();
        scene.announce("web", &[V4])?;
        let address: IpAddr = V4.parse()?;
        wait_for_rounds(&scene.heard, address, ROUNDS)?;
        scene.settle()?;

        let heard = heard_rounds(&scene.heard, address);
        let times: Vec<Duration> = heard.iter().map(|(at, _)| *at).collect();
        println!(
            "from the first write to the API server to the first frame: {:?}",
            times[0] - begin
        );
        ensure_front_loaded(&times)?;
        for (_, forms) in heard {
            ensure!(forms == [How::RequestForm, How::ReplyForm], "{forms:?}");
        }
        let mac = scene.segment.host("n1").mac.to_string();
        for said in [
            format!("Request who-has {V4} tell {V4}"),
            format!("Reply {V4} is-at {mac}"),
        ] {
            judge.wait_for(&[&mac, "> ff:ff:ff:ff:ff:ff", &said])?;
        }
        // The probes before the first use ask, and tell nothing.
        let of_address = |line: &&String| line.contains(V4) && !line.contains("tell 0.0.0.0");
        wait::until("tcpdump to print all of it", || {
            Ok((judge.lines().iter().filter(of_address).count() == 2 * ROUNDS).then_some(()))
        })
    });
}

#[test]
fn an_ipv6_burst_tells_all_nodes_each_time_and_routers_three_times() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let judge = Tcpdump::start(scene.client(), "icmp6 and ip6[40] == 136")?;
        scene.announce("web", &[V6])?;
        let address: IpAddr = V6.parse()?;
        wait_for_rounds(&scene.heard, address, ROUNDS)?;
        scene.settle()?;

        let heard = heard_rounds(&scene.heard, address);
        ensure_front_loaded(&heard.iter().map(|(at, _)| *at).collect::<Vec<_>>())?;
        for (number, (_, forms)) in heard.iter().enumerate() {
            let expected: &[How] = match number {
                0 | 4 | 5 => &[How::ToAllNodes, How::ToAllRouters],
                _ => &[How::ToAllNodes],
            };
            ensure!(forms == expected, "round {number}: {forms:?}");
        }
        let node = scene.segment.host("n1");
        judge.wait_for(&[
            &node.mac.to_string(),
            &format!("{} > ff02::1", node.link_local),
            &format!("neighbor advertisement, tgt is {V6},"),
        ])?;
        Ok(())
    });
}

#[test]
fn only_what_is_new_is_announced() {
    in_private_network(|| {
        let scene = Scene::new(&["n1", "n2"])?;
        let old: [IpAddr; 2] = [V4.parse()?, V6.parse()?];
        scene.announce("web", &[V4, V6])?;
        for address in old {
            wait_for_rounds(&scene.heard, address, ROUNDS)?;
        }
        // None of this changes where the address is.
        let kubernetes = &scene.kubernetes;
        kubernetes.merge(
            "services",
            "web",
            &json!({ "metadata": { "labels": { "tier": "front" } } }),
        )?;
        kubernetes.assign("web", &[V6, V4])?;
        kubernetes.assign("web", &[V4, V6])?;
        kubernetes.apply(endpoints("web", &["n1", "n2", "n1"]))?;
        kubernetes.merge(
            "nodes",
            "n1",
            &json!({ "metadata": { "labels": { "rack": "a" } } }),
        )?;
        kubernetes.apply(pool("unused", &["198.51.100.0/24"]))?;
        kubernetes.merge("ipaddresspools", LAN, &json!({ "spec": { "autoAssign": false } }))?;
        kubernetes.api().close_watches();
        scene.settle()?;

        let new = "10.77.0.150";
        scene.announce("new", &[new])?;
        wait_for_rounds(&scene.heard, new.parse()?, 4)?;
        for address in old {
            let heard = rounds(&scene.heard, address);
            ensure!(heard == ROUNDS, "{heard} rounds about {address}");
        }
        Ok(())
    });
}

#[test]
fn an_address_that_comes_back_is_announced_again() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V4])?;
        scene.kubernetes.delete("services", "web")?;
        scene.speaker("n1").wait_until_announced(V4.parse()?, false)?;
        scene.settle()?;
        let before = scene.heard.len();
        scene.kubernetes.apply_service(service("web"), &["n1"], &[V4])?;
        scene.wait_for_claim(before, V4.parse()?)?;
        scene.ensure_answered_by("n1", &[V4])
    });
}

#[test]
fn a_node_that_takes_over_announces() {
    in_private_network(|| {
        let scene = Scene::new(&["n1", "n2"])?;
        scene.announce("web", &[V4, V6])?;
        let owner = scene.node_with(scene.wait_for_answer(V4.parse()?)?)?;
        let other = if owner.name == "n1" { "n2" } else { "n1" };
        let before = scene.heard.len();
        let spec = json!({ "ipAddressPools": [LAN], "nodeSelectors": selecting(other) });
        scene.kubernetes.apply(advertisement(LAN, spec))?;
        for address in [V4, V6] {
            let heir = scene.segment.host(other).mac;
            wait::until("the other node to announce", || {
                let round = scene.heard.select_after(before, round_of(address.parse()?));
                Ok(round
                    .iter()
                    .any(|(_, said): &(_, Said)| said.mac == heir)
                    .then_some(()))
            })?;
        }
        scene
            .speaker(&owner.name)
            .wait_until_announced(V4.parse()?, false)?;
        scene.settle()?;
        scene.ensure_answered_by(other, &[V4, V6])
    });
}
