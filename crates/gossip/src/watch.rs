//! Fast mutual watching: what is known beside the membership.
//!
//! ```text
//!   ring: nodes that offer it, by a hash of their names
//!
//!        a ──▶ b ──▶ c ──▶ d ──▶ e ──▶ …      e is watched by its k = 3 successors, and watches its 3 predecessors
//!
//!   a watcher does not hear e for 450 ms ─▶ asks e, and others for it, three times in 150 ms
//!      ├─ an answer: only the path between the two is broken; asks again every second
//!      └─ none: tells all members its judgement "silent", again and again
//!   two judgements, or all where e has fewer watchers ─▶ e is out for elections
//!   e is heard, or answers: the judgement is withdrawn; no judgement left ─▶ e is in again
//! ```
//!
//! Watcher and watched have a BFD session, whose packets travel as user messages. The membership itself is not touched: SWIM
//! decides whether the node has failed.

pub(crate) mod judgement;
pub(crate) mod message;
pub(crate) mod ring;

use core::num::{NonZeroU8, NonZeroU32};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_bfd::Config;
use ferrolb_types::Instant;

use crate::members::NodeId;
use crate::meta::Life;
use judgement::Judgements;
use ring::Ring;

/// Watchers of each node.
pub(crate) const WATCHERS: usize = 3;
/// How often a BFD packet is sent.
pub(crate) const INTERVAL: Duration = Duration::from_millis(150);
/// So many missing packets are silence.
const DETECT_MULTIPLIER: NonZeroU8 = NonZeroU8::new(3).expect("3 is not zero");
/// How long a node whose session is not up may be silent before it is asked: as long as one with a session. One that has just been
/// met may not know this node yet, but answers a question.
pub(crate) const SILENCE: Duration = Duration::from_millis(450);
/// How often a silent node is asked before it is judged, and the time between two questions.
pub(crate) const QUESTIONS: u8 = 3;
pub(crate) const QUESTION_INTERVAL: Duration = Duration::from_millis(50);
/// How often a node whose session is not up is asked again.
pub(crate) const RECHECK: Duration = Duration::from_secs(1);
/// When a judgement is told again after the first time; then every [`RENEW`], because the messages may be lost and nodes join.
pub(crate) const REPEATS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(100)];
pub(crate) const RENEW: Duration = Duration::from_secs(2);
/// When a judgement that is not told again is forgotten.
pub(crate) const EXPIRY: Duration = Duration::from_secs(7);
/// Judgements that put a node out.
pub(crate) const QUORUM: usize = 2;
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
    /// Those of whom this node's last word is that they are silent; also when it does not watch them any more.
    pub(crate) accused: BTreeSet<NodeId>,
    /// Out for elections.
    pub(crate) out: BTreeSet<NodeId>,
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
    /// This node watches it, and judges it. Else it only lets itself be watched.
    pub(crate) watched: bool,
    /// It is a neighbour on our ring; else it believes that it is one.
    pub(crate) on_ring: bool,
    /// Questions asked since it fell silent.
    pub(crate) asked: u8,
    /// When it was last heard, itself or through others.
    pub(crate) heard: Option<Instant>,
    /// What was told about it last.
    pub(crate) told: Option<Told>,
}

/// A judgement that is being told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) silent: bool,
    pub(crate) times: usize,
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
            accused: BTreeSet::new(),
            out: BTreeSet::new(),
            questions: BTreeMap::new(),
            serial: 0,
            life,
        }
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
