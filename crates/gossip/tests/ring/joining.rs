//! Who knows whom, and how soon: until all know a newcomer, two nodes elect differently.

use core::time::Duration;

use ferrolb_gossip::{Config, Input, StreamId};
use ferrolb_sim::{MS, SECOND, address, name, with_seeds};
use ferrolb_wire::memberlist::{NodeState, PushPull, PushPullNode, Versions};

use crate::world::World;

/// Each joins the one before it, so that the first and the last learn of each other from others only.
fn chain(size: usize, seed: u64) -> World {
    let mut world = World::new(seed);
    for _ in 0..size {
        world.add(Config::lan());
    }
    for node in 1..size {
        world.tell(node, Input::PeersFound(vec![address(node - 1)]));
        // Sometimes before the one in the middle has its answer, sometimes after.
        world.run(MS * u32::try_from(seed % 7).expect("small"));
    }
    world
}

#[test]
fn nodes_that_join_one_another_know_all_within_a_round_of_gossip() {
    with_seeds(0..300, |seed| {
        for size in [3, 4, 5, 8] {
            let mut world = chain(size, seed);
            assert!(
                world.run_until(400 * MS, World::is_one_ring),
                "{size} nodes: {:?}",
                world.nodes.iter().map(|node| &node.members).collect::<Vec<_>>()
            );
        }
    });
}

#[test]
fn of_two_nodes_never_only_one_knows_the_other_though_a_third_of_the_packets_is_lost() {
    with_seeds(0..100, |seed| {
        let mut world = World::new(seed);
        world.network.weather.loss_percent = 33;
        for node in 0..4 {
            world.add(Config {
                // Neither gossip nor comparisons help, and nobody is given up.
                gossip_interval: Duration::from_hours(1),
                push_pull_interval: Duration::ZERO,
                suspicion_mult: 1000,
                ..Config::lan()
            });
            if node > 0 {
                // It may fail, also when the other one has got the question and not brought the answer.
                world.tell(node, Input::PeersFound(vec![address(node - 1)]));
                world.run(SECOND);
            }
        }
        let is_mutual = |world: &World| {
            let knows = |a: usize, b: usize| world.nodes[a].members.contains(&name(b));
            (0..4).all(|a| (0..a).all(|b| knows(a, b) == knows(b, a)))
        };
        assert!(world.run_until(30 * SECOND, is_mutual));
    });
}

/// A speaker of MetalLB that joins, and asks nobody.
fn joins(world: &mut World, node: usize, names: &[&str]) {
    let nodes = names.iter().zip(0..).map(|(name, number)| PushPullNode {
        name,
        address: ([192, 0, 2, number], Config::PORT).into(),
        meta: &[],
        incarnation: 1,
        state: NodeState::Alive,
        versions: Some(Versions::CURRENT),
    });
    let state = PushPull {
        join: true,
        nodes: nodes.collect(),
        user_state: &[],
    };
    let request = Input::StreamRequested {
        stream: StreamId(0),
        from: ([192, 0, 2, 0], 40_000).into(),
        payload: state.encode().into(),
    };
    world.tell(node, request);
}

fn who_knows(world: &World, newcomer: &str) -> Vec<usize> {
    let knows = |node: &usize| world.nodes[*node].members.contains(newcomer);
    (0..world.nodes.len()).filter(knows).collect()
}

#[test]
fn a_speaker_of_metallb_that_joins_is_known_to_all_within_one_latency() {
    let mut world = World::ring(20, Config::lan(), 1);
    joins(&mut world, 3, &["metallb"]);
    world.run(MS);
    assert_eq!(who_knows(&world, "metallb").len(), 20);
}

#[test]
fn a_ring_that_joins_is_made_known_by_gossip_and_makes_no_storm() {
    let mut world = World::ring(20, Config::lan(), 1);
    let sent = |world: &World| world.nodes.iter().map(|node| node.packets).sum::<u64>();
    let before = sent(&world);
    joins(&mut world, 3, &["metallb-a", "metallb-b"]);
    assert!(sent(&world) - before < 10, "one question to each newcomer");
    world.run(2 * SECOND);
    for newcomer in ["metallb-a", "metallb-b"] {
        assert_eq!(who_knows(&world, newcomer).len(), 20);
    }
}
