//! What users and administrators do.

use core::time::Duration;

use ferrolb_api::facts::{FamilyPolicy, Fence, ServiceFacts};
use ferrolb_api::resolved::Pool;

use crate::random::Random;
use crate::support::{self, With, at_most, labels, namespace, pool, resting, service, tcp};
use crate::world::World;

const NAMES: [&str; 10] = [
    "a/s0", "a/s1", "a/s2", "a/s3", "a/s4", "b/s5", "b/s6", "b/s7", "b/s8", "b/s9",
];

/// A number of actions that are still to come.
pub(crate) struct Users {
    left: u32,
    /// Whether they change their minds, and administrators their pools.
    unruly: bool,
}

impl Users {
    pub(crate) const fn unruly(actions: u32) -> Self {
        Self {
            left: actions,
            unruly: true,
        }
    }

    /// Only create and delete: nobody who has an address has a reason to get another one.
    pub(crate) const fn calm(actions: u32) -> Self {
        Self {
            left: actions,
            unruly: false,
        }
    }

    /// Does something; false when there is nothing left to do.
    pub(crate) fn act(&mut self, world: &mut World) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let random = &mut world.random;
        match random.below(if self.unruly { 12 } else { 5 }) {
            0..4 => {
                let name = random.pick(&NAMES);
                let facts = wish(random, name, self.unruly);
                world.put_service(facts, self.unruly);
            }
            4 | 5 => {
                let key = support::key(random.pick(&NAMES));
                world.delete_service(&key);
            }
            6 => {
                let pools = pools(random);
                world.set_pools(pools);
            }
            7 => {
                let name = random.pick(&["a", "b"]);
                let fence = fence(random);
                world.put_namespace(namespace(name, labels(&[("tier", "x")]), fence));
            }
            8 => {
                let (pool, name) = (random.pick(&["p0", "p1"]), random.pick(&["a/front", "b/front"]));
                let entry = random.percent(50).then(|| random.pick(&["10.0.0.1", "10.0.1.2"]));
                world.edit_reservations(pool, name, entry);
            }
            9 => world.start_another(),
            10 => world.crash_one(),
            _ => world.break_watch(),
        }
        true
    }
}

pub(crate) fn first_pools() -> Vec<Pool> {
    vec![
        pool("p0", &["10.0.0.0/30", "fd00::/126"]),
        pool("p1", &["10.0.1.0/30"]),
    ]
}

fn pools(random: &mut Random) -> Vec<Pool> {
    let mut pools = vec![pool(
        "p0",
        random.pick(&[&["10.0.0.0/30", "fd00::/126"][..], &["10.0.0.0/31"]]),
    )];
    if random.percent(80) {
        pools.push(pool(random.pick(&["p1", "renamed"]), &["10.0.1.0/30"]));
    }
    if random.percent(30) {
        let last = pools.remove(0);
        pools.push(resting(last, Duration::from_secs(5)));
    }
    if random.percent(20) {
        let last = pools.remove(0);
        pools.push(at_most(last, 2));
    }
    pools
}

fn fence(random: &mut Random) -> Fence {
    match random.below(3) {
        0 => Fence::Pools(["p0".into()].into()),
        1 => Fence::Pools(["p1".into(), "renamed".into()].into()),
        _ => Fence::Open,
    }
}

fn wish(random: &mut Random, name: &str, unruly: bool) -> ServiceFacts {
    let port = 80 + u16::try_from(random.below(3)).expect("a small number");
    let mut facts = service(name).ports(&[tcp(port)]);
    if random.percent(30) {
        facts = facts.sharing(random.pick(&["k", "l"]));
    }
    if random.percent(20) {
        facts = facts.dual(random.pick(&[FamilyPolicy::PreferDualStack, FamilyPolicy::RequireDualStack]));
    }
    if random.percent(25) {
        facts = facts.reserving("front");
    }
    if unruly && random.percent(20) {
        facts = facts.in_pool(random.pick(&["p0", "p1"]));
    } else if unruly && random.percent(10) {
        facts = facts.asking(random.pick(&["10.0.0.1", "10.0.1.2"]));
    }
    facts.is_load_balancer = !unruly || random.percent(93);
    facts
}
