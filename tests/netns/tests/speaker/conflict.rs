//! Foreign hosts that use an address of ours.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::ensure;
use ferrolb_tests_netns::frame::Arp;
use ferrolb_tests_netns::heard::{How, claim_of, rounds};
use ferrolb_tests_netns::kubernetes::service;
use ferrolb_tests_netns::{Host, in_private_network, process, wait};
use ferrolb_types::MacAddr;

use crate::scene::{Scene, V4, V6};

/// Longer than the second within which claims count as one, shorter than DEFEND_INTERVAL.
const BETWEEN_CLAIMS: Duration = Duration::from_millis(1500);

fn ip(host: &Host, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = std::process::Command::new("ip");
    let output = process::run(&host.namespace, command.args(arguments))?;
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}

fn wait_for_conflict_event(scene: &Scene, service: &str) -> anyhow::Result<()> {
    wait::until("an event about the conflict", || {
        let reasons = scene.kubernetes.event_reasons(service);
        Ok(reasons
            .iter()
            .any(|reason| reason == "addressConflict")
            .then_some(()))
    })
}

fn wait_until_yielded(scene: &Scene, address: &str) -> anyhow::Result<()> {
    let series = format!("ferrolb_layer2_address_yielded{{ip=\"{address}\"}} 1");
    wait::until("the metric to tell that the address is given up", || {
        Ok(scene.speaker("n1").metrics().contains(&series).then_some(()))
    })
}

#[test]
fn a_new_address_is_asked_for_three_times_before_it_is_announced() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let node = scene.segment.host("n1").mac;
        scene.announce("web", &[V4])?;
        let target: Ipv4Addr = V4.parse()?;
        let probe = |frame: &[u8]| {
            Arp::from_bytes(frame)
                .filter(|arp| arp.sender.is_unspecified() && arp.target == target && arp.sender_mac == node)
        };
        let probes: Vec<Duration> = scene.heard.select(probe).iter().map(|(at, _)| *at).collect();
        let [(announced, _), ..] = scene.heard.select(claim_of(target.into()))[..] else {
            anyhow::bail!("it is announced");
        };
        ensure!(probes.len() == 3, "{probes:?}");
        let took = announced.saturating_sub(probes[0]);
        println!("from the first probe to the first gratuitous frame: {took:?}");
        ensure!(
            took >= Duration::from_millis(250) && probes[2] < announced,
            "{took:?}"
        );
        Ok(())
    });
}

/// The judge is a kernel that has the address and answers for it, as a forgotten host would.
#[test]
fn a_new_address_that_a_foreign_host_has_is_left_to_it_and_reported() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let client = scene.client();
        ip(client, &["address", "add", &format!("{V4}/24"), "dev", "eth0"])?;
        ip(
            client,
            &["address", "add", &format!("{V6}/64"), "dev", "eth0", "nodad"],
        )?;
        scene
            .kubernetes
            .apply_service(service("web"), &["n1"], &[V4, V6])?;
        wait_for_conflict_event(&scene, "web")?;
        for address in [V4, V6] {
            wait_until_yielded(&scene, address)?;
        }
        scene.settle()?;
        for address in [V4, V6] {
            let claims = scene.heard.select(claim_of(address.parse()?));
            ensure!(claims.is_empty(), "{claims:?}");
        }
        Ok(())
    });
}

#[test]
fn an_address_in_use_is_defended_once_and_then_given_up() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let address: IpAddr = V4.parse()?;
        scene.announce("web", &[V4])?;
        wait::until("the end of the burst", || {
            Ok((rounds(&scene.heard, address) >= 8).then_some(()))
        })?;
        let foreigner = MacAddr([2, 0, 0, 0, 0xfe, 0xfe]);
        let claim = Arp::gratuitous(foreigner, V4.parse()?, 1).to_bytes();

        let before = scene.heard.len();
        let first = wait::now();
        scene.client().send_frame(&claim)?;
        ensure!(scene.wait_for_claim(before, address)? == scene.segment.host("n1").mac);
        wait_for_conflict_event(&scene, "web")?;
        ensure!(scene.who_has(address)?.len() == 1, "still answered for");

        wait::until("the time of the second claim", || {
            Ok((first.elapsed() >= BETWEEN_CLAIMS).then_some(()))
        })?;
        scene.client().send_frame(&claim)?;
        wait_until_yielded(&scene, V4)?;
        ensure!(scene.who_has(address)?.is_empty(), "given up");
        let said = scene.heard.select(claim_of(address));
        ensure!(
            said.iter()
                .all(|(_, said)| said.how == How::RequestForm || said.how == How::ReplyForm)
        );
        Ok(())
    });
}
