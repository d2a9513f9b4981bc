//! A speaker that is asked to stop, or whose node is drained, hands its addresses over first.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::ensure;
use ferrolb_tests_netns::heard::claim_of;
use ferrolb_tests_netns::{Owners, in_private_network, wait};
use serde_json::json;

use crate::scene::{ADDRESSES, NODES, Scene};

/// design.md section 7.
const BUDGET: Duration = Duration::from_millis(100);
/// `terminationGracePeriodSeconds` of the manifests is 5.
const GRACE: Duration = Duration::from_secs(3);
/// How long two may answer: a burst.
const BURST: Duration = Duration::from_secs(5);

#[test]
fn a_speaker_that_stops_hands_its_addresses_over_at_once() {
    in_private_network(|| {
        let mut scene = Scene::new("leaving")?;
        let owners = Owners::watch(scene.segment.host("judge"), &ADDRESSES)?;
        let (mut times, mut signals) = (Vec::new(), Vec::new());
        for node in NODES {
            let mac = scene.segment.host(node).mac;
            let own = scene.addresses_of(node)?;
            let before = scene.heard.len();
            let asked = wait::unix_time();
            let mut process = scene.terminate(node)?;
            signals.push(wait::unix_time() - asked);
            for &ip in &own {
                let (at, _) = scene.wait_for_successor(before, ip, mac)?;
                times.push(at.saturating_sub(asked));
            }
            let status =
                wait::until_within(GRACE, "the speaker to exit", || Ok(process.child().try_wait()?))?;
            ensure!(status.success(), "{node} exits with {status}");
            ensure_no_claim_after_successor(&scene, before, node, &own)?;
            scene.launch(node)?;
            scene.wait_until_ready(node)?;
            scene.wait_for_one_owner_each()?;
        }
        println!("of which `kill` was started, did its work and ended in {signals:?}");
        report("SIGTERM", times)?;
        for (address, finding) in owners.finish()? {
            ensure!(
                finding.two <= BURST,
                "{address} had two owners for {:?}",
                finding.two
            );
            ensure!(
                finding.none <= BUDGET,
                "{address} had no owner for {:?}: the old one stops before the new one answers",
                finding.none
            );
        }
        Ok(())
    });
}

#[test]
fn a_node_that_is_drained_hands_its_addresses_over_at_once_and_takes_them_back() {
    in_private_network(|| {
        let scene = Scene::new("draining")?;
        let mut times = Vec::new();
        for node in NODES {
            let mac = scene.segment.host(node).mac;
            let own = scene.addresses_of(node)?;
            let before = scene.heard.len();
            let asked = wait::unix_time();
            scene.annotate(node, &json!({ "ferrolb.io/drain": "true" }))?;
            for &ip in &own {
                let (at, _) = scene.wait_for_successor(before, ip, mac)?;
                times.push(at.saturating_sub(asked));
            }
            scene.annotate(node, &json!({ "ferrolb.io/drain": null }))?;
            scene.wait_for_one_owner_each()?;
        }
        report("drain", times)
    });
}

fn report(what: &str, mut times: Vec<Duration>) -> anyhow::Result<()> {
    times.sort_unstable();
    let worst = times.last().copied().unwrap_or_default();
    println!("{what}: first gratuitous frame of the successor after {times:?}");
    ensure!(
        worst <= BUDGET,
        "{what}: handed over after {worst:?}, the budget is {BUDGET:?}"
    );
    Ok(())
}

fn ensure_no_claim_after_successor(
    scene: &Scene,
    before: usize,
    node: &str,
    own: &[IpAddr],
) -> anyhow::Result<()> {
    let mac = scene.segment.host(node).mac;
    for &ip in own {
        let claims = scene.heard.select_after(before, claim_of(ip));
        let first = claims.iter().position(|(_, said)| said.mac != mac);
        let mut later = claims.iter().skip(first.unwrap_or_default());
        ensure!(
            !later.any(|(_, said)| said.mac == mac),
            "{node} claims {ip} after its successor did"
        );
    }
    Ok(())
}
