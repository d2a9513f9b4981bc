//! Records what a machine was told, so that what it did can be looked at again.

use std::io::{self, BufRead, Write};

use ferrolb_types::Instant;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Machine;

/// One line of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry<I> {
    /// When it was told.
    pub now: Instant,
    /// What it was told.
    pub input: I,
}

/// Writes inputs as JSON lines.
#[derive(Debug)]
pub struct Recorder<W>(W);

impl<W: Write> Recorder<W> {
    /// Records into `sink`, which should buffer.
    pub const fn new(sink: W) -> Self {
        Self(sink)
    }

    /// Appends one line.
    ///
    /// # Errors
    /// When the sink fails.
    pub fn record<I: Serialize>(&mut self, now: Instant, input: &I) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, &Entry { now, input })?;
        self.0.write_all(b"\n")
    }
}

/// Why a record cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The record cannot be read.
    #[error("cannot read line {line} of the record: {source}")]
    Read {
        /// Counted from 1.
        line: usize,
        /// The cause.
        source: io::Error,
    },
    /// A line is no input of this machine.
    #[error("line {line} of the record is no input of this machine: {source}")]
    Decode {
        /// Counted from 1.
        line: usize,
        /// The cause.
        source: serde_json::Error,
    },
}

/// Tells `machine` everything in `record` again and returns what it asks for, with the times.
///
/// # Errors
/// [`ReplayError`] with the line that cannot be used.
pub fn replay<M>(machine: &mut M, record: impl BufRead) -> Result<Vec<(Instant, M::Output)>, ReplayError>
where
    M: Machine,
    M::Input: DeserializeOwned,
{
    let (mut said, mut out) = (Vec::new(), Vec::new());
    for (line, text) in (1..).zip(record.lines()) {
        let text = text.map_err(|source| ReplayError::Read { line, source })?;
        let entry: Entry<M::Input> =
            serde_json::from_str(&text).map_err(|source| ReplayError::Decode { line, source })?;
        machine.handle(entry.now, entry.input, &mut out);
        said.extend(out.drain(..).map(|output| (entry.now, output)));
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums up.
    #[derive(Default)]
    struct Sum(u64);

    impl Machine for Sum {
        type Input = u64;
        type Output = u64;
        const TICK: u64 = 0;

        fn handle(&mut self, _: Instant, input: u64, out: &mut Vec<u64>) {
            self.0 += input;
            out.push(self.0);
        }

        fn next_deadline(&self) -> Option<Instant> {
            None
        }
    }

    #[test]
    fn a_replay_repeats_what_was_said() {
        let mut record = Vec::new();
        let mut recorder = Recorder::new(&mut record);
        recorder.record(Instant::from_millis(1), &3u64).unwrap();
        recorder.record(Instant::from_millis(2), &4u64).unwrap();
        let said = replay(&mut Sum::default(), &*record).unwrap();
        assert_eq!(said, [(Instant::from_millis(1), 3), (Instant::from_millis(2), 7)]);
    }

    #[test]
    fn a_broken_line_is_named() {
        let error = replay(&mut Sum::default(), &b"{\"now\":1,\"input\":2}\nnonsense\n"[..]).unwrap_err();
        assert!(error.to_string().starts_with("line 2 "), "{error}");
    }
}
