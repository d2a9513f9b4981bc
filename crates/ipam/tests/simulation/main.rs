//! Whole histories in virtual time: an API server, watches that lag, break and repeat themselves, writes that are slow,
//! lost, doubled or whose answers are lost, controllers that crash, restart and overlap, users and administrators who
//! change everything. When all has come to rest, every status says what was decided, nobody waits who could be served, and no
//! two Services are on an address that they may not share.
//!
//! `FERROLB_SIM_SEED=42` replays one seed and prints what happened; `FERROLB_SIM_SEEDS=20000` runs so many instead of a
//! thousand.

#[path = "../model/naive.rs"]
mod naive;
mod process;
mod random;
#[path = "../support/mod.rs"]
mod support;
mod users;
mod world;

use ferrolb_types::Instant;
use random::Random;
use users::Users;
use world::{Crash, CrashPoint, World};

const SEEDS: u64 = 1_000;

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its caller which seeds to run"
)]
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number, not `{text}`")),
    )
}

/// Two controllers at times, everything may go wrong.
fn stormy(seed: u64) -> World {
    let mut world = World::new(Random::new(seed), true);
    world.survivors = if seed.is_multiple_of(2) { 1 } else { 2 };
    world.run(&mut Users::unruly(40));
    world
}

#[test]
fn every_seed_comes_to_rest_in_a_state_that_obeys_the_rules() {
    if let Some(seed) = number("FERROLB_SIM_SEED") {
        let world = stormy(seed);
        println!("{}", world.log.join("\n"));
        assert_eq!(world.faults(), Vec::<String>::new());
        return;
    }
    let failed: Vec<String> = (0..number("FERROLB_SIM_SEEDS").unwrap_or(SEEDS))
        .filter_map(|seed| {
            let faults = stormy(seed).faults();
            (!faults.is_empty()).then(|| format!("FERROLB_SIM_SEED={seed}: {}", faults.join("; ")))
        })
        .collect();
    assert!(
        failed.is_empty(),
        "{} seeds failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
fn a_seed_always_tells_the_same_story() {
    assert_eq!(stormy(7).log, stormy(7).log);
}

/// A controller that crashes at its n-th write, before it is sent or before its answer comes; then another starts.
fn crashing(seed: u64, crash: Option<Crash>) -> World {
    let mut world = World::new(Random::new(seed), false);
    world.crash = crash;
    world.run(&mut Users::calm(12));
    world
}

#[test]
fn a_crash_at_any_write_loses_and_doubles_nothing() {
    let mut crashes = 0;
    for seed in 0..6 {
        let writes = crashing(seed, None).writes;
        for at in 1..=writes {
            for point in [CrashPoint::BeforeSending, CrashPoint::BeforeTheAnswer] {
                let world = crashing(seed, Some(Crash { at, point }));
                let mut faults = world.faults();
                faults.extend(world.moved.iter().map(|moved| format!("moved: {moved}")));
                assert!(world.starts == 2 && world.now > Instant::ZERO);
                assert_eq!(
                    faults,
                    Vec::<String>::new(),
                    "seed {seed}, write {at}, {point:?}\n{}",
                    world.log.join("\n")
                );
                crashes += 1;
            }
        }
    }
    assert!(crashes > 50, "only {crashes} crashes");
}
