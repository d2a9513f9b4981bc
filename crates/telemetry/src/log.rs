//! Logs: one line per event, as JSON in the schema of `operations.md` 7.1 or as text for a terminal.
//!
//! Keys of the JSON form are in alphabetical order; `caller` (`file:line`), `level`, `msg` and `ts` (RFC 3339, whole
//! seconds, UTC) are on every line, the event's own fields lie flat between them. A field that an event sets twice
//! keeps the last value. Errors are written as text, with their causes.
//!
//! Lines go through a bounded queue to a thread of their own: whoever logs never waits for the output. What does not
//! fit is dropped and counted, and the count is logged.

mod format;
mod layer;
mod level;
mod output;

use std::io;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Registry, reload};

pub use format::Format;
pub use level::{Level, LevelHandle, UnknownLevel};
pub use output::Guard;

use crate::WallClock;

/// How to log.
pub struct Options {
    /// JSON or text.
    pub format: Format,
    /// What is logged at first; [`LevelHandle`] changes it.
    pub level: Level,
    /// Where lines go.
    pub writer: Box<dyn io::Write + Send>,
    /// Time of the lines.
    pub clock: WallClock,
}

/// Why logging cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another part of the process has set up logging.
    #[error("logging is already set up in this process")]
    AlreadySet,
    /// No thread for the writer.
    #[error("cannot start the thread that writes the log")]
    Thread(#[source] io::Error),
}

/// Makes everything that the process logs go where `options` say. Lines that are queued when the guard is dropped are
/// still written.
///
/// # Errors
/// When logging has been set up before, or no thread can be started.
pub fn init(options: Options) -> Result<(LevelHandle, Guard), Error> {
    let (subscriber, handle, guard) = subscriber(options)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Error::AlreadySet)?;
    Ok((handle, guard))
}

/// The subscriber that [`init`] installs for the process; tests install it for a scope.
///
/// # Errors
/// When no thread can be started.
pub fn subscriber(
    options: Options,
) -> Result<(impl tracing::Subscriber + Send + Sync, LevelHandle, Guard), Error> {
    let (output, guard) = output::start(options.writer).map_err(Error::Thread)?;
    let (filter, reload) = reload::Layer::new(options.level.filter());
    let handle = LevelHandle::new(options.level, reload);
    let lines = layer::Layer::new(options.format, options.clock, output);
    Ok((Registry::default().with(filter).with(lines), handle, guard))
}

#[cfg(test)]
mod tests;
