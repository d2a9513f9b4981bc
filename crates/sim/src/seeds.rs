//! Scenarios that are run for many seeds.

/// Runs `scenario` for each of `seeds`; the environment variable `FERROLB_SIM_SEED` names a single one, `FERROLB_SIM_SEEDS` how
/// many. The seed of a scenario that fails is printed.
pub fn with_seeds(seeds: core::ops::Range<u64>, scenario: impl Fn(u64)) {
    let seeds = match (asked("FERROLB_SIM_SEED"), asked("FERROLB_SIM_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(count)) => seeds.start..count,
        (None, None) => seeds,
    };
    for seed in seeds {
        let told = TellSeed(seed);
        scenario(seed);
        drop(told);
    }
}

fn asked(variable: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a developer names the seed to run again, or asks for more"
    )]
    let named = std::env::var(variable).ok()?;
    Some(named.parse().expect("a number of a seed, or of seeds"))
}

struct TellSeed(u64);

impl Drop for TellSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {0}: FERROLB_SIM_SEED={0} runs it again", self.0);
        }
    }
}
