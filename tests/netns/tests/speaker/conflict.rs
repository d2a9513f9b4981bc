//! Foreign hosts that use an address of ours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::ensure;
use ferrolb_tests_netns::frame::{Advertisement, Arp};
use ferrolb_tests_netns::heard::{claim_of, rounds};
use ferrolb_tests_netns::kubernetes::service;
use ferrolb_tests_netns::{Host, in_private_network, judge, process, wait};
use ferrolb_types::MacAddr;

use crate::scene::{Scene, V4, V6};

/// Longer than the second within which claims count as one, shorter than DEFEND_INTERVAL.
const BETWEEN_CLAIMS: Duration = Duration::from_millis(1500);

const FOREIGNER: MacAddr = MacAddr([2, 0, 0, 0, 0xfe, 0xfe]);
const FOREIGN_LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x00ff, 0xfe00, 0xfefe);

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

/// That users find it where they look: with the Service, and in the condition of the speaker.
fn ensure_told(scene: &Scene, service: &str, addresses: &[&str]) -> anyhow::Result<()> {
    let api = scene.kubernetes.api();
    let services = api.objects("services");
    let own = services
        .iter()
        .find(|object| object["metadata"]["name"] == service);
    let events = api.objects("events");
    let told = events.iter().filter(|event| event["reason"] == "addressConflict");
    for event in told {
        // `kubectl describe` asks for events with the UID of the object.
        let is_about = own.is_some_and(|own| event["involvedObject"]["uid"] == own["metadata"]["uid"]);
        ensure!(is_about, "{event}");
    }
    wait::until("the condition of the speaker", || {
        let states = api.objects("configurationstates.metallb.io");
        let conditions = states
            .iter()
            .filter_map(|state| state["status"]["conditions"].as_array())
            .flatten();
        let messages: Vec<&str> = conditions
            .filter(|c| c["type"] == "addressConflict" && c["status"] == "True")
            .filter_map(|c| c["message"].as_str())
            .collect();
        let names = |address: &&str| {
            messages
                .iter()
                .any(|message| message.contains(&format!("{address} is also claimed")))
        };
        Ok(addresses.iter().all(names).then_some(()))
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
        ensure_told(&scene, "web", &[V4, V6])?;
        scene.settle()?;
        for address in [V4, V6] {
            let claims = scene.heard.select(claim_of(address.parse()?));
            ensure!(claims.is_empty(), "{claims:?}");
        }
        Ok(())
    });
}

/// A foreign host claims `address` by the frame `claim`, and again a moment later.
fn defends_once_and_gives_up(address: IpAddr, claim: &[u8]) -> anyhow::Result<()> {
    let scene = Scene::new(&["n1"])?;
    let text = address.to_string();
    scene.announce("web", &[&text])?;
    wait::until("the end of the burst", || {
        Ok((rounds(&scene.heard, address) >= 8).then_some(()))
    })?;

    let before = scene.heard.len();
    let first = wait::now();
    scene.client().send_frame(claim)?;
    ensure!(scene.wait_for_claim(before, address)? == scene.segment.host("n1").mac);
    wait_for_conflict_event(&scene, "web")?;
    ensure!(scene.who_has(address)?.len() == 1, "still answered for");
    let counted = format!("ferrolb_layer2_conflicts_total{{ip=\"{text}\"}} 1");
    wait::until("the conflict to be counted", || {
        Ok(scene.speaker("n1").metrics().contains(&counted).then_some(()))
    })?;

    wait::until("the time of the second claim", || {
        Ok((first.elapsed() >= BETWEEN_CLAIMS).then_some(()))
    })?;
    scene.client().send_frame(claim)?;
    wait_until_yielded(&scene, &text)?;
    ensure!(scene.who_has(address)?.is_empty(), "given up");
    let said = scene.heard.select(claim_of(address));
    let node = scene.segment.host("n1").mac;
    ensure!(
        said.iter()
            .all(|(_, said)| said.mac == node && said.is_gratuitous())
    );
    Ok(())
}

#[test]
fn an_address_in_use_is_defended_once_and_then_given_up() {
    in_private_network(|| {
        let address: Ipv4Addr = V4.parse()?;
        defends_once_and_gives_up(address.into(), &Arp::gratuitous(FOREIGNER, address, 1).to_bytes())
    });
}

#[test]
fn an_ipv6_address_in_use_is_defended_once_and_then_given_up() {
    in_private_network(|| {
        let address: Ipv6Addr = V6.parse()?;
        let claim = Advertisement::gratuitous(FOREIGNER, FOREIGN_LINK_LOCAL, address);
        defends_once_and_gives_up(address.into(), &claim.to_bytes())
    });
}

/// Who probes takes no address: it is answered, and nothing else happens.
#[test]
fn who_probes_for_an_address_in_use_is_told_so_and_is_no_conflict() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V4])?;
        let node = scene.segment.host("n1").mac;
        ensure!(judge::arping_probe(scene.client(), V4.parse()?)? == Some(node));
        ensure!(judge::arping_probe(scene.client(), "10.77.0.101".parse()?)?.is_none());
        scene.settle()?;
        scene.ensure_answered_by("n1", &[V4])?;
        let reasons = scene.kubernetes.event_reasons("web");
        ensure!(
            !reasons.iter().any(|reason| reason == "addressConflict"),
            "{reasons:?}"
        );
        Ok(())
    });
}
