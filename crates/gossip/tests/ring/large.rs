//! A thousand nodes.

use ferrolb_gossip::{Config, Input, Member, Output, StreamId};
use ferrolb_plan::election::Rank;
use ferrolb_wire::memberlist::{NodeState, PushPull, PushPullNode, Versions};

use crate::election::{number, ranks};
use crate::world::{SECOND, World, address, name};

#[test]
fn a_ring_of_a_thousand_forms_and_replaces_the_owner_of_an_address_within_a_second() {
    let (mut world, ranks) = (ring_of_a_thousand(), ranks([192, 0, 2, 1].into(), 1000));
    let owner = owners(&world, &ranks);
    assert_eq!(owner.len(), 1, "{owner:?}");
    let (killed, victim) = (world.now, owner[0]);
    world.kill(victim);
    world.run(SECOND);
    let out = world.all_reported(
        victim,
        |output| matches!(output, Output::ReportElectionOut { name, .. } if **name == *crate::world::name(victim)),
    );
    assert!(out.expect("all notice") - killed <= SECOND);
    assert!(world.alarms().iter().all(|alarm| alarm.contains(&name(victim))));
    let successor = owners(&world, &ranks);
    assert!(successor.len() == 1 && successor != owner, "{successor:?}");
}

/// Nodes that elect themselves.
fn owners(world: &World, ranks: &[Rank]) -> Vec<usize> {
    let claims = |node: &usize| {
        let ring = &world.nodes[*node];
        let others = ring.members.iter().filter(|name| !ring.out.contains(*name));
        ring.running
            && others
                .map(|name| ranks[number(name)])
                .all(|rank| ranks[*node] < rank)
    };
    (0..world.nodes.len()).filter(claims).collect()
}

fn ring_of_a_thousand() -> World {
    // Changes are sent on less often than usual, to keep the test short.
    let config = Config {
        retransmit_mult: 1,
        ..Config::lan()
    };
    let mut world = World::new(1);
    for _ in 0..1000 {
        world.add(config);
    }
    let state = everybody(&world);
    for node in 0..1000 {
        let exchange = Input::StreamRequested {
            stream: StreamId(0),
            from: address(node),
            payload: state.clone().into(),
        };
        world.tell(node, exchange);
    }
    assert!(world.is_one_ring());
    world.run(4 * SECOND);
    world.reports.clear();
    world
}

/// What a node knows that knows all.
fn everybody(world: &World) -> Vec<u8> {
    let themselves: Vec<Member> = world
        .nodes
        .iter()
        .flat_map(|node| node.machine.members())
        .collect();
    let metas: Vec<Vec<u8>> = themselves
        .iter()
        .map(|member| member.meta.as_ref().expect("it is of FerroLB").encode())
        .collect();
    let nodes = themselves.iter().zip(&metas).map(|(member, meta)| PushPullNode {
        name: &member.name,
        address: member.address,
        meta,
        incarnation: 1,
        state: NodeState::Alive,
        versions: Some(Versions::CURRENT),
    });
    PushPull {
        join: false,
        nodes: nodes.collect(),
        user_state: &[],
    }
    .encode()
}
