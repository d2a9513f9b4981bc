//! Whether the API server answers: one line for each change, however many watches notice it.

use std::collections::BTreeSet;

use ferrolb_kube::Error;

/// HTTP status of a request that the role does not permit.
const FORBIDDEN: u16 = 403;

/// Kinds whose watch does not get through.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    away: BTreeSet<&'static str>,
}

impl Connection {
    /// A watch failed. Something that is not permitted concerns its own kind; anything else the whole server.
    pub(crate) fn lose(&mut self, kind: &'static str, error: &Error) {
        let first = self.away.is_empty();
        self.away.insert(kind);
        if error.code() == Some(FORBIDDEN) {
            tracing::error!(op = "watch", kind, %error, "not permitted to watch; extend the role of the ServiceAccount");
        } else if first {
            tracing::warn!(op = "watch", kind, %error, "the API server does not answer; what is announced stays");
        }
    }

    /// A watch works again.
    pub(crate) fn regain(&mut self, kind: &'static str) {
        self.away.remove(kind);
        if self.away.is_empty() {
            tracing::info!(op = "watch", "the API server answers again");
        }
    }
}
