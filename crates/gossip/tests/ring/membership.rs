//! Joining, leaving, coming back.

use core::net::SocketAddr;

use ferrolb_gossip::{Config, Input, Meta, Output};
use ferrolb_sim::{MS, SECOND, address, name, with_seeds};

use crate::world::World;

#[test]
fn rings_of_all_sizes_form_within_five_seconds() {
    with_seeds(0..3, |seed| {
        for size in [2, 3, 5, 10, 50, 100] {
            let mut world = World::new(seed);
            world.start(size, Config::lan());
            assert!(world.run_until(5 * SECOND, World::is_one_ring), "{size} nodes");
            assert!(world.alarms().is_empty(), "{:?}", world.alarms());
        }
    });
}

#[test]
fn an_address_that_does_not_answer_is_told_and_does_no_harm() {
    let mut world = World::ring(2, Config::lan(), 1);
    let nobody: SocketAddr = "192.0.2.9:7946".parse().unwrap();
    world.tell(0, Input::PeersFound(vec![nobody, address(1), address(0)]));
    world.run(11 * SECOND);
    let reports: Vec<&Output> = world.reports.iter().map(|(_, _, output)| output).collect();
    let [Output::ReportJoinFailed { address, .. }] = reports[..] else {
        panic!("members are not asked again: {reports:?}");
    };
    assert_eq!(*address, nobody);
    assert!(world.is_one_ring());
}

#[test]
fn whoever_leaves_is_known_to_have_left_within_one_latency() {
    with_seeds(0..5, |seed| {
        let mut world = World::ring(30, Config::lan(), seed);
        let start = world.now;
        world.tell(7, Input::LeaveRequested);
        world.run(5 * SECOND);
        let gone = world.all_reported(7, |output| {
            matches!(output, Output::ReportMemberGone { name, left: true, .. } if **name == *ferrolb_sim::name(7))
        });
        assert!(gone.unwrap() - start <= 2 * MS, "{gone:?}");
        let left = world
            .reports
            .iter()
            .find(|(_, _, output)| *output == Output::ReportLeft);
        let (at, who, _) = left.expect("it learns that it may exit");
        assert!(*who == 7 && *at - start <= SECOND + MS);
        assert_eq!(world.alarms().len(), 29, "nothing else: {:?}", world.alarms());
        assert_eq!(
            world.nodes[7].process.program.next_deadline(),
            None,
            "and does nothing more"
        );
    });
}

#[test]
fn a_node_alone_leaves_at_once() {
    let mut world = World::new(1);
    world.add(Config::lan());
    world.tell(0, Input::LeaveRequested);
    assert_eq!(world.reports.last().unwrap().2, Output::ReportLeft);
}

#[test]
fn a_node_that_restarts_is_back_as_soon_as_it_joins() {
    with_seeds(0..5, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        world.kill(2);
        world.run(20 * SECOND);
        assert!(world.is_one_ring(), "it is gone for the others");
        world.restart(2, Config::lan());
        world.tell(2, Input::PeersFound(vec![address(0)]));
        assert!(world.run_until(2 * SECOND, World::is_one_ring), "and back");
        world.reports.clear();
        world.run(60 * SECOND);
        assert!(world.alarms().is_empty(), "{:?}", world.alarms());
    });
}

#[test]
fn a_node_that_restarts_before_it_is_missed_defends_itself_against_its_former_life() {
    with_seeds(0..5, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        world.kill(2);
        world.run(SECOND);
        world.restart(2, Config::lan());
        world.tell(2, Input::PeersFound(vec![address(0)]));
        world.run(60 * SECOND);
        assert!(world.is_one_ring() && world.all_in());
        let gone = world
            .alarms()
            .iter()
            .filter(|alarm| alarm.contains("MemberGone"))
            .count();
        assert_eq!(gone, 0, "{:?}", world.alarms());
    });
}

#[test]
fn a_name_belongs_to_its_address_until_the_node_has_left_or_is_forgotten() {
    let mut world = World::ring(4, Config::lan(), 3);
    // Another machine with the name of node 3.
    let other = world.add(Config::lan());
    let taken = |world: &World| {
        let conflict = |output: &Output| matches!(output, Output::ReportConflict { name, .. } if **name == *ferrolb_sim::name(3));
        world
            .reports
            .iter()
            .filter(|(_, _, output)| conflict(output))
            .count()
    };
    impersonate(&mut world, other, 3);
    world.run(5 * SECOND);
    assert!(taken(&world) >= 1 && !world.nodes[0].members.contains(&name(other)));
    world.tell(3, Input::LeaveRequested);
    world.run(2 * SECOND);
    impersonate(&mut world, other, 3);
    world.run(5 * SECOND);
    let members = world.nodes[0].process.program.members();
    let third = members
        .iter()
        .find(|member| *member.name == *name(3))
        .expect("it is back");
    assert_eq!(third.address, address(other));
}

/// Makes the machine of `node` one that calls itself as `victim`.
fn impersonate(world: &mut World, node: usize, victim: usize) {
    let identity = ferrolb_gossip::Identity {
        name: name(victim),
        address: address(node),
        meta: Meta::default(),
        packet_overhead: 0,
    };
    world.nodes[node].process.program = ferrolb_gossip::Machine::new(Config::lan(), identity, world.now, 1);
    world.nodes[node].members.clear();
    world.nodes[node].out.clear();
    world.tell(node, Input::PeersFound(vec![address(0)]));
}

#[test]
fn metadata_reaches_everybody() {
    let mut world = World::ring(10, Config::lan(), 4);
    let meta = Meta {
        fast_watch: true,
        subnets: Some(["192.0.2.0/24".parse().unwrap()].into()),
        ..Meta::default()
    };
    world.tell(4, Input::MetaChanged(meta.clone()));
    world.run(3 * SECOND);
    let changed = world.all_reported(4, |output| {
        matches!(output, Output::ReportMemberChanged(member)
            if member.meta.as_ref().is_some_and(|told| told.subnets == meta.subnets))
    });
    assert!(changed.is_some());
    let reports = world.reports.len();
    world.tell(4, Input::MetaChanged(meta));
    world.run(3 * SECOND);
    assert_eq!(world.reports.len(), reports, "the same again changes nothing");
}

#[test]
fn equal_seeds_give_equal_rings() {
    let run = || {
        let mut world = World::ring(10, Config::lan(), 5);
        world.kill(3);
        world.run(20 * SECOND);
        world
            .reports
            .iter()
            .map(|report| format!("{report:?}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
}

#[test]
fn what_a_node_tells_of_itself_is_known_to_all_within_one_latency() {
    with_seeds(0..3, |seed| {
        let mut world = World::ring(30, Config::lan(), seed);
        let start = world.now;
        let subnets = Some([ferrolb_types::IpNet::new([192, 0, 2, 0].into(), 24).unwrap()].into());
        let meta = Meta {
            subnets,
            ..Meta::default()
        };
        world.tell(7, Input::MetaChanged(meta.clone()));
        world.run(SECOND);
        let known = world.all_reported(7, |output| {
            matches!(output, Output::ReportMemberChanged(member)
                if *member.name == *name(7) && member.meta.as_ref().is_some_and(|told| told.subnets == meta.subnets))
        });
        assert!(known.unwrap() - start <= MS, "{known:?}");
        assert!(world.alarms().is_empty());
    });
}

#[test]
fn a_node_that_answers_streams_alone_is_told_and_told_again_when_it_answers_datagrams() {
    let mut world = World::ring(3, Config::lan(), 1);
    let late = world.add(Config::lan());
    // Packets between two of them are lost, and their streams are not.
    world.network.deafen(0, late);
    world.network.deafen(late, 0);
    world.tell(late, Input::PeersFound(vec![address(0)]));
    world.run(10 * SECOND);
    let told = |world: &World, wanted: fn(&Output) -> Option<SocketAddr>| -> Vec<(usize, SocketAddr)> {
        let reports = world.reports.iter();
        reports
            .filter_map(|(_, who, output)| Some((*who, wanted(output)?)))
            .collect()
    };
    let mut lost = told(&world, |output| match output {
        Output::ReportPacketsLost { address } => Some(*address),
        _ => None,
    });
    lost.sort_unstable();
    assert_eq!(lost, [(0, address(late)), (late, address(0))]);
    world.network.heal();
    world.run(2 * SECOND);
    let answered = told(&world, |output| match output {
        Output::ReportPacketsAnswered { address } => Some(*address),
        _ => None,
    });
    assert_eq!(answered.len(), 2, "{answered:?}");
    assert!(world.is_one_ring() && world.all_in());
}

/// Others know its former life, and would believe what that said as long as it answers.
#[test]
fn a_node_that_restarts_and_knows_nobody_is_known_as_what_it_is_now() {
    with_seeds(0..100, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        let before = Meta {
            subnets: Some(["192.0.2.0/24".parse().expect("a prefix")].into()),
            ..Meta::default()
        };
        world.tell(1, Input::MetaChanged(before));
        world.run(SECOND);
        world.restart(1, Config::lan());
        // Gossip may pass one by; whoever asks it learns it, and all have asked it then.
        world.run(SECOND * 10);
        for node in [0, 2, 3, 4] {
            let members = world.nodes[node].process.program.members();
            let known = members.iter().find(|member| *member.name == *name(1));
            let meta = known.and_then(|member| member.meta.as_ref());
            assert_eq!(
                meta.expect("it is a member").subnets,
                None,
                "{} of seed {seed}",
                name(node)
            );
        }
    });
}
