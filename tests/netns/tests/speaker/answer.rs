//! Who answers, for what, and where.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::ensure;
use ferrolb_netio::BridgeOptions;
use ferrolb_tests_netns::frame::Arp;
use ferrolb_tests_netns::heard::{Said, answer_of, claim_of};
use ferrolb_tests_netns::kubernetes::{advertisement, service};
use ferrolb_tests_netns::{Capture, SegmentBuilder, in_private_network, judge, wait};
use ferrolb_types::MacAddr;
use serde_json::json;

use crate::scene::{LAN, Scene, V4, V6, ask};

const NODES: [&str; 3] = ["n1", "n2", "n3"];

#[test]
fn one_node_of_three_answers_for_an_address_and_the_others_stay_silent() {
    in_private_network(|| {
        let scene = Scene::new(&NODES)?;
        let sent = NODES.map(|name| Capture::of_sender(&scene.segment, name));
        for address in ["10.77.0.100", "10.77.0.101", "10.77.0.102", "10.77.0.103"] {
            let v6 = address.replace("10.77.0.", "fd77::");
            scene.announce(&address.replace("10.77.0.", "web-"), &[address, &v6])?;
            let owner = scene.node_with(scene.wait_for_answer(address.parse()?)?)?;
            scene.wait_for_answer(v6.parse()?)?;
            scene.ensure_answered_by(&owner.name, &[address, &v6])?;
            for address in [address.parse()?, v6.parse()?] {
                ensure!(
                    judge::who_has(scene.client(), address)? == Some(owner.mac),
                    "the judge sees another owner of {address} than {}",
                    owner.name
                );
            }
        }
        for (name, sent) in NODES.iter().zip(sent) {
            ensure_truthful(&sent?, scene.segment.host(name).mac)?;
        }
        Ok(())
    });
}

/// That whatever `sent` tells about addresses comes from `mac` and tells `mac`.
fn ensure_truthful(sent: &Capture, mac: MacAddr) -> anyhow::Result<()> {
    let source = |frame: &[u8]| Some((MacAddr(frame[6..12].try_into().ok()?), Said::from_bytes(frame)?));
    let all = sent.select(source);
    ensure!(!all.is_empty(), "its own marker at least");
    for (_, (source, said)) in all {
        ensure!(
            source == mac && said.mac == mac,
            "{mac} sent {said:?} as {source}"
        );
    }
    Ok(())
}

#[test]
fn an_address_is_claimed_by_its_owner_alone() {
    in_private_network(|| {
        let scene = Scene::new(&NODES)?;
        let sent = NODES.map(|name| Capture::of_sender(&scene.segment, name));
        scene.announce("web", &[V4, V6])?;
        let owner = scene.wait_for_answer(V4.parse()?)?;
        scene.settle()?;
        for (name, sent) in NODES.iter().zip(sent) {
            let sent = sent?;
            let is_owner = scene.segment.host(name).mac == owner;
            for address in [V4, V6] {
                let claims = sent.select(claim_of(address.parse()?)).len();
                ensure!((claims > 0) == is_owner, "{name} claims {address} {claims} times");
            }
            let is_announced = scene.speaker(name).metrics().contains(V4);
            ensure!(is_announced == is_owner, "the metrics of {name}");
        }
        Ok(())
    });
}

#[test]
fn only_held_addresses_are_answered_for() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V4, V6])?;
        scene.ensure_answered_by("n1", &[V4, V6])?;
        // Beside it, of the same pool but not assigned, and nobody's at all.
        scene.ensure_silent(&["10.77.0.99", "10.77.0.101", "10.77.0.199", "192.0.2.1", "0.0.0.0"])?;
        scene.ensure_silent(&["fd77::99", "fd77::101", "fd77::1:0:100", "2001:db8::100"])?;
        ensure!(judge::arping(scene.client(), "10.77.0.101".parse()?)?.is_none());
        ensure!(judge::ndisc6(scene.client(), "fd77::101".parse()?)?.is_none());
        Ok(())
    });
}

#[test]
fn arp_is_answered_in_whatever_form_it_is_asked() {
    in_private_network(|| {
        let scene = Scene::new(&["n1", "n2"])?;
        let (client, held) = (scene.client(), V4.parse::<Ipv4Addr>()?);
        scene.announce("web", &[V4])?;
        let owner = scene.wait_for_answer(held.into())?;
        let ordinary = Arp::request(client.mac, client.ipv4, held);
        let probe = Arp::request(client.mac, Ipv4Addr::UNSPECIFIED, held);
        let unicast = Arp {
            destination: owner,
            ..ordinary
        };
        for question in [ordinary, probe, unicast] {
            let before = scene.heard.len();
            client.send_frame(&question.to_bytes())?;
            let answer = wait::until("an answer", || {
                let answers = scene.heard.select_after(before, Arp::from_bytes);
                Ok(answers
                    .into_iter()
                    .map(|(_, arp)| arp)
                    .find(|arp| arp.sender == held && arp.target != held))
            })?;
            ensure!(answer.operation == 2 && answer.sender_mac == owner, "{answer:?}");
            ensure!(
                answer.destination == client.mac && answer.target == question.sender,
                "{answer:?}"
            );
        }
        // Neither a question to another host nor a reply is one to answer.
        let elsewhere = Arp {
            destination: MacAddr([2, 0, 0, 0, 0, 0x77]),
            ..ordinary
        };
        let reply = Arp {
            operation: 2,
            ..ordinary
        };
        let before = scene.heard.len();
        client.send_frame(&elsewhere.to_bytes())?;
        client.send_frame(&reply.to_bytes())?;
        ensure!(scene.who_has("10.77.0.199".parse()?)?.is_empty());
        let answers = scene
            .heard
            .select_after(before, answer_of(held.into(), client.mac));
        ensure!(answers.is_empty(), "{answers:?}");
        Ok(())
    });
}

#[test]
fn an_address_is_announced_and_answered_on_the_interfaces_of_its_advertisement_only() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let other = SegmentBuilder::default()
            .numbered_from(50)
            .build(&["elsewhere"])?;
        let (node, elsewhere) = (scene.segment.host("n1"), other.host("elsewhere"));
        let second_mac = MacAddr([2, 0, 0, 0, 1, 1]);
        other.connect(node, "eth1", second_mac)?;
        let there = Capture::start(elsewhere)?;
        let on = |interfaces: &[&str]| {
            advertisement(LAN, json!({ "ipAddressPools": [LAN], "interfaces": interfaces }))
        };

        // Objects of different kinds are not seen in the order in which they are written.
        scene.announce("earlier", &["10.77.0.190"])?;
        scene.kubernetes.apply(on(&["eth1"]))?;
        scene
            .speaker("n1")
            .wait_for_state("the advertisement to be in force", |state| {
                state["announcedAddresses"]["10.77.0.190"]["Named"] == json!(["eth1"])
            })?;
        scene
            .kubernetes
            .apply_service(service("web"), &["n1"], &[V4, V6])?;
        for address in [V4, V6] {
            let address: IpAddr = address.parse()?;
            let (_, claim) = there.wait_for("the address on eth1", claim_of(address))?;
            ensure!(claim.mac == second_mac, "{claim:?}");
            ask(elsewhere, address)?;
            let (_, answer) = there.wait_for("the answer on eth1", answer_of(address, elsewhere.mac))?;
            ensure!(answer.mac == second_mac, "{answer:?}");
        }
        scene.ensure_silent(&[V4, V6])?;
        for address in [V4, V6] {
            let claims = scene.heard.select(claim_of(address.parse()?));
            ensure!(claims.is_empty(), "on eth0: {claims:?}");
        }

        let before = scene.heard.len();
        scene.kubernetes.apply(on(&["eth0", "eth7"]))?;
        for address in [V4, V6] {
            scene.wait_for_claim(before, address.parse()?)?;
            scene.wait_for_answer(address.parse()?)?;
        }
        scene.ensure_answered_by("n1", &[V4, V6])?;
        // The markers are announced on both interfaces.
        let before = there.len();
        let marker = "10.77.0.211".parse()?;
        ask(elsewhere, V4.parse()?)?;
        wait::until("the marker on eth1", || {
            ask(elsewhere, marker)?;
            Ok(there
                .select_after(before, answer_of(marker, elsewhere.mac))
                .first()
                .map(drop))
        })?;
        let answers = there.select_after(before, answer_of(V4.parse()?, elsewhere.mac));
        ensure!(
            answers.is_empty(),
            "on eth1, where it is no longer to be: {answers:?}"
        );
        Ok(())
    });
}

#[test]
fn interfaces_that_do_not_exist_are_told_as_an_event_whatever_comes_first() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("before", &[V4])?;
        scene.kubernetes.apply(advertisement(
            LAN,
            json!({ "ipAddressPools": [LAN], "interfaces": ["eth7"] }),
        ))?;
        scene
            .kubernetes
            .apply_service(service("after"), &["n1"], &["10.77.0.101"])?;
        let is_told = |name: &str, word: &str| {
            let reasons = scene.kubernetes.event_reasons(name);
            reasons.iter().any(|reason| reason == word)
        };
        for name in ["before", "after"] {
            wait::until("the event", || Ok(is_told(name, "announceFailed").then_some(())))?;
        }
        scene
            .kubernetes
            .apply_service(service("later"), &["n1"], &["10.77.0.102"])?;
        wait::until("the event", || {
            Ok(is_told("later", "announceFailed").then_some(()))
        })?;
        ensure!(
            is_told("before", "nodeAssigned"),
            "it was announced on all interfaces"
        );
        ensure!(!is_told("later", "nodeAssigned"), "it is announced nowhere");
        scene.settle()?;
        scene.ensure_silent(&[V4, "10.77.0.101", "10.77.0.102"])?;

        let namespace = &scene.segment.host("n1").namespace;
        namespace.create_bridge("eth7", BridgeOptions::default())?;
        wait::until("the event of a Service whose interface has come", || {
            Ok(is_told("later", "nodeAssigned").then_some(()))
        })
    });
}
