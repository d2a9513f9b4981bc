//! What it costs.

use core::time::Duration;

use ferrolb_gossip::Config;
use ferrolb_sim::{MS, SECOND};

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

/// What each of two that are left of `size` sends in the first second and a half, in which it finds all others dead, and in each
/// second of the next ten: packets and octets.
fn of_two_survivors(size: usize) -> [(u64, u64); 2] {
    let mut world = World::ring(size, Config::lan(), 1);
    (2..size).for_each(|node| world.kill(node));
    let mut spent = |time: Duration| {
        for node in &mut world.nodes {
            (node.packets, node.octets) = (0, 0);
        }
        world.run(time);
        assert!(
            world.nodes[..2]
                .iter()
                .all(|node| node.out.len() + node.members.len() >= size - 2)
        );
        let [a, b] = [0, 1].map(|node: usize| (world.nodes[node].packets, world.nodes[node].octets));
        (a.0.max(b.0), a.1.max(b.1))
    };
    let first = spent(MS * 1500);
    let (packets, octets) = spent(SECOND * 10);
    [first, (packets / 10, octets / 10)]
}

#[test]
fn when_nearly_all_die_at_once_those_that_are_left_do_not_flood_the_network() {
    for (size, most_first, most_later) in [(30, 1_500, 150), (100, 4_000, 250)] {
        let [first, later] = of_two_survivors(size);
        println!(
            "2 of {size} are left: {} packets and {} octets in 1.5 s, then {} packets/s and {} octets/s",
            first.0, first.1, later.0, later.1
        );
        assert!(
            first.0 <= most_first && later.0 <= most_later,
            "{first:?}, {later:?}"
        );
    }
}
