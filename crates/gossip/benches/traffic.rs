//! What a node of a ring of 100 sends, and how soon a killed one is missed by all, in a simulation; prints `measure` lines for
//! `xtask`.

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/ring/world.rs"]
mod world;

use core::time::Duration;

use ferrolb_gossip::{Config, Output};
use ferrolb_sim::{MS, SECOND};

use world::World;

const NODES: usize = 100;
const SECONDS: u32 = 60;
const KILLED: u32 = 10;

fn main() {
    let mut world = World::ring(NODES, Config::lan(), 1);
    world.run(30 * SECOND);
    for node in &mut world.nodes {
        (node.packets, node.octets) = (0, 0);
    }
    world.run(SECONDS * SECOND);
    let most = |count: fn(&world::Node) -> u64| world.nodes.iter().map(count).max().unwrap_or(0) as f64;
    let (packets, octets) = (most(|node| node.packets), most(|node| node.octets));
    let seconds = f64::from(SECONDS);
    println!(
        "measure gossip/packets-per-node {:.1} packets/s",
        packets / seconds
    );
    println!(
        "measure gossip/kilobytes-per-node {:.2} KB/s",
        octets / seconds / 1000.0
    );
    let longest = (0..KILLED).map(|victim| time_until_out(&mut world, victim)).max();
    println!(
        "measure gossip/killed-until-out-max {:.1} ms",
        longest.unwrap_or_default().as_secs_f64() * 1000.0
    );
}

/// From its death until the last survivor does not count on it any more. Each dies at another moment of the watchers' period.
fn time_until_out(world: &mut World, number: u32) -> Duration {
    let victim = number as usize;
    world.run(SECOND + 37 * number * MS);
    world.reports.clear();
    let killed = world.now;
    world.kill(victim);
    world.run(2 * SECOND);
    let out = world.all_reported(
        victim,
        |output| matches!(output, Output::ReportElectionOut { name, .. } if **name == *ferrolb_sim::name(victim)),
    );
    out.map_or(2 * SECOND, |at| at - killed)
}
