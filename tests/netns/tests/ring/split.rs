//! A ring falls into two, each half of which believes to be alone, and becomes one again.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ferrolb_tests_netns::{Owners, in_private_network, process, wait};

use crate::scene::{ADDRESSES, Scene};

const PAIR: [&str; 2] = ["n1", "n2"];
/// From the word that both sides hear each other to the last answer of the wrong one: a second until the next call to a node that
/// is believed dead, packets, and as much again for a machine that builds at the same time.
const HEAL: Duration = Duration::from_secs(2);
/// From the first claim of the wrong one to its last answer: the right one thinks for 100 ms, then announces.
const DISPUTE: Duration = Duration::from_millis(500);
/// How long a wrong one stays silent before it asks whether anybody has the address, and more.
const WATCHED: Duration = Duration::from_secs(5);

fn addresses() -> anyhow::Result<Vec<Ipv4Addr>> {
    Ok(ADDRESSES.into_iter().map(str::parse).collect::<Result<_, _>>()?)
}

#[test]
fn two_halves_that_meet_again_have_one_owner_for_each_address() {
    // In the second time the ring has given the other half up.
    for time in [Duration::ZERO, Duration::from_secs(10)] {
        in_private_network(|| part_and_heal(time));
    }
}

fn part_and_heal(time: Duration) -> anyhow::Result<()> {
    let scene = Scene::of(&PAIR, &format!("split-{}", time.as_secs()))?;
    let owners = Owners::watch(scene.segment.host("judge"), &ADDRESSES)?;
    let parted = wait::unix_time();
    scene.segment.part(&PAIR)?;
    for address in addresses()? {
        wait::until(&format!("both halves to answer for {address}"), || {
            Ok((owners.since(parted, address).len() == 2).then_some(()))
        })?;
    }
    wait::until_within(2 * time + HEAL, "the halves to have been apart", || {
        Ok((wait::unix_time() - parted >= time).then_some(()))
    })?;
    let healed = wait::unix_time();
    scene.segment.join(&PAIR)?;
    let mut longest = Duration::ZERO;
    for address in addresses()? {
        let mac = scene.segment.host(scene.owner(address.into())).mac;
        let back = owners
            .wait_for_one(address, mac, healed)
            .with_context(|| scene.logs())?;
        longest = longest.max(back.alone.saturating_sub(healed));
    }
    println!("apart for {time:?}: one owner for each address {longest:?} after healing");
    ensure!(longest <= HEAL, "two owners for {longest:?} after healing");
    owners.finish().map(drop)
}

/// Their gossip is cut, and their frames are not: a firewall that somebody forgot.
#[test]
fn a_speaker_that_is_heard_on_the_segment_alone_is_a_rival_and_not_a_foreign_host() {
    in_private_network(|| {
        let scene = Scene::of(&PAIR, "rivals")?;
        let owners = Owners::watch(scene.segment.host("judge"), &ADDRESSES)?;
        let cut = wait::unix_time();
        set_blackholes(&scene, "add")?;
        for node in PAIR {
            scene.wait_for_lines(node, &["addressRival"], 1)?;
        }
        wait::until_within(2 * WATCHED, "some time to pass", || {
            Ok((wait::unix_time() - cut >= WATCHED).then_some(()))
        })?;
        for address in addresses()? {
            let mac = scene.segment.host(scene.owner(address.into())).mac;
            owners
                .wait_for_one(address, mac, wait::unix_time())
                .with_context(|| scene.logs())?;
        }
        set_blackholes(&scene, "del")?;
        for node in PAIR {
            // It joined at the start.
            scene.wait_for_lines(node, &["memberHeard", "memberJoined"], 2)?;
        }
        ensure!(!scene.logs().contains("addressConflict"), "{}", scene.logs());
        let findings = owners.finish()?;
        let longest = findings
            .values()
            .map(|finding| finding.two)
            .max()
            .unwrap_or_default();
        println!("gossip cut: two owners for {longest:?} at most");
        ensure!(longest <= DISPUTE, "two owners for {longest:?}: {}", scene.logs());
        Ok(())
    });
}

/// What the nodes send to each other by IP is lost.
fn set_blackholes(scene: &Scene, verb: &str) -> anyhow::Result<()> {
    for (node, other) in [("n1", "n2"), ("n2", "n1")] {
        let to = format!("{}/32", scene.segment.host(other).ipv4);
        let mut command = Command::new("ip");
        command.args(["route", verb, "blackhole", &to]);
        let output = process::run(&scene.segment.host(node).namespace, &mut command)?;
        ensure!(
            output.status.success(),
            "ip route: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}
