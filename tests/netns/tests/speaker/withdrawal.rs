//! When addresses are given up: nobody answers and nothing is announced any more.

use std::net::IpAddr;

use anyhow::ensure;
use ferrolb_tests_netns::heard::{claim_of, rounds};
use ferrolb_tests_netns::kubernetes::{advertisement, endpoints, service};
use ferrolb_tests_netns::{Kubernetes, in_private_network, judge, wait};
use serde_json::{Value, json};

use crate::scene::{LAN, Scene, V4, V6};

/// That nobody answers after `change`.
fn withdraws_after(change: impl FnOnce(&Kubernetes) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let scene = Scene::new(&["n1"])?;
    scene.announce("web", &[V4, V6])?;
    scene.ensure_answered_by("n1", &[V4, V6])?;
    change(&scene.kubernetes)?;
    ensure_withdrawn(&scene, &[V4, V6])?;
    ensure!(
        !scene.speaker("n1").metrics().contains("default/web"),
        "its metrics are gone"
    );
    Ok(())
}

fn ensure_withdrawn(scene: &Scene, addresses: &[&str]) -> anyhow::Result<()> {
    for address in addresses {
        scene
            .speaker("n1")
            .wait_until_announced(address.parse()?, false)?;
    }
    scene.settle()?;
    scene.ensure_silent(addresses)
}

#[test]
fn withdraws_when_the_service_goes() {
    in_private_network(|| withdraws_after(|kubernetes| kubernetes.delete("services", "web")));
}

/// A burst has a round at least every 1.1 s: five of another one take longer.
#[test]
fn a_burst_ends_with_the_withdrawal() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V4, V6])?;
        scene.kubernetes.delete("services", "web")?;
        ensure_withdrawn(&scene, &[V4, V6])?;
        let settled = scene.heard.len();
        for address in [V4, V6] {
            ensure!(judge::who_has(scene.client(), address.parse()?)?.is_none());
        }
        let other: IpAddr = "10.77.0.199".parse()?;
        scene.announce("other", &["10.77.0.199"])?;
        wait::until("five rounds of another burst", || {
            Ok((rounds(&scene.heard, other) >= 5).then_some(()))
        })?;
        for address in [V4, V6] {
            let claims = scene.heard.select_after(settled, claim_of(address.parse()?));
            ensure!(claims.is_empty(), "announced after the withdrawal: {claims:?}");
        }
        Ok(())
    });
}

#[test]
fn withdraws_when_the_service_is_no_load_balancer_any_more() {
    in_private_network(|| {
        withdraws_after(|kubernetes| {
            kubernetes.merge("services", "web", &json!({ "spec": { "type": "ClusterIP" } }))
        })
    });
}

#[test]
fn withdraws_when_the_status_loses_its_addresses() {
    in_private_network(|| withdraws_after(|kubernetes| kubernetes.assign("web", &[])));
}

#[test]
fn withdraws_when_the_advertisement_goes() {
    in_private_network(|| withdraws_after(|kubernetes| kubernetes.delete("l2advertisements", LAN)));
}

#[test]
fn withdraws_when_the_last_endpoint_goes() {
    in_private_network(|| withdraws_after(|kubernetes| kubernetes.delete("endpointslices", "web")));
}

#[test]
fn withdraws_when_the_last_endpoint_can_not_serve_any_more() {
    in_private_network(|| {
        withdraws_after(|kubernetes| {
            let mut slice = endpoints("web", &["n1"]);
            slice["endpoints"][0]["conditions"] = json!({ "ready": false, "serving": false });
            kubernetes.apply(slice)
        })
    });
}

#[test]
fn an_address_that_is_exchanged_is_given_up_for_the_new_one() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &["10.77.0.100", "fd77::100"])?;
        scene.kubernetes.assign("web", &["10.77.0.101", "fd77::100"])?;
        ensure_withdrawn(&scene, &["10.77.0.100"])?;
        scene.ensure_answered_by("n1", &["10.77.0.101", "fd77::100"])
    });
}

#[test]
fn an_endpoint_that_goes_while_another_stays_changes_nothing() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene
            .kubernetes
            .apply_service(service("web"), &["n1", "n9"], &[V4, V6])?;
        scene.wait_for_claim(0, V4.parse()?)?;
        scene.kubernetes.apply(endpoints("web", &["n9"]))?;
        scene.settle()?;
        scene.ensure_answered_by("n1", &[V4, V6])
    });
}

#[test]
fn a_node_whose_last_endpoint_goes_gives_up_local_traffic() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        let mut local = service("web");
        local["spec"]["externalTrafficPolicy"] = json!("Local");
        scene.kubernetes.apply_service(local, &["n1", "n9"], &[V4, V6])?;
        scene.wait_for_claim(0, V4.parse()?)?;
        scene.kubernetes.apply(endpoints("web", &["n9"]))?;
        ensure_withdrawn(&scene, &[V4, V6])
    });
}

#[test]
fn an_address_of_two_services_is_answered_until_the_last_one_goes() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        for (name, port) in [("web", 80), ("mail", 25)] {
            scene
                .kubernetes
                .apply_service(sharing(name, port), &["n1"], &[V4, V6])?;
        }
        scene.wait_for_answer(V4.parse()?)?;
        scene.wait_for_answer(V6.parse()?)?;
        scene.kubernetes.delete("services", "web")?;
        // Neither given up nor announced anew.
        scene.settle()?;
        scene.ensure_answered_by("n1", &[V4, V6])?;
        let state = scene.speaker("n1").state()?;
        ensure!(
            state["announcedServices"].get("default/mail").is_some(),
            "{state:#}"
        );
        ensure!(
            state["announcedServices"].get("default/web").is_none(),
            "{state:#}"
        );

        scene.kubernetes.delete("services", "mail")?;
        ensure_withdrawn(&scene, &[V4, V6])
    });
}

fn sharing(name: &str, port: u16) -> Value {
    let mut shared = service(name);
    shared["metadata"]["annotations"] = json!({ "metallb.io/allow-shared-ip": "key" });
    shared["spec"]["ports"] = json!([{ "port": port }]);
    shared
}

#[test]
fn a_speaker_that_is_stopped_falls_silent() {
    in_private_network(|| {
        let mut scene = Scene::new(&["n1", "n2"])?;
        let spec = |node| json!({ "ipAddressPools": [LAN], "nodeSelectors": ferrolb_tests_netns::kubernetes::selecting(node) });
        scene.kubernetes.apply(advertisement(LAN, spec("n2")))?;
        scene.announce("web", &[V4, V6])?;
        scene.ensure_answered_by("n2", &[V4, V6])?;
        scene.stop_speaker("n2")?;
        scene.ensure_silent(&[V4, V6])
    });
}
