//! Which lines are written.

use core::fmt;
use core::str::FromStr;
use core::sync::atomic::{AtomicU8, Ordering};
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Registry, reload};

/// Values of `--log-level` (`operations.md` 6.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Everything, the libraries' details too.
    All,
    /// Every decision.
    Debug,
    /// What an operator acts on.
    #[default]
    Info,
    /// What may need an operator.
    Warn,
    /// What does need one.
    Error,
    /// Nothing.
    None,
}

/// All levels with their names, from most to least.
const NAMES: [(Level, &str); 6] = [
    (Level::All, "all"),
    (Level::Debug, "debug"),
    (Level::Info, "info"),
    (Level::Warn, "warn"),
    (Level::Error, "error"),
    (Level::None, "none"),
];

impl Level {
    /// The level's name, as the flag takes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// The project's own events at this level; those of libraries one step less talkative, as their `debug` and
    /// `info` are about their inner life.
    pub(crate) fn filter(self) -> Targets {
        let (own, libraries) = match self {
            Self::All => (LevelFilter::TRACE, LevelFilter::DEBUG),
            Self::Debug => (LevelFilter::DEBUG, LevelFilter::INFO),
            Self::Info => (LevelFilter::INFO, LevelFilter::WARN),
            Self::Warn => (LevelFilter::WARN, LevelFilter::WARN),
            Self::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
            Self::None => (LevelFilter::OFF, LevelFilter::OFF),
        };
        // The Kubernetes client logs every failed request at `error`; `ferrolb-kube` reports changes of state instead.
        let client = if self == Self::All {
            libraries
        } else {
            LevelFilter::OFF
        };
        Targets::new()
            .with_default(libraries)
            .with_target("ferrolb", own)
            .with_target("kube_client", client)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no log level; use one of `all`, `debug`, `info`, `warn`, `error`, `none`")]
pub struct UnknownLevel(pub String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = NAMES.iter().find(|(_, name)| *name == text);
        known
            .map(|(level, _)| *level)
            .ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}

/// Reads and changes the level of a running process.
#[derive(Clone)]
pub struct LevelHandle {
    current: Arc<AtomicU8>,
    reload: reload::Handle<Targets, Registry>,
}

impl LevelHandle {
    pub(crate) fn new(level: Level, reload: reload::Handle<Targets, Registry>) -> Self {
        Self {
            current: Arc::new(AtomicU8::new(level as u8)),
            reload,
        }
    }

    /// The level in force.
    #[must_use]
    pub fn get(&self) -> Level {
        NAMES[usize::from(self.current.load(Ordering::Relaxed))].0
    }

    /// Puts `level` in force. Does nothing after the subscriber is gone.
    pub fn set(&self, level: Level) {
        if self.reload.reload(level.filter()).is_ok() {
            self.current.store(level as u8, Ordering::Relaxed);
        }
    }
}
