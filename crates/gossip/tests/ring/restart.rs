//! Nodes that are killed and started again, one after the other: each death is noticed as soon as the first, also by those and
//! through those who have just started.

use core::time::Duration;

use ferrolb_gossip::{Config, Input};
use ferrolb_types::SplitMix64;

use crate::world::{MS, SECOND, World, address, name, with_seeds};

/// Of five nodes.
const BOUND: Duration = Duration::from_millis(650);

/// `node` starts again and finds the others in the pod list.
fn start_again(world: &mut World, node: usize) {
    world.restart(node, Config::lan());
    let pods = (0..world.nodes.len()).map(address).collect();
    world.tell(node, Input::PeersFound(pods));
}

/// Those for whom `node` is still a candidate.
fn believers(world: &World, node: usize) -> Vec<usize> {
    let name = name(node);
    let believes = |other: &usize| {
        let ring = &world.nodes[*other];
        *other != node && ring.running && ring.members.contains(&name) && !ring.out.contains(&name)
    };
    (0..world.nodes.len()).filter(believes).collect()
}

fn kill(world: &mut World, victim: usize) {
    world.kill(victim);
    world.run(BOUND);
    let believers = believers(world, victim);
    assert!(
        believers.is_empty(),
        "{:?}: {victim} was killed {BOUND:?} ago, and is there for {believers:?}",
        world.now
    );
}

fn wait_until_whole(world: &mut World) {
    let is_whole = world.run_until(10 * SECOND, |world| world.is_one_ring() && world.all_in());
    assert!(is_whole, "the ring does not become whole");
}

/// A time up to `most`, often a short one.
fn pause(random: &mut SplitMix64, most: Duration) -> Duration {
    most * random.below(1000) / 1000 * random.below(1000) / 1000
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
                kill(&mut world, killed);
                start_again(&mut world, killed);
                wait_until_whole(&mut world);
            }
            world.run(300 * MS);
        }
    });
}

#[test]
fn whoever_is_killed_after_any_restarts_is_missed_as_soon_as_ever() {
    with_seeds(0..50, |seed| {
        let mut random = SplitMix64::new(seed);
        let mut world = World::ring(5, Config::lan(), seed);
        for _ in 0..20 {
            let victim = random.below(5) as usize;
            kill(&mut world, victim);
            world.run(pause(&mut random, 4 * SECOND));
            start_again(&mut world, victim);
            wait_until_whole(&mut world);
            world.run(pause(&mut random, 2 * SECOND));
        }
    });
}
