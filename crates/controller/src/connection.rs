//! What is said about the API server: one line per change of state, however many watches there are.

use std::collections::BTreeSet;

use ferrolb_kube::Error;

use crate::allocator::Kind;

/// Which watches are without an answer.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    away: BTreeSet<Kind>,
    /// Those whose cause concerns the kind alone (permission, CRDs); each has been told by itself.
    refused: BTreeSet<Kind>,
}

impl Connection {
    /// A watch has lost the API server.
    pub(crate) fn lost(&mut self, kind: Kind, error: &Error) {
        if matches!(error, Error::Forbidden { .. } | Error::UnknownKind { .. }) {
            self.refused.insert(kind);
            tracing::error!(op = "watch", kind = ?kind, %error, "cannot read objects, will keep trying");
            return;
        }
        if self.away.is_empty() {
            tracing::warn!(op = "watch", %error, "the API server is away, will keep trying; addresses stay as they are");
        }
        self.away.insert(kind);
    }

    /// A watch has found it again.
    pub(crate) fn found(&mut self, kind: Kind) {
        if self.refused.remove(&kind) {
            tracing::info!(op = "watch", kind = ?kind, "objects can be read now");
        }
        if self.away.remove(&kind) && self.away.is_empty() {
            tracing::info!(op = "watch", "the API server is back");
        }
    }
}
