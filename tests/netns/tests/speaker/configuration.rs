//! What a bad edit does on the wire: nothing.

use ferrolb_tests_netns::in_private_network;
use ferrolb_tests_netns::kubernetes::{advertisement, pool};
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
    let selector = json!({ "matchExpressions": [{ "key": "zone", "operator": "Equals", "values": ["a"] }] });
    let spec = json!({ "ipAddressPools": [LAN], "nodeSelectors": [selector] });
    in_private_network(|| changes_nothing(advertisement(LAN, spec)));
}

#[test]
fn a_refused_advertisement_harms_only_itself() {
    let spec = json!({ "ipAddressPools": [LAN, LAN] });
    in_private_network(|| changes_nothing(advertisement("twice", spec)));
}
