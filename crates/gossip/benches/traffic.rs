//! What a node of a ring of 100 sends, in a simulation; prints `measure` lines for `xtask`.

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/ring/world.rs"]
mod world;

use ferrolb_gossip::Config;

use world::{SECOND, World};

const NODES: usize = 100;
const SECONDS: u32 = 60;

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
}
