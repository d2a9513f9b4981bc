//! Who answers for which address, on whole segments in virtual time.
//!
//! In a segment where all hear each other each address has exactly one owner once a fault has been noticed; in a partition each
//! side has one at most, and all together have one again soon after it has healed. An owner is who answers an ARP request.
//!
//! A failing simulation prints its seed; `FERROLB_SIM_SEED=<seed>` runs it alone, and `FERROLB_SIM_SEEDS=<count>` more of them.

mod death;
mod faults;
mod isolation;
mod large;
mod partition;
mod restart;

use core::time::Duration;

use ferrolb_sim::SECOND;

/// One that is killed, paused or cut off alone is noticed by its watchers (budget of the issue: 700 ms with five nodes).
const DETECT: Duration = SECOND;
/// When several fail at once and no two watchers of one are left, SWIM decides.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Nodes that gave each other up call each other once a second; whoever gave way to a rival asks again after two.
const HEAL: Duration = Duration::from_secs(5);
/// How long two may answer where all frames get through: a burst.
const BURST: Duration = Duration::from_secs(5);
