//! What a bad edit does on the wire: nothing.

use ferrolb_tests_netns::kubernetes::{advertisement, pool};
use ferrolb_tests_netns::{in_private_network, wait};
use serde_json::{Value, json};

use crate::scene::{LAN, Scene, V4, V6};

/// That `bad` is noticed as a problem, and that what is announced stays so.
fn changes_nothing(bad: Value) -> anyhow::Result<()> {
    let scene = Scene::new(&["n1"])?;
    scene.announce("web", &[V4, V6])?;
    scene.kubernetes.apply(bad)?;
    let has_problem = |state: &Value| {
        state["problems"]
            .as_array()
            .is_some_and(|problems| !problems.is_empty())
    };
    scene
        .speaker("n1")
        .wait_for_state("the problem to be told", has_problem)?;
    // New Services are announced all the same.
    scene.settle()?;
    scene.ensure_answered_by("n1", &[V4, V6])
}

#[test]
fn a_refused_edit_of_a_pool_changes_nothing_on_the_wire() {
    in_private_network(|| changes_nothing(pool(LAN, &["10.77.0.300/24"])));
}

#[test]
fn a_refused_edit_of_an_advertisement_changes_nothing_on_the_wire() {
    // What the API server's own rules cannot see.
    let selector = json!({ "matchLabels": { "zone": "a" } });
    let spec = json!({ "ipAddressPools": [LAN], "nodeSelectors": [selector, selector] });
    in_private_network(|| changes_nothing(advertisement(LAN, spec)));
}

#[test]
fn a_refused_advertisement_harms_only_itself() {
    let spec = json!({ "ipAddressPools": [LAN, LAN] });
    in_private_network(|| changes_nothing(advertisement("twice", spec)));
}

/// That a speaker that is started again while `bad` is refused announces what was announced before.
fn outlives_a_restart(bad: Value) -> anyhow::Result<()> {
    let mut scene = Scene::new(&["n1"])?;
    scene.announce("web", &[V4, V6])?;
    scene.kubernetes.apply(bad)?;
    wait::until("the last accepted version to be kept", || {
        let api = scene.kubernetes.api();
        let state = api
            .get("configurationstates.metallb.io", "metallb-system", "speaker-n1")
            .unwrap_or_default();
        let is_kept = state["metadata"]["annotations"]["ferrolb.io/last-accepted"].is_string();
        Ok((is_kept && state["status"]["result"] == "Invalid").then_some(()))
    })?;
    scene.stop_speaker("n1")?;
    scene.ensure_silent(&[V4, V6])?;
    scene.start_speaker("n1")?;
    scene.settle()?;
    scene.ensure_answered_by("n1", &[V4, V6])
}

#[test]
fn a_restart_amid_a_refused_edit_of_a_pool_changes_nothing_on_the_wire() {
    in_private_network(|| outlives_a_restart(pool(LAN, &["10.77.0.300/24"])));
}

#[test]
fn a_restart_amid_a_refused_edit_of_an_advertisement_changes_nothing_on_the_wire() {
    let spec = json!({ "ipAddressPools": [LAN, LAN] });
    in_private_network(|| outlives_a_restart(advertisement(LAN, spec)));
}
