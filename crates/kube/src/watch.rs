//! All objects of a kind, as changes.
//!
//! A watch lists in pages and then follows; it never ends. What it reports is a keyed difference: an object is reported
//! again only if its version is another one, and a list after an interruption reports what vanished meanwhile.
//!
//! ```text
//!        ┌──────────── 410, ERROR ─────────────┐
//!        ▼                                     │
//!   List page by page ──▶ Open at version ──▶ Read lines ──┐   list done:   Synced (once), vanished as Deleted
//!     │ ▲                   │ ▲                 │          │   first failure: Away     next success: Back
//!     └─┘ failure: pause    └─┘ failure: pause  └──────────┘   end, silence: open again at the last version
//! ```
//!
//! What may be listed and not watched is listed once a minute.
//!
//! Watches are short (30 to 45 s) since a connection that died silently is noticed only at the end of one.

mod index;
mod watcher;

use core::time::Duration;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use kube::Client;

use ferrolb_api::{Object, Problem};
use ferrolb_types::{NamespaceName, ObjectKey};

use crate::Error;

/// What to watch.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only this namespace; all if absent.
    pub namespace: Option<NamespaceName>,
    /// Only objects whose labels match, as `kubectl -l` takes it.
    pub labels: Option<String>,
    /// Only objects whose fields match, as `kubectl --field-selector` takes it.
    pub fields: Option<String>,
    /// Objects per page of a list.
    pub page_size: u32,
    /// Least length of one watch; up to a half more is added at random.
    pub watch_time: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: None,
            labels: None,
            fields: None,
            page_size: 200,
            watch_time: Duration::from_secs(30),
        }
    }
}

impl Options {
    /// Everything in `namespace`.
    #[must_use]
    pub fn in_namespace(namespace: NamespaceName) -> Self {
        Self {
            namespace: Some(namespace),
            ..Self::default()
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Change<T> {
    /// An object exists and looks like this.
    Applied(T),
    /// An object is gone.
    Deleted(ObjectKey),
    /// An object exists, but cannot be read as its kind. Its last readable version, if there was one, was reported.
    Malformed {
        /// The object.
        key: ObjectKey,
        /// Its UID.
        uid: Box<str>,
        /// Field and expectation.
        problem: Box<Problem>,
    },
    /// Everything that existed at the start has been reported. Once.
    Synced,
    /// The API server does not answer, or does not permit this. Reported once until [`Change::Back`].
    Away {
        /// The first failure.
        error: Arc<Error>,
    },
    /// It does again. What changed meanwhile follows.
    Back,
}

/// Changes of the objects of kind `T`, for ever. Dropping the stream ends the watch; waiting for the next change can be
/// broken off and taken up again without loss.
pub fn watch<T: Object>(client: Client, options: Options) -> BoxStream<'static, Change<T>> {
    let watcher = watcher::Watcher::new(client, options);
    stream::unfold(watcher, |mut watcher| async {
        let change = watcher.next().await;
        Some((change, watcher))
    })
    .boxed()
}

#[cfg(test)]
mod tests;
