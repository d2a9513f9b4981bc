//! What it costs.

use ferrolb_gossip::Config;
use ferrolb_sim::SECOND;

use crate::world::World;

#[test]
fn a_node_of_a_hundred_sends_60_packets_and_6_kb_a_second_at_most() {
    let mut world = World::ring(100, Config::lan(), 1);
    world.run(30 * SECOND);
    for node in &mut world.nodes {
        (node.packets, node.octets) = (0, 0);
    }
    world.run(60 * SECOND);
    let packets = world.nodes.iter().map(|node| node.packets / 60).max().unwrap();
    let octets = world.nodes.iter().map(|node| node.octets / 60).max().unwrap();
    println!(
        "100 nodes: at most {packets} packets/s and {octets} octets/s for each, with encryption and IP headers"
    );
    assert!(
        packets <= 60 && octets <= 6_000,
        "{packets} packets/s, {octets} octets/s"
    );
}
