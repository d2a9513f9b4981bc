//! What is said about the API server: one line per change of state, however many watches there are.

use std::collections::BTreeSet;

use crate::Error;

/// Which watches are without an answer, by kind.
#[derive(Debug, Default)]
pub struct Connection {
    away: BTreeSet<&'static str>,
    /// Those whose cause concerns the kind alone; each has been told by itself.
    refused: BTreeSet<&'static str>,
}

/// Whether an answer concerns one kind and says nothing of the others: not permitted, not installed, or not readable at
/// the server itself, as stored objects whose conversion fails.
#[must_use]
pub fn concerns_kind_alone(error: &Error) -> bool {
    matches!(error.code(), Some(403 | 404 | 500))
}

impl Connection {
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
        if self.away.is_empty() {
            tracing::warn!(
                op = "watch", kind, %error,
                "the API server is away, will keep trying; addresses and announcements stay as they are"
            );
        }
        self.away.insert(kind);
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
        if self.away.remove(kind) && self.away.is_empty() {
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
        let mut connection = Connection::default();
        connection.lost("Node", &Error::Timeout { seconds: 15 });
        connection.lost("Service", &answer(503));
        connection.found("Node");
        assert_eq!(connection.away, ["Service"].into());
        connection.found("Service");
        assert!(connection.away.is_empty());
    }

    #[test]
    fn a_kind_that_may_not_be_read_says_nothing_of_the_server() {
        let mut connection = Connection::default();
        for (kind, code) in [("BGPPeer", 403), ("ConfigurationState", 404), ("BFDProfile", 500)] {
            connection.lost(kind, &answer(code));
        }
        assert!(connection.away.is_empty());
        assert_eq!(connection.refused.len(), 3);
        connection.found("BGPPeer");
        assert_eq!(connection.refused.len(), 2);
    }
}
