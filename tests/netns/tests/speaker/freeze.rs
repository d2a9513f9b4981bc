//! Last known good: what is believed while most nodes are said not to be ready.

use anyhow::ensure;
use ferrolb_tests_netns::{in_private_network, wait};
use serde_json::Value;

use crate::scene::{Scene, V4};

const REASON: &str = "ownershipFrozen";

fn condition(scene: &Scene) -> Option<Value> {
    let states = scene.kubernetes.api().objects("configurationstates.metallb.io");
    let conditions = states
        .iter()
        .filter_map(|state| state["status"]["conditions"].as_array());
    conditions
        .flatten()
        .find(|condition| condition["type"] == REASON)
        .cloned()
}

#[test]
fn endpoints_that_vanish_with_the_nodes_withdraw_nothing_and_that_is_told() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        scene.announce("web", &[V4])?;
        scene.ensure_answered_by("n1", &[V4])?;
        scene.kubernetes.set_ready("n1", false)?;
        wait::until("the condition of the speaker", || Ok(condition(&scene)))?;
        wait::until("the event on the Node", || {
            let reasons = scene.kubernetes.event_reasons("n1");
            Ok(reasons.iter().any(|reason| reason == REASON).then_some(()))
        })?;
        scene.kubernetes.delete("endpointslices", "web")?;
        scene.settle()?;
        scene.ensure_answered_by("n1", &[V4])?;

        scene.kubernetes.set_ready("n1", true)?;
        wait::until("the address to be withdrawn", || {
            Ok(scene.who_has(V4.parse()?)?.is_empty().then_some(()))
        })?;
        wait::until("the condition to end", || {
            Ok(condition(&scene).is_none().then_some(()))
        })?;
        let told = scene.kubernetes.event_reasons("n1");
        ensure!(
            told.iter().filter(|reason| *reason == REASON).count() == 1,
            "{told:?}"
        );
        Ok(())
    });
}
