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
mod survivors;

use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_sim::{SECOND, Segment};

/// One that is killed, paused or cut off alone is noticed by its watchers (budget of the issue: 700 ms with five nodes).
const DETECT: Duration = SECOND;
/// Any number of up to a hundred that fail at once are noticed by any two that are left.
const MANY: Duration = Duration::from_millis(1600);
/// The only one that is left, or that is cut off, takes everything.
const LAST: Duration = SECOND.saturating_mul(3);
/// When all others are gone from the membership, too.
const GIVE_UP: Duration = Duration::from_secs(60);
/// Nodes that gave each other up call each other once a second; whoever gave way to a rival asks again after two.
const HEAL: Duration = Duration::from_secs(5);
/// How long two may answer where all frames get through: a burst.
const BURST: Duration = Duration::from_secs(5);

/// When `nodes` are all that a node can hear, it notices after so long.
const fn notice(nodes: usize) -> Duration {
    if nodes > 1 { MANY } else { LAST }
}

/// One of `sizes`, each in its turn.
fn size(sizes: &[usize], seed: u64) -> usize {
    let turn = usize::try_from(seed).expect("a small number");
    sizes[turn % sizes.len()]
}

/// `count` different nodes.
fn some(segment: &mut Segment, count: usize) -> BTreeSet<usize> {
    let mut chosen = BTreeSet::new();
    while chosen.len() < count {
        chosen.insert(segment.below(segment.size()));
    }
    chosen
}

/// Heals a segment whose addresses were answered for by `before`.
///
/// # Panics
/// When after a second they are not again, or some had no owner meanwhile, or several for longer than `several`.
#[track_caller]
fn assert_given_back(segment: &mut Segment, before: &[Vec<usize>], several: Duration) {
    segment.heal();
    segment.begin_record();
    segment.run(SECOND);
    assert_eq!(segment.owners(), before);
    let record = segment.record();
    assert!(
        record.none.is_zero() && record.longest_several <= several,
        "{record:?}"
    );
}

/// # Panics
/// When an address does not have exactly one owner among the nodes of `side`.
#[track_caller]
fn assert_one_owner_each_on(segment: &mut Segment, side: impl Fn(usize) -> bool, after: &str) {
    for (address, mut owners) in segment.owners().into_iter().enumerate() {
        owners.retain(|node| side(*node));
        assert!(
            owners.len() == 1,
            "{after}: address {address} is answered for by {owners:?}"
        );
    }
}
