//! A node whose speaker is still MetalLB's in a ring with ours, as in a rolling replacement. A member on hashicorp/memberlist without
//! metadata stands for that speaker, and the kernel of its node answers for the addresses that the election gives to it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ferrolb_tests_interop::peer::program;
use ferrolb_tests_netns::frame::Arp;
use ferrolb_tests_netns::segment::INTERFACE;
use ferrolb_tests_netns::{Owners, Process, in_private_network, wait};
use ferrolb_types::{IpNet, MacAddr};
use serde_json::json;

use crate::scene::{ADDRESSES, Scene};

const METALLB: &str = "m1";
const OURS: [&str; 3] = ["n1", "n2", "n3"];
const ALL: [&str; 4] = ["n1", "n2", "n3", METALLB];
/// For how long nothing may change.
const WATCHED: Duration = Duration::from_secs(3);
/// layer2 6.6: between two rounds of MetalLB's gratuitous frames.
const ROUND: Duration = Duration::from_millis(1100);
/// layer2 9: MetalLB's failure detection gives a node of a small ring up after 24 s at most, and a probe of it has to fail before.
const GIVEN_UP: Duration = Duration::from_secs(40);

/// A node whose speaker is MetalLB's.
struct Reference {
    speaker: Process,
    mac: MacAddr,
    /// What the election gives to it.
    held: Vec<Ipv4Addr>,
}

impl Reference {
    /// Its kernel answers from now on.
    fn start(scene: &Scene, program: &Path) -> anyhow::Result<Self> {
        let host = scene.segment.host(METALLB);
        let mut command = Command::new(program);
        command.args(["-name", METALLB, "-port", "7946", "-bind", &host.ipv4.to_string()]);
        let speaker = Process::start_told(&host.namespace, &mut command)?;
        speaker.wait_for_line("the peer to listen", |line| line.contains(r#""ready""#))?;
        let mut held = addresses()?;
        held.retain(|address| scene.owner(IpAddr::from(*address)) == METALLB);
        ensure!(!held.is_empty(), "the election gives nothing to {METALLB}");
        for address in &held {
            host.namespace.remove_local_address((*address).into())?;
            host.namespace.add_address(INTERFACE, single(*address)?)?;
        }
        Ok(Self {
            speaker,
            mac: host.mac,
            held,
        })
    }

    /// Both forms of gratuitous frames for everything, as MetalLB sends them when it starts and has not met anybody yet.
    fn claim_everything(&self, scene: &Scene) -> anyhow::Result<()> {
        for (address, operation) in addresses()?
            .into_iter()
            .flat_map(|address| [(address, 1), (address, 2)])
        {
            let frame = Arp::gratuitous(self.mac, address, operation);
            scene.segment.host(METALLB).send_frame(&frame.to_bytes())?;
        }
        Ok(())
    }

    fn stop_answering(&self, scene: &Scene) -> anyhow::Result<()> {
        let host = scene.segment.host(METALLB);
        for address in &self.held {
            host.namespace.remove_address(INTERFACE, single(*address)?)?;
        }
        Ok(())
    }

    fn leave(&mut self) -> anyhow::Result<()> {
        self.speaker.tell("leave")?;
        self.speaker
            .wait_for_line("the peer to have left", |line| line.contains(r#""done""#))?;
        Ok(())
    }
}

fn addresses() -> anyhow::Result<Vec<Ipv4Addr>> {
    Ok(ADDRESSES.into_iter().map(str::parse).collect::<Result<_, _>>()?)
}

fn single(address: Ipv4Addr) -> anyhow::Result<IpNet> {
    Ok(IpNet::new(address.into(), 32)?)
}

/// A speaker of MetalLB, and three of ours that come after it.
fn mixed_ring(name: &str, program: &Path) -> anyhow::Result<(Scene, Reference, Owners)> {
    let mut scene = Scene::prepare(&ALL, name, &[])?;
    let reference = Reference::start(&scene, program)?;
    scene.launch_all(&OURS)?;
    for node in OURS {
        wait::until(
            &format!("{node} to know the hardware address of {METALLB}"),
            || {
                let known = scene.state(node)?["ring"]["hardwareAddresses"][METALLB].clone();
                Ok((known == json!([reference.mac.to_string()])).then_some(()))
            },
        )?;
    }
    let owners = Owners::watch(scene.segment.host("judge"), &ADDRESSES)?;
    wait_for_owners(&scene, &owners, &ALL)?;
    Ok((scene, reference, owners))
}

/// Waits until each address is answered for by whom the election names among `nodes`, and by nobody else.
fn wait_for_owners(scene: &Scene, owners: &Owners, nodes: &[&'static str]) -> anyhow::Result<()> {
    let since = wait::unix_time();
    for address in addresses()? {
        let owner = Scene::owner_among(nodes, address.into());
        owners
            .wait_for_one(address, scene.segment.host(owner).mac, since)
            .with_context(|| format!("{address} is for {owner}\n{}", scene.logs()))?;
    }
    Ok(())
}

fn pass(time: Duration) -> anyhow::Result<()> {
    let since = wait::unix_time();
    wait::until_within(2 * time, "some time to pass", || {
        Ok((wait::unix_time() - since >= time).then_some(()))
    })
}

/// For a while each address is answered for by whom the election names among all, and by nobody else.
fn stays(scene: &Scene, owners: &Owners) -> anyhow::Result<()> {
    let since = wait::unix_time();
    pass(WATCHED)?;
    for address in addresses()? {
        let owner = scene.segment.host(scene.owner(address.into())).mac;
        let said = owners.since(since, address);
        ensure!(
            said == [owner].into(),
            "{address} is said to be at {said:?} and not at {owner} alone\n{}",
            scene.logs()
        );
    }
    Ok(())
}

fn ensure_no_conflict(scene: &Scene) -> anyhow::Result<()> {
    for node in OURS {
        let conflicts = scene.state(node)?["conflicts"].clone();
        ensure!(conflicts == json!([]), "{node} tells of {conflicts}");
    }
    ensure!(!scene.logs().contains("addressConflict"), "{}", scene.logs());
    Ok(())
}

/// A drained node of ours stays in the election, because MetalLB's speaker would still elect it.
#[test]
fn with_a_speaker_of_metallb_the_reference_elects_and_ours_take_over_when_it_leaves() {
    let Some(program) = program() else { return };
    in_private_network(|| {
        let (scene, mut reference, owners) = mixed_ring("mixed-leave", &program)?;
        scene.annotate("n2", &json!({ "ferrolb.io/drain": "true" }))?;
        stays(&scene, &owners)?;
        reference.leave()?;
        reference.stop_answering(&scene)?;
        wait_for_owners(&scene, &owners, &["n1", "n3"])?;
        ensure_no_conflict(&scene)
    });
}

#[test]
fn what_a_speaker_of_metallb_claims_is_no_foreign_claim_and_is_taken_back() {
    let Some(program) = program() else { return };
    in_private_network(|| {
        let (scene, reference, owners) = mixed_ring("mixed-claims", &program)?;
        // More than once within the ten seconds of RFC 5227: before a foreign host ours would give way.
        for _ in 0..3 {
            reference.claim_everything(&scene)?;
            pass(ROUND)?;
        }
        for node in OURS {
            scene.wait_for_lines(node, &["addressRival"], 1)?;
        }
        wait_for_owners(&scene, &owners, &ALL)?;
        stays(&scene, &owners)?;
        ensure_no_conflict(&scene)
    });
}

#[test]
fn ours_take_over_what_a_dead_speaker_of_metallb_had() {
    let Some(program) = program() else { return };
    in_private_network(|| {
        let (scene, reference, owners) = mixed_ring("mixed-death", &program)?;
        scene.segment.unplug(METALLB)?;
        let died = wait::unix_time();
        for address in &reference.held {
            let successor = Scene::owner_among(&OURS, (*address).into());
            let mac = scene.segment.host(successor).mac;
            wait::until_within(GIVEN_UP, &format!("{successor} to answer for {address}"), || {
                Ok(owners.since(died, *address).contains(&mac).then_some(()))
            })
            .with_context(|| scene.logs())?;
        }
        println!("taken over after {:?}", wait::unix_time() - died);
        wait_for_owners(&scene, &owners, &OURS)?;
        ensure_no_conflict(&scene)
    });
}
