//! ServiceL2Status: what users see of who announces.

use anyhow::ensure;
use ferrolb_tests_netns::kubernetes::{advertisement, endpoints, node};
use ferrolb_tests_netns::{in_private_network, wait};
use serde_json::{Value, json};

use crate::scene::{LAN, Scene, V4};

/// The objects about the Service `name`.
fn objects(scene: &Scene, name: &str) -> Vec<Value> {
    let all = scene.kubernetes.api().objects("servicel2statuses.metallb.io");
    all.into_iter()
        .filter(|object| object["metadata"]["labels"]["metallb.io/service-name"] == name)
        .collect()
}

fn wait_for_owner(scene: &Scene, owner: &str) -> anyhow::Result<Value> {
    wait::until(&format!("one object that names {owner}"), || {
        let found = objects(scene, "web");
        let is_settled = found.len() == 1 && found[0]["status"]["node"] == owner;
        Ok(is_settled.then(|| found[0].clone()))
    })
}

#[test]
fn one_object_tells_who_announces_a_service_and_follows_it_to_its_end() {
    in_private_network(|| {
        let scene = Scene::new(&["n1", "n2"])?;
        scene.announce("web", &[V4])?;
        let owner = scene.node_with(scene.wait_for_answer(V4.parse()?)?)?.name.clone();
        let object = wait_for_owner(&scene, &owner)?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        ensure!(name.starts_with("l2-"), "{object}");
        ensure!(
            object["metadata"]["labels"]["metallb.io/node"] == *owner,
            "{object}"
        );
        ensure!(
            object["status"]["serviceName"] == "web" && object["status"]["serviceNamespace"] == "default"
        );

        let mut excluded = node(&owner);
        excluded["metadata"]["labels"]["node.kubernetes.io/exclude-from-external-load-balancers"] = json!("");
        scene.kubernetes.apply(excluded)?;
        let other = if owner == "n1" { "n2" } else { "n1" };
        wait_for_owner(&scene, other)?;

        scene.kubernetes.delete("services", "web")?;
        wait::until("no object", || {
            Ok(objects(&scene, "web").is_empty().then_some(()))
        })
    });
}

/// What touches a Service without a change of who announces it is neither told nor written again.
#[test]
fn a_service_that_goes_on_being_announced_is_told_and_written_once() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V4])?;
        let object = wait_for_owner(&scene, "n1")?;

        let kubernetes = &scene.kubernetes;
        kubernetes.apply(endpoints("web", &["n1", "n1"]))?;
        kubernetes.merge(
            "services",
            "web",
            &json!({ "metadata": { "labels": { "touched": "yes" } } }),
        )?;
        kubernetes.apply(advertisement(
            LAN,
            json!({ "ipAddressPools": [LAN], "nodeSelectors": [{}] }),
        ))?;
        let mut labelled = node("n1");
        labelled["metadata"]["labels"]["touched"] = json!("yes");
        kubernetes.apply(labelled)?;
        scene.settle()?;

        let events = kubernetes.api().objects("events");
        let about = |event: &&Value| event["involvedObject"]["name"] == "web";
        let counts: Vec<(&Value, &Value)> = events
            .iter()
            .filter(about)
            .map(|e| (&e["reason"], &e["count"]))
            .collect();
        ensure!(counts == [(&json!("nodeAssigned"), &json!(1))], "{counts:?}");
        let now = objects(&scene, "web");
        ensure!(now == [object], "it was written again: {now:?}");
        Ok(())
    });
}
