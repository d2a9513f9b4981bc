//! A thousand nodes.

use ferrolb_gossip::{Config, Input, Meta, Output, StreamId};
use ferrolb_wire::memberlist::{NodeState, PushPull, PushPullNode, Versions};

use crate::world::{SECOND, World, address, name};

#[test]
fn a_ring_of_a_thousand_forms_and_notices_a_death_within_a_second() {
    // Changes are sent on less often than usual, to keep the test short.
    let config = Config {
        retransmit_mult: 1,
        ..Config::lan()
    };
    let mut world = World::new(1);
    let state = everybody(1000);
    for node in 0..1000 {
        world.add(config);
        let exchange = Input::StreamRequested {
            stream: StreamId(0),
            from: address(node),
            payload: state.clone().into(),
        };
        world.tell(node, exchange);
    }
    assert!(world.is_one_ring());
    world.run(10 * SECOND);
    world.reports.clear();
    let killed = world.now;
    world.kill(500);
    world.run(2 * SECOND);
    let out = world.all_reported(
        500,
        |output| matches!(output, Output::ReportElectionOut { name } if **name == *crate::world::name(500)),
    );
    let time = out.expect("all notice") - killed;
    assert!(time <= SECOND, "{time:?}");
    assert!(world.alarms().iter().all(|alarm| alarm.contains(&name(500))));
}

/// What a node knows that knows all.
fn everybody(count: usize) -> Vec<u8> {
    let meta = Meta {
        fast_watch: true,
        subnets: None,
        ..Meta::default()
    };
    let (meta, names) = (meta.encode(), (0..count).map(name).collect::<Vec<_>>());
    let nodes = names.iter().enumerate().map(|(node, name)| PushPullNode {
        name,
        address: address(node),
        meta: &meta,
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
