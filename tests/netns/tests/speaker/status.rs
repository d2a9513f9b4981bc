//! ServiceL2Status: what users see of who announces.

use anyhow::ensure;
use ferrolb_tests_netns::kubernetes::node;
use ferrolb_tests_netns::{in_private_network, wait};
use serde_json::{Value, json};

use crate::scene::{Scene, V4};

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
