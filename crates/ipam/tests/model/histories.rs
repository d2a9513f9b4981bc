//! What may happen, at random: to the objects, to the controllers, and in the end.

use ferrolb_ipam::WriteOutcome;
use proptest::prelude::*;

use crate::controller::Delivery;
use crate::specs::{NAMES, NAMESPACES, POOLS, PoolsSpec, Spec, pools_spec, spec};

/// One thing that happens to the objects.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Apply(usize, Spec),
    Delete(usize),
    /// Somebody else writes a status, and with `true` removes the pool annotation.
    Edit(usize, Vec<usize>, bool),
    Pools(PoolsSpec),
    /// Labels and fence of a Namespace; none deletes it.
    Namespace(usize, Option<(bool, u8)>),
    /// An entry of the reservations of a pool is added or removed.
    Reservations(usize, u8, Option<usize>),
}

/// One thing that happens to a controller.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    Show(usize),
    ShowPools,
    ShowPool(usize),
    ShowNamespace(usize),
    /// A watch shows how something was some versions ago, also after it has shown what came later.
    ShowOld(usize, usize),
    ShowOldPools(usize),
    ShowOldList(usize, usize),
    ShowOldNamespace(usize, usize),
    /// The API server executes a write; with `true` it comes once more later.
    Execute(usize, bool),
    Answer(usize, Delivery),
    /// A write fails without having been executed.
    Fail(usize, WriteOutcome),
    /// Reservations are written.
    Record(usize),
    Tick,
    /// A new process takes over; with `true` it finds no pools at first.
    Restart(bool),
}

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Change(Change),
    Controller(usize, Happening),
}

fn change() -> impl Strategy<Value = Change> {
    let name = || 0..NAMES.len();
    let pool = || 0..POOLS.len();
    let addresses = prop::collection::vec(0usize..14, 0..3);
    let namespace = prop::option::weighted(0.8, (any::<bool>(), 0u8..16));
    prop_oneof![
        8 => (name(), spec()).prop_map(|(n, s)| Change::Apply(n, s)),
        2 => name().prop_map(Change::Delete),
        1 => (name(), addresses, any::<bool>()).prop_map(|(n, a, f)| Change::Edit(n, a, f)),
        2 => pools_spec().prop_map(Change::Pools),
        1 => (0..NAMESPACES.len(), namespace).prop_map(|(n, s)| Change::Namespace(n, s)),
        1 => (pool(), 0u8..6, prop::option::of(0usize..14)).prop_map(|(p, k, a)| Change::Reservations(p, k, a)),
    ]
}

/// What a watch shows in order.
fn orderly() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => (0..NAMES.len()).prop_map(Happening::Show),
        3 => Just(Happening::ShowPools),
        2 => (0..POOLS.len()).prop_map(Happening::ShowPool),
        2 => (0..NAMESPACES.len()).prop_map(Happening::ShowNamespace),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let name = || 0..NAMES.len();
    let pool = || 0..POOLS.len();
    let delivery =
        prop_oneof![6 => Just(Delivery::Arrives), 1 => Just(Delivery::Lost), 1 => Just(Delivery::Twice)];
    let message = "forbidden".into();
    let failure = prop_oneof![
        Just(WriteOutcome::Failed),
        Just(WriteOutcome::Conflict),
        Just(WriteOutcome::Refused { message }),
    ];
    prop_oneof![
        15 => orderly(),
        1 => (name(), 0usize..8).prop_map(|(n, back)| Happening::ShowOld(n, back)),
        1 => (1usize..4).prop_map(Happening::ShowOldPools),
        1 => (pool(), 1usize..4).prop_map(|(p, back)| Happening::ShowOldList(p, back)),
        1 => (0..NAMESPACES.len(), 1usize..4).prop_map(|(n, back)| Happening::ShowOldNamespace(n, back)),
        6 => (0usize..4, prop::bool::weighted(0.1)).prop_map(|(n, again)| Happening::Execute(n, again)),
        5 => (0usize..4, delivery).prop_map(|(n, how)| Happening::Answer(n, how)),
        1 => (0usize..4, failure).prop_map(|(n, how)| Happening::Fail(n, how)),
        2 => pool().prop_map(Happening::Record),
        1 => Just(Happening::Tick),
        1 => prop::bool::weighted(0.2).prop_map(Happening::Restart),
    ]
}

/// What happens where nothing goes wrong.
fn uneventful() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => orderly(),
        3 => (0usize..4).prop_map(|n| Happening::Execute(n, false)),
        3 => (0usize..4).prop_map(|n| Happening::Answer(n, Delivery::Arrives)),
        1 => Just(Happening::Tick),
    ]
}

/// A while at the end, when users and administrators leave everything alone and nothing is lost: some of what the
/// controllers do in any order, and then the rest of it.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub(crate) mingled: Vec<(usize, Happening)>,
    pub(crate) pace: Pace,
}

/// How the controllers do the rest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// One has written everything before the next one sees anything.
    InTurn,
    /// All see the same, then all write, one write each in turns, then all hear of it.
    Lockstep,
}

pub(crate) fn round() -> impl Strategy<Value = Round> {
    let mingled = prop::collection::vec((0usize..2, uneventful()), 0..12);
    let pace = prop_oneof![Just(Pace::InTurn), Just(Pace::Lockstep)];
    let lockstep = Just(Round {
        mingled: Vec::new(),
        pace: Pace::Lockstep,
    });
    prop_oneof![
        1 => lockstep,
        1 => (mingled, pace).prop_map(|(mingled, pace)| Round { mingled, pace }),
    ]
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => change().prop_map(Op::Change),
        2 => (0usize..2, happening()).prop_map(|(c, h)| Op::Controller(c, h)),
    ]
}
