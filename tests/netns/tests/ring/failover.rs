//! An owner dies: how long until another one announces, and until a client is served by it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ferrolb_tests_netns::heard::claim_of;
use ferrolb_tests_netns::{in_private_network, wait};

use crate::scene::{ADDRESSES, NODES, Scene};

/// design.md section 7.
const BUDGET: Duration = Duration::from_millis(700);
/// A burst, in which two may claim an address.
const BURST: Duration = Duration::from_secs(5);
/// Rounds of each kind; `FERROLB_FAILOVER_ROUNDS` asks for more.
const ROUNDS: usize = 3;

/// How an owner dies.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// The process alone, by SIGKILL; its node goes on forwarding.
    Process,
    /// The process and the link: what a power failure looks like.
    Node,
}

/// What one death cost.
#[derive(Debug)]
struct Cost {
    announced: Duration,
    served: Duration,
    /// How long two answered after the owner's return.
    both: Duration,
}

#[test]
fn a_killed_speaker_is_replaced_within_the_budget() {
    in_private_network(|| measure(Death::Process));
}

#[test]
fn a_node_that_is_gone_is_replaced_within_the_budget() {
    in_private_network(|| measure(Death::Node));
}

fn measure(death: Death) -> anyhow::Result<()> {
    let mut scene = Scene::new(&format!("failover-{death:?}"))?;
    let mut costs = Vec::new();
    for round in 0..rounds() {
        let address: Ipv4Addr = ADDRESSES[round % ADDRESSES.len()].parse()?;
        costs.push(once(&mut scene, death, address)?);
    }
    let distribution = |part: fn(&Cost) -> Duration| {
        let mut times: Vec<Duration> = costs.iter().map(part).collect();
        times.sort_unstable();
        times
    };
    let (announced, served) = (distribution(|c| c.announced), distribution(|c| c.served));
    println!("{death:?}: first gratuitous frame after {announced:?}");
    println!("{death:?}: first page of the new owner after {served:?}");
    let both = distribution(|c| c.both);
    println!("{death:?}: two answered after the owner's return for at most {both:?}");
    let longest = both.last().copied().unwrap_or_default();
    ensure!(longest <= BURST, "{death:?}: two answered for {longest:?}");
    let worst = announced.last().copied().unwrap_or_default();
    ensure!(
        worst <= BUDGET,
        "{death:?}: announced after {worst:?}, the budget is {BUDGET:?}"
    );
    Ok(())
}

fn once(scene: &mut Scene, death: Death, v4: Ipv4Addr) -> anyhow::Result<Cost> {
    let address = IpAddr::from(v4);
    let owner = scene.owner(address);
    let mac = scene.segment.host(owner).mac;
    wait_for_one_owner(scene, v4, owner, wait::unix_time())?;
    wait::until("the client to be served by the owner", || {
        Ok((scene.fetch(address)?.as_deref() == Some(owner)).then_some(()))
    })?;
    let before = scene.heard.len();
    let died = wait::unix_time();
    match death {
        Death::Process => scene.kill(owner)?,
        Death::Node => {
            scene.segment.unplug(owner)?;
            scene.kill(owner)?;
        }
    }
    let served = wait::until("the client to be served by another node", || {
        let served = scene.fetch(address)?.filter(|name| name != owner);
        Ok(served.map(|_| wait::unix_time() - died))
    })?;
    let (announced, _) = scene.wait_for_successor(before, address, mac)?;
    revive(scene, death, owner)?;
    let returned = wait_for_return(scene, before, address, owner)?;
    let both = wait_for_one_owner(scene, v4, owner, returned)?;
    Ok(Cost {
        both,
        announced: announced.saturating_sub(died),
        served,
    })
}

fn revive(scene: &mut Scene, death: Death, owner: &'static str) -> anyhow::Result<()> {
    if matches!(death, Death::Node) {
        scene.segment.plug(owner)?;
    }
    scene.launch(owner)?;
    scene.wait_until_ready(owner)
}

/// The node takes its address back, as the election says. Returns when.
fn wait_for_return(scene: &Scene, before: usize, address: IpAddr, owner: &str) -> anyhow::Result<Duration> {
    let mac = scene.segment.host(owner).mac;
    wait::until("the owner to return", || {
        let claims = scene.heard.select_after(before, claim_of(address));
        let other = claims.iter().position(|(_, said)| said.mac != mac);
        let after = other.and_then(|other| claims.iter().skip(other).find(|(_, said)| said.mac == mac));
        Ok(after.map(|(at, _)| *at))
    })
    .with_context(|| scene.logs())
}

/// Nobody but the owner answers any more; how long after its return that is so.
fn wait_for_one_owner(
    scene: &Scene,
    address: Ipv4Addr,
    owner: &str,
    returned: Duration,
) -> anyhow::Result<Duration> {
    let mac = scene.segment.host(owner).mac;
    wait::until("the one that stood in to stop answering", || {
        let who = scene.who_has(address, mac)?;
        Ok((who == BTreeSet::from([mac])).then(|| wait::unix_time().saturating_sub(returned)))
    })
    .with_context(|| scene.logs())
}

fn rounds() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "the way by which `make` asks for more rounds"
    )]
    let asked = std::env::var("FERROLB_FAILOVER_ROUNDS").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

#[test]
fn a_restarted_speaker_claims_no_address_of_others() {
    in_private_network(|| {
        let mut scene = Scene::new("restart")?;
        for node in NODES {
            let mac = scene.segment.host(node).mac;
            let own: Vec<&str> = ADDRESSES
                .into_iter()
                .filter(|address| address.parse().is_ok_and(|ip| scene.owner(ip) == node))
                .collect();
            let before = scene.heard.len();
            scene.kill(node)?;
            scene.launch(node)?;
            scene.wait_until_ready(node)?;
            scene.heard.wait_for_mark(scene.segment.host(node))?;
            for address in ADDRESSES {
                let claims = scene.heard.select_after(before, claim_of(address.parse()?));
                let wrong = claims.iter().any(|(_, said)| said.mac == mac) && !own.contains(&address);
                ensure!(
                    !wrong,
                    "{node}, restarted, claims {address}, which is another node's"
                );
            }
        }
        Ok(())
    });
}
