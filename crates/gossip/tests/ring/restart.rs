//! Nodes that are killed and started again, one after the other: each death is noticed as soon as the first, also by those and
//! through those who have just started.

use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_gossip::{Config, Input};
use ferrolb_sim::{MS, SECOND, address, name, with_seeds};
use ferrolb_types::SplitMix64;

use crate::world::World;

/// In a small ring, by whoever knows the dead one.
const BOUND: Duration = Duration::from_millis(650);
/// From the word of a node that is there again until it is a candidate for all.
const RETURN: Duration = Duration::from_millis(500);

/// A speaker that has joined claims nothing for so long (its gate), since other answers are on their way.
const SETTLE: Duration = Duration::from_millis(20);

/// `node` starts again and finds the others in the pod list.
fn start_again(world: &mut World, node: usize) {
    world.restart(node, Config::lan());
    let pods = (0..world.nodes.len()).map(address).collect();
    world.tell(node, Input::PeersFound(pods));
}

/// Those for whom `node` is a candidate.
fn believers(world: &World, node: usize) -> BTreeSet<usize> {
    let name = name(node);
    let believes = |other: &usize| {
        let ring = &world.nodes[*other];
        *other != node
            && ring.process.is_running()
            && ring.members.contains(&name)
            && !ring.out.contains(&name)
    };
    (0..world.nodes.len()).filter(believes).collect()
}

fn kill(world: &mut World, victim: usize, bound: Duration) {
    let killed = world.now;
    world.kill(victim);
    let is_missed = world.run_until(bound, |world| believers(world, victim).is_empty());
    let believers = believers(world, victim);
    assert!(
        is_missed,
        "{victim} was killed at {killed:?}, and is there {bound:?} later for {believers:?}"
    );
}

fn wait_until_whole(world: &mut World, bound: Duration) {
    let is_whole = world.run_until(bound, |world| world.is_one_ring() && world.all_in());
    assert!(is_whole, "the ring is not whole at {:?}", world.now);
}

/// A time up to `most`, often a short one.
fn pause(random: &mut SplitMix64, most: Duration) -> Duration {
    most * random.below(1000) / 1000 * random.below(1000) / 1000
}

fn one_of(random: &mut SplitMix64, nodes: usize) -> usize {
    let nodes = u32::try_from(nodes).expect("a small number");
    usize::try_from(random.below(nodes)).expect("a small number")
}

#[test]
fn watchers_that_have_been_restarted_are_believed_about_a_node_that_they_often_judged_before() {
    with_seeds(0..5, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        for victim in 0..5 {
            for killed in [victim; 5]
                .into_iter()
                .chain((0..5).filter(|node| *node != victim))
            {
                kill(&mut world, killed, BOUND);
                start_again(&mut world, killed);
                wait_until_whole(&mut world, RETURN);
            }
            world.run(300 * MS);
        }
    });
}

/// Kills and restarts of any nodes, one at a time. What is asked of a ring does not depend on what happened to it before.
fn kill_and_restart(
    size: usize,
    seeds: core::ops::Range<u64>,
    rounds: usize,
    bound: Duration,
    back: Duration,
) {
    with_seeds(seeds, |seed| {
        let mut random = SplitMix64::new(seed);
        let mut world = World::ring(size, Config::lan(), seed);
        for _ in 0..rounds {
            let victim = one_of(&mut random, size);
            kill(&mut world, victim, bound);
            world.run(pause(&mut random, 4 * SECOND));
            start_again(&mut world, victim);
            wait_until_whole(&mut world, back);
            world.run(pause(&mut random, 2 * SECOND));
        }
    });
}

#[test]
fn in_a_small_ring_whoever_is_killed_after_any_restarts_is_missed_as_soon_as_ever() {
    for size in [2, 3, 4, 5, 8] {
        kill_and_restart(size, 0..20, 20, BOUND, RETURN);
    }
}

#[test]
fn in_a_ring_of_a_hundred_it_is_missed_within_a_second_after_any_restarts() {
    kill_and_restart(100, 0..2, 8, SECOND, 2 * SECOND);
}

#[test]
fn whoever_has_just_joined_knows_at_once_who_is_out() {
    with_seeds(0..20, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        let mut random = SplitMix64::new(seed);
        let (dead, restarted) = (0, 1 + one_of(&mut random, 4));
        kill(&mut world, dead, BOUND);
        // The third watcher has said it, too.
        world.run(150 * MS);
        world.kill(restarted);
        world.run(pause(&mut random, SECOND));
        start_again(&mut world, restarted);
        let joined = |world: &World| !world.nodes[restarted].members.is_empty();
        assert!(world.run_until(SECOND, joined));
        world.run(SETTLE);
        assert!(!believers(&world, dead).contains(&restarted));
    });
}

/// Both others of a ring of three have to say so.
#[test]
fn a_node_that_dies_while_one_of_its_watchers_joins_is_missed_by_that_one_too() {
    with_seeds(0..20, |seed| {
        let mut random = SplitMix64::new(seed);
        let mut world = World::ring(3, Config::lan(), seed);
        kill(&mut world, 0, BOUND);
        start_again(&mut world, 0);
        world.run(pause(&mut random, 5 * MS));
        kill(&mut world, 1, BOUND);
        assert!(world.nodes[0].members.contains(&name(2)), "it has joined");
    });
}
