//! Whole speakers on a virtual segment in virtual time: the machines of `gossip`, `plan`, `l2` and `claim`, put together as the
//! speaker does it, on a network that loses, delays and cuts, with a control plane that may be away.
//!
//! What it is not: it is no second speaker. What is decided is decided by the machines; [`Node`] only carries between them what
//! `ferrolb-speaker` carries, and the [`Segment`] what sockets would.
//!
//! ```text
//!                 ┌──────────────── Node, one for each speaker ───────────────┐
//!   ControlPlane ─┼─ facts ──▶ plan ── Announce, Withdraw ──▶ l2 ── frames ───┼──┐
//!        │        │             ▲                              │ rivals         │  │
//!        └─ pods ─┼─▶ claim ────┤ members                      ▼                │  ▼
//!                 │   (Gate)  gossip ◀────────────── claim (Rivals, Isolation)  │ Segment: clock, loss, delay, cuts
//!                 └──────────────┼───────────────────────────────────────────── ┘  ▲
//!                                └────────── datagrams, streams ───────────────────┘
//! ```
//!
//! Who owns an address is judged from outside: every node is asked by ARP, and who answers owns it ([`Segment::owners`]). How
//! long none or two answered is kept in [`Record`].
//!
//! ```
//! use ferrolb_sim::{SECOND, Segment, Setting};
//!
//! let mut segment = Segment::new(3, Setting::default(), 1);
//! segment.run(2 * SECOND);
//! assert!(segment.owners().iter().all(|owners| owners.len() == 1));
//! segment.kill(0);
//! segment.run(SECOND);
//! assert!(segment.owners().iter().all(|owners| owners.len() == 1 && owners[0] != 0));
//! ```

mod control;
mod network;
mod node;
mod owners;
mod queue;
mod segment;

use core::time::Duration;

pub use control::ControlPlane;
pub use network::Weather;
pub use node::{Node, Setting};
pub use owners::Record;
pub use segment::Segment;

/// A millisecond.
pub const MS: Duration = Duration::from_millis(1);
/// A second.
pub const SECOND: Duration = Duration::from_secs(1);

/// Runs `scenario` for each of `seeds`; the environment variable `FERROLB_SIM_SEED` names a single one, `FERROLB_SIM_SEEDS` how
/// many. The seed of a scenario that fails is printed.
pub fn with_seeds(seeds: core::ops::Range<u64>, scenario: impl Fn(u64)) {
    let seeds = match (asked("FERROLB_SIM_SEED"), asked("FERROLB_SIM_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, Some(count)) => (seeds.start..count).collect::<Vec<_>>(),
        (None, None) => seeds.collect(),
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
