//! Fast mutual watching: what is known beside the membership.
//!
//! ```text
//!   ring: nodes that offer it, by a hash of their names
//!
//!     … ── a ── b ── c ── D ── e ── f ── g ── …      D and its nearest three on each side watch each other
//!
//!   a watcher does not hear D for 450 ms ─▶ asks it, and others for it, three times in 150 ms
//!      ├─ an answer: only the path between the two is broken; asks again every second
//!      └─ none: tells all members its word "silent", again and again
//!   two such words, or one that nobody contradicts for 300 ms ─▶ D is out for elections
//!   D is heard, or answers: the word is withdrawn; no word left ─▶ D is in again
//! ```
//!
//! Whoever is told "silent" about a node that it has a session with either hears that node, and contradicts, or asks it at once.
//!
//! Those that are out do not watch. Others take their place, and ask at once rather than after 450 ms; whoever accuses a node does
//! so before all have agreed that it is out. So several that die together are found in waves of 150 ms, from both ends of a gap:
//!
//! ```text
//!     … ── a ── b ── c ── X ── X ── X ── X ── X ── X ── X ── X ── m ── n ── …           X died at one time
//!                    c ─ 600 ms ──┘    │    │          │
//!                    c ─ 750 ms: the next three, and as many ahead as were just found silent (at most 16 at a time)
//! ```
//!
//! A node that hears nobody cannot tell whether all have died or its own cable is pulled; it looks for others in the same waves, and
//! says nothing before it hears one, or has heard none for two seconds.
//!
//! Watchers have a BFD session, whose packets travel as user messages. The membership itself is not touched: SWIM decides whether
//! the node has failed.

pub(crate) mod company;
pub(crate) mod judgement;
pub(crate) mod message;
pub(crate) mod own;
pub(crate) mod ring;
pub(crate) mod verdict;

use core::num::{NonZeroU8, NonZeroU32};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_bfd::Config;
use ferrolb_types::Instant;

use crate::members::NodeId;
use crate::meta::Life;
use company::Company;
use judgement::Judgements;
use own::OwnWords;
use ring::{Ring, Standing};
use verdict::Ground;

/// How often a BFD packet is sent.
pub(crate) const INTERVAL: Duration = Duration::from_millis(150);
/// So many missing packets are silence.
const DETECT_MULTIPLIER: NonZeroU8 = NonZeroU8::new(3).expect("3 is not zero");
/// How long a node whose session is not up may be silent before it is asked: as long as one with a session. One that has just been
/// met may not know this node yet, but answers a question.
pub(crate) const SILENCE: Duration = Duration::from_millis(450);
/// A node that was heard so lately is there, for whoever is told that it is not: one packet may be missing.
pub(crate) const HEARD_LATELY: Duration = Duration::from_millis(300);
/// How often a silent node is asked before it is judged, and the time between two questions.
pub(crate) const QUESTIONS: u8 = 3;
pub(crate) const QUESTION_INTERVAL: Duration = Duration::from_millis(50);
/// How often a node is asked again that answers and whose session does not come up, or that is silent.
const RECHECK: Duration = Duration::from_secs(1);
/// So many answers of a node whose session is not up may come before it counts as reachable only through others.
pub(crate) const ANSWERS_BEFORE_SESSION: u8 = 3;
/// Silent nodes that are asked in a second, and called in an interval of the sessions; more of them take turns.
const RECHECKS: u32 = 16;
const CALLS: u32 = 8;
/// When a judgement that is not told again is forgotten.
pub(crate) const EXPIRY: Duration = Duration::from_secs(7);
/// The same of one whose watcher was out, and is in again: it is told again every two seconds.
pub(crate) const CONFIRMED_WITHIN: Duration = Duration::from_millis(2500);
/// Sessions with nodes that see this one as their neighbour although it does not: the ring looks different for a while.
pub(crate) const GUESTS_MAX: usize = 32;

/// Both ends are known to speak it, so it may start fast; the sessions replace a second's silence after each loss.
pub(crate) const fn session_config() -> Config {
    Config {
        desired_min_tx: INTERVAL,
        required_min_rx: INTERVAL,
        detect_multiplier: DETECT_MULTIPLIER,
        slow_tx: INTERVAL,
        passive: false,
    }
}

/// Everything about fast watching.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) enabled: bool,
    pub(crate) ring: Ring,
    pub(crate) neighbours: BTreeMap<NodeId, Neighbour>,
    /// Whose session a discriminator of ours names.
    pub(crate) discriminators: BTreeMap<NonZeroU32, NodeId>,
    last_discriminator: NonZeroU32,
    pub(crate) judgements: Judgements,
    /// What this node says; also of nodes that it does not watch any more.
    pub(crate) own: OwnWords,
    /// Out for elections, and why.
    pub(crate) out: BTreeMap<NodeId, Ground>,
    /// About whom something new was said.
    pub(crate) undecided: BTreeSet<NodeId>,
    /// Whom this node watches may have changed.
    pub(crate) is_ring_stale: bool,
    pub(crate) company: Company,
    /// Open questions to silent nodes.
    pub(crate) questions: BTreeMap<u32, NodeId>,
    /// Of this node's last word, in this life.
    pub(crate) serial: u32,
    pub(crate) life: Life,
}

/// A node that this one has a session with.
#[derive(Debug)]
pub(crate) struct Neighbour {
    pub(crate) session: ferrolb_bfd::Session,
    /// It is a neighbour on our ring, and judged; else it believes that it is one, and only has a session.
    pub(crate) on_ring: bool,
    /// Questions asked since it fell silent.
    pub(crate) asked: u8,
    /// Answers since something came over the session.
    pub(crate) answered: u8,
    /// When it was last heard, itself or through others.
    pub(crate) heard: Option<Instant>,
    /// While it is silent, nothing is sent over the session before.
    pub(crate) next_call: Instant,
}

impl Watch {
    pub(crate) fn new(this: NodeId, name: &str, enabled: bool, life: Life) -> Self {
        let mut ring = Ring::default();
        if enabled {
            ring.insert(this, name);
        }
        Self {
            enabled,
            ring,
            neighbours: BTreeMap::new(),
            discriminators: BTreeMap::new(),
            last_discriminator: NonZeroU32::MIN,
            judgements: Judgements::default(),
            own: OwnWords::default(),
            out: BTreeMap::new(),
            undecided: BTreeSet::new(),
            is_ring_stale: false,
            company: Company::default(),
            questions: BTreeMap::new(),
            serial: 0,
            life,
        }
    }

    pub(crate) fn standing(&self, id: NodeId) -> Standing {
        if self.out.contains_key(&id) {
            Standing::Out
        } else if self.own.is_silent(id) {
            Standing::Accused
        } else {
            Standing::In
        }
    }

    /// How many could hear `id` or not, as far as known: nodes of the ring that are in, without it.
    pub(crate) fn others_in(&self, id: NodeId) -> usize {
        let itself = self.ring.contains(id) && !self.out.contains_key(&id);
        let in_ring = self.ring.len().saturating_sub(self.out.len());
        in_ring.saturating_sub(usize::from(itself))
    }

    /// Whether the words of `watcher` count, for `this` node.
    pub(crate) fn counts(&self, watcher: NodeId, this: NodeId) -> bool {
        watcher == this || !self.out.contains_key(&watcher)
    }

    /// Whether somebody else may believe that `id` is not there.
    pub(crate) fn is_missed(&self, id: NodeId, this: NodeId) -> bool {
        let counts = |watcher| watcher != this && self.counts(watcher, this);
        self.out.contains_key(&id) || self.judgements.is_accused(id, counts)
    }

    /// When to ask a silent node again: of a few each every second, of many all in turn.
    pub(crate) fn recheck_interval(&self) -> Duration {
        RECHECK * self.turns(RECHECKS)
    }

    /// When to send to a silent node over its session again.
    pub(crate) fn call_interval(&self) -> Duration {
        INTERVAL * self.turns(CALLS)
    }

    fn turns(&self, at_once: u32) -> u32 {
        let silent = u32::try_from(self.own.silent_count()).unwrap_or(u32::MAX);
        silent.div_ceil(at_once).max(1)
    }

    pub(crate) fn new_discriminator(&mut self, id: NodeId, random: u64) -> NonZeroU32 {
        // Begins anywhere, so that packets for an earlier life of this process name no session.
        if self.discriminators.is_empty() {
            let bits = u32::try_from(random >> 32).unwrap_or(1);
            self.last_discriminator = NonZeroU32::new(bits).unwrap_or(NonZeroU32::MIN);
        }
        loop {
            let next = self.last_discriminator.checked_add(1);
            self.last_discriminator = next.unwrap_or(NonZeroU32::MIN);
            if !self.discriminators.contains_key(&self.last_discriminator) {
                self.discriminators.insert(self.last_discriminator, id);
                return self.last_discriminator;
            }
        }
    }
}
