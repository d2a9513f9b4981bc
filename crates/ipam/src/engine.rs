//! The machine: events in, effects out.

use core::net::IpAddr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use ferrolb_types::{Instant, ObjectKey, PoolName};

use crate::effect::Effect;
use crate::event::Event;
use crate::outcome::Outcome;
use crate::reason::Reason;
use crate::usage::PoolUsage;

/// What the command line decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// `--lb-class`; empty: Services without a class (controller 3.4).
    pub class: Box<str>,
    /// `--strict-requests`: as in the reference, a changed request that cannot be met costs the address, and so does
    /// the absence of every pool.
    pub strict_requests: bool,
}

/// Decides which Service holds which addresses.
#[derive(Debug)]
pub struct Engine {
    options: Options,
}

impl Engine {
    /// An engine that knows nothing and decides nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// Takes in `event` and appends what is to be done to `out`.
    pub fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Effect>) {
        let _ = (now, event, out);
    }

    /// When to call with [`Event::Tick`], if at all.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// The options it was made with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Whether decisions are being made: pools are known and [`Event::Synced`] came.
    #[must_use]
    pub fn is_started(&self) -> bool {
        false
    }

    /// What became of a Service; none for one that never concerned the engine.
    #[must_use]
    pub fn outcome(&self, key: &ObjectKey) -> Option<Outcome> {
        let _ = key;
        None
    }

    /// All Services that concern the engine, by key.
    #[must_use]
    pub fn outcomes(&self) -> BTreeMap<ObjectKey, Outcome> {
        BTreeMap::new()
    }

    /// The Services that hold `addr`, sorted.
    #[must_use]
    pub fn holders(&self, addr: IpAddr) -> Vec<ObjectKey> {
        let _ = addr;
        Vec::new()
    }

    /// Counters of every pool, by name.
    pub fn usage(&self) -> impl Iterator<Item = (&PoolName, PoolUsage)> {
        core::iter::empty()
    }

    /// How many Services wait without an address, by reason.
    #[must_use]
    pub fn waiting(&self) -> BTreeMap<Reason, usize> {
        BTreeMap::new()
    }
}
