//! What is said about the API server: one line per change of state of a process, however many watches it has.
//!
//! ```text
//!   Connection, one per process ◀── Watches of the feed, of the webhooks' certificates, of each writer
//!   how many watches are without an answer      which ones, by kind
//! ```

use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::Error;

/// A process and its API server. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Watches of all parts that are without an answer.
    away: Arc<AtomicUsize>,
}

/// Which watches of one part of a process are without an answer, by kind.
#[derive(Debug, Default)]
pub struct Watches {
    connection: Connection,
    away: BTreeSet<&'static str>,
    /// Those whose cause concerns the kind alone; each has been told by itself.
    refused: BTreeSet<&'static str>,
}

impl Connection {
    /// For one more part of the process.
    #[must_use]
    pub fn watches(&self) -> Watches {
        Watches {
            connection: self.clone(),
            away: BTreeSet::new(),
            refused: BTreeSet::new(),
        }
    }

    /// Whether this is the first watch that is lost.
    fn lose(&self) -> bool {
        self.away.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Whether this was the last watch that was lost.
    fn regain(&self, watches: usize) -> bool {
        self.away.fetch_sub(watches, Ordering::Relaxed) == watches
    }
}

/// A part that ends does not wait for the API server any more.
impl Drop for Watches {
    fn drop(&mut self) {
        self.connection.regain(self.away.len());
    }
}

/// Whether an answer concerns one kind and says nothing of the others: not permitted, not installed, or not readable at
/// the server itself, as stored objects whose conversion fails.
#[must_use]
pub fn concerns_kind_alone(error: &Error) -> bool {
    matches!(error.code(), Some(403 | 404 | 500))
}

impl Watches {
    /// The watch of a kind has lost the API server.
    pub fn lost(&mut self, kind: &'static str, error: &Error) {
        if concerns_kind_alone(error) {
            self.refused.insert(kind);
            tracing::warn!(
                op = "watch", kind, %error,
                "cannot follow objects of this kind; what depends on them is left out or late until that succeeds"
            );
            return;
        }
        if self.away.insert(kind) && self.connection.lose() {
            tracing::warn!(
                op = "watch", kind, %error,
                "the API server is away, will keep trying; addresses and announcements stay as they are"
            );
        }
    }

    /// Whether some watch is without an answer, though the kind could be read.
    #[must_use]
    pub fn is_away(&self) -> bool {
        !self.away.is_empty()
    }

    /// The watch of a kind has found it again.
    pub fn found(&mut self, kind: &'static str) {
        if self.refused.remove(kind) {
            tracing::info!(op = "watch", kind, "objects of this kind can be followed now");
        }
        if self.away.remove(kind) && self.connection.regain(1) {
            tracing::info!(op = "watch", "the API server is back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16) -> Error {
        Error::Api {
            code,
            reason: String::new(),
            message: String::new(),
        }
    }

    #[test]
    fn the_server_is_away_from_the_first_watch_lost_until_the_last_one_found() {
        let mut watches = Watches::default();
        watches.lost("Node", &Error::Timeout { seconds: 15 });
        watches.lost("Service", &answer(503));
        watches.found("Node");
        assert_eq!(watches.away, ["Service"].into());
        watches.found("Service");
        assert!(!watches.is_away());
    }

    #[test]
    fn the_watches_of_all_parts_count_as_one_and_those_of_a_part_that_ends_no_more() {
        let connection = Connection::default();
        let away = || connection.away.load(Ordering::Relaxed);
        let (mut feed, mut keeper) = (connection.watches(), connection.watches());
        feed.lost("Service", &answer(503));
        feed.lost("Service", &answer(503));
        keeper.lost("Secret", &answer(503));
        assert_eq!((away(), feed.is_away(), keeper.is_away()), (2, true, true));
        feed.found("Service");
        feed.found("Node");
        assert_eq!((away(), feed.is_away()), (1, false));
        drop(keeper);
        assert_eq!(away(), 0);
    }

    #[test]
    fn a_kind_that_may_not_be_read_says_nothing_of_the_server() {
        let mut watches = Watches::default();
        for (kind, code) in [("BGPPeer", 403), ("ConfigurationState", 404), ("BFDProfile", 500)] {
            watches.lost(kind, &answer(code));
        }
        assert!(watches.away.is_empty());
        assert_eq!(watches.refused.len(), 3);
        watches.found("BGPPeer");
        assert_eq!(watches.refused.len(), 2);
    }
}
