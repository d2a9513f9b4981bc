//! Several candidates with clocks of their own, a store that is slow or silent, and processes that are stopped.
//!
//! What is checked at every step, in true time: while one may have a write under way, no other may; and whatever the store
//! accepts within its time-out was written by the only one who may.

mod clock;
mod world;

use core::time::Duration;

use ferrolb_lease::Config;
use ferrolb_types::Instant;

use clock::SLOWEST;
use world::World;

const SEEDS: core::ops::Range<u64> = 0..1000;
const FAULTY: Instant = Instant::from_millis(300_000);
const MS: Duration = Duration::from_millis(1);

/// Names the seed of a run that fails.
struct TellSeed(u64);

impl Drop for TellSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {0}: FERROLB_SIM_SEED={0} runs it again", self.0);
        }
    }
}

fn seeds() -> Vec<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a developer names the seed to run again"
    )]
    let named = std::env::var("FERROLB_SIM_SEED").ok();
    match named {
        Some(seed) => vec![seed.parse().expect("FERROLB_SIM_SEED is a number")],
        None => SEEDS.collect(),
    }
}

#[test]
fn never_two_write_at_once_and_somebody_leads_again_when_the_faults_end() {
    let (mut terms, mut accepted, mut overslept, mut meanwhile) = (0, 0, 0, 0);
    for seed in seeds() {
        let told = TellSeed(seed);
        let mut world = World::new(seed);
        world.run_until(FAULTY);
        world.is_faulty = false;
        // Messages of the faulty time take 20 s at most, a stopped process goes on after 40 s; then the Lease expires and the
        // longest pause of a candidate passes, by the slowest clock.
        let config = Config::default();
        let bound = (config.lease_duration + config.renew_deadline / 2 + config.retry_period * 22 / 10)
            * 1000
            / SLOWEST;
        world.run_until(FAULTY + MS * 60_000 + bound);
        assert_eq!(world.writers().len(), 1, "somebody leads");
        terms += world.led.values().sum::<u32>();
        accepted += world.accepted;
        overslept += world.overslept;
        meanwhile += world.accepted_meanwhile;
        drop(told);
    }
    println!(
        "{terms} terms, {accepted} writes, {meanwhile} of them from a process that is stopped; \
         {overslept} leaders stopped for longer than the Lease"
    );
    assert!(terms > 0 && accepted > 0 && meanwhile > 0 && overslept > 0);
}

#[test]
fn without_faults_the_first_leader_stays_and_a_leaver_is_followed_at_once() {
    for seed in SEEDS.take(50) {
        let mut world = World::new(seed);
        world.is_faulty = false;
        world.run_until(FAULTY);
        assert_eq!(world.led.values().sum::<u32>(), 1, "seed {seed}");
        let leader = world.writers()[0];
        world.leave(leader);
        world.run_until(FAULTY + MS * 500);
        let next = world.writers();
        assert!(next.len() == 1 && next[0] != leader, "seed {seed}: {next:?}");
    }
}
