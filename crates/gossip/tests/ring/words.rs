//! What one node alone says about another.

use core::time::Duration;

use ferrolb_gossip::{Config, Input};
use ferrolb_sim::{MS, SECOND, address, name, with_seeds};
use ferrolb_wire::memberlist::Message;

use crate::world::World;

/// That `watcher`, in its present life, does not hear `node`.
fn accusation(world: &World, watcher: usize, node: usize, serial: u32) -> Input {
    let members = world.nodes[watcher].process.program.members();
    let own = members.iter().find(|member| *member.name == *name(watcher));
    let life = own.and_then(|member| member.meta.as_ref()?.life);
    let mut data = b"FLB\x02\x01".to_vec();
    data.extend(serial.to_be_bytes());
    for name in [name(watcher), name(node)] {
        data.push(u8::try_from(name.len()).expect("short"));
        data.extend(name.bytes());
    }
    data.extend(600_u32.to_be_bytes());
    data.extend(life.expect("it watches").0.to_be_bytes());
    Input::PacketReceived {
        from: address(watcher),
        payload: Message::User(&data).encode().into(),
    }
}

/// `watcher` tells all others that it does not hear `node`, every `pause` for `time`.
fn accuse(world: &mut World, watcher: usize, node: usize, (pause, time): (Duration, Duration)) {
    let end = world.now + time;
    // Above all that it has said itself.
    let mut serial = 1_000_000;
    while world.now < end {
        for other in (0..world.nodes.len()).filter(|other| *other != watcher) {
            let word = accusation(world, watcher, node, serial);
            world.tell(other, word);
        }
        serial += 1;
        world.run(pause);
    }
}

#[test]
fn a_lone_accusation_of_a_node_that_others_hear_changes_nothing() {
    with_seeds(0..10, |seed| {
        for size in [3, 5, 20] {
            let mut world = World::ring(size, Config::lan(), seed);
            accuse(&mut world, 0, 1, (SECOND * 2, SECOND * 30));
            world.run(SECOND * 20);
            assert!(world.alarms().is_empty(), "{size} nodes: {:?}", world.alarms());
        }
    });
}

#[test]
fn with_a_fifth_of_the_packets_lost_it_is_contradicted_all_the_same() {
    with_seeds(0..5, |seed| {
        let mut world = World::ring(20, Config::lan(), seed);
        world.network.weather.loss_percent = 20;
        accuse(&mut world, 0, 1, (SECOND * 2, SECOND * 120));
        assert!(world.alarms().is_empty(), "{:?}", world.alarms());
    });
}

#[test]
fn whoever_joins_while_it_stands_is_not_misled() {
    with_seeds(0..20, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        accuse(&mut world, 0, 1, (SECOND, SECOND));
        for joining in [2, 3, 4] {
            world.restart(joining, Config::lan());
            world.reports.clear();
            world.tell(joining, Input::PeersFound((0..5).map(address).collect()));
            accuse(&mut world, 0, 1, (SECOND * 2, SECOND * 3));
            let alarms = world.alarms();
            let misled = alarms
                .iter()
                .filter(|alarm| alarm.contains(&format!("\"{}\"", name(1))));
            assert_eq!(misled.count(), 0, "{alarms:?}");
        }
    });
}

#[test]
fn whoever_accuses_all_the_time_is_not_answered_all_the_time() {
    let mut world = World::ring(20, Config::lan(), 1);
    let most = |world: &mut World, with: bool| {
        world.nodes.iter_mut().for_each(|node| node.packets = 0);
        if with {
            accuse(world, 0, 1, (MS * 5, SECOND * 20));
        } else {
            world.run(SECOND * 20);
        }
        world.nodes.iter().map(|node| node.packets / 20).max().unwrap()
    };
    let (usual, accused) = (most(&mut world, false), most(&mut world, true));
    println!("{usual} packets/s, with an accusation every 5 ms {accused}");
    // Six times to nineteen others every two seconds.
    assert!(accused <= usual + 6 * 19 / 2 + 5, "{accused} instead of {usual}");
}
