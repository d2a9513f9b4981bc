//! `--isolation=stop`: nodes that hear nobody, with and without their gateway.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ferrolb_tests_netns::{Owners, in_private_network, wait};

use crate::scene::{ADDRESSES, Scene};

const PAIR: [&str; 2] = ["n1", "n2"];
const GATEWAY: &str = "control";
const FLAGS: [&str; 1] = ["--isolation=stop"];
/// Silence of the other one, its judgement, and three questions to the gateway: 1.3 s, and more for a machine that builds at the
/// same time.
const STOPS: Duration = Duration::from_secs(4);
/// How long each state is watched.
const WATCHED: Duration = Duration::from_secs(3);

fn scene(name: &str) -> anyhow::Result<Scene> {
    let scene = Scene::with(&PAIR, name, &FLAGS)?;
    let gateway = scene.segment.host(GATEWAY).ipv4.into();
    for node in PAIR {
        let namespace = &scene.segment.host(node).namespace;
        namespace.add_route("0.0.0.0/0".parse()?, gateway)?;
    }
    Ok(scene)
}

fn address() -> anyhow::Result<Ipv4Addr> {
    Ok(ADDRESSES[0].parse()?)
}

fn let_pass(time: Duration) -> anyhow::Result<()> {
    let start = wait::unix_time();
    wait::until_within(time * 2, "some time to pass", || {
        Ok((wait::unix_time() - start >= time).then_some(()))
    })
}

#[test]
fn a_node_that_hears_neither_others_nor_its_gateway_stops_answering() {
    in_private_network(|| {
        let scene = scene("isolated")?;
        let owners = Owners::watch(scene.segment.host("judge"), &ADDRESSES)?;
        // The judge goes on hearing both of them.
        let cut = [PAIR[0], PAIR[1], GATEWAY];
        scene.segment.part(&cut)?;
        for node in PAIR {
            scene.wait_for_lines(node, &["nodeIsolated"], 1)?;
        }
        let_pass(STOPS)?;
        let silent = wait::unix_time();
        let_pass(WATCHED)?;
        for address in ADDRESSES {
            let heard = owners.since(silent, address.parse()?);
            ensure!(heard.is_empty(), "{address}: {heard:?} {}", scene.logs());
        }
        let healed = wait::unix_time();
        scene.segment.join(&cut)?;
        for address in ADDRESSES {
            let address: Ipv4Addr = address.parse()?;
            let mac = scene.segment.host(scene.owner(address.into())).mac;
            owners
                .wait_for_one(address, mac, healed)
                .with_context(|| scene.logs())?;
        }
        owners.finish().map(drop)
    });
}

#[test]
fn a_node_that_reaches_its_gateway_goes_on_answering() {
    in_private_network(|| {
        let mut scene = scene("left")?;
        let owners = Owners::watch(scene.segment.host("judge"), &ADDRESSES)?;
        let other = scene.owner(address()?.into());
        let left = PAIR
            .into_iter()
            .find(|node| *node != other)
            .context("two nodes")?;
        scene.kill(other)?;
        scene.wait_for_lines(left, &["memberSilent", "memberFailed"], 1)?;
        let_pass(STOPS)?;
        let later = wait::unix_time();
        let_pass(WATCHED)?;
        let mac = scene.segment.host(left).mac;
        for address in ADDRESSES {
            owners
                .wait_for_one(address.parse()?, mac, later)
                .with_context(|| scene.logs())?;
        }
        ensure!(!scene.logs().contains("nodeIsolated"), "{}", scene.logs());
        owners.finish().map(drop)
    });
}
