//! `ferrolb doctor` between real speakers.

use anyhow::ensure;
use ferrolb_tests_netns::in_private_network;

use crate::scene::Scene;

#[test]
fn doctor_tells_whether_the_gossip_ports_of_the_others_are_open() {
    in_private_network(|| {
        let mut scene = Scene::new("doctor")?;
        let (result, message) = scene.examine("n1", "gossip-port")?;
        ensure!(result == "ok", "{message}");
        scene.kill("n5")?;
        let closed = scene.segment.host("n5").ipv4;
        let (result, message) = scene.examine("n1", "gossip-port")?;
        ensure!(
            result == "warning" && message.contains(&format!("at {closed}:7946")),
            "{message}"
        );
        let (result, message) = scene.examine("n1", "addresses")?;
        ensure!(
            result == "ok",
            "of the Services none is on an interface: {message}"
        );
        Ok(())
    });
}
