//! ServiceL2Status objects: which node answers for a Service (layer2 section 7).
//!
//! ```text
//!   want(service, interfaces) ──▶ Book ──Due──▶ Writer ──create, patch, delete──▶ API server
//!                                  ▲  ▲             │                                │
//!                                  │  └── result ───┘                                │
//!                                  └───────── watch of all objects ◀─────────────────┘
//! ```
//!
//! Nothing is written that stands there already, nor before the speaker has decided for the first time. The owner of a
//! Service is authoritative: it deletes what others have left. Objects belong to the speaker's Pod and go with it.

mod book;
mod record;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferrolb_types::{InterfaceName, NamespaceName, NodeName, ObjectKey};
use kube::Client;
use tokio::sync::Notify;

use crate::connection::Watches;

pub use writer::Writer;

/// What a Service is announced on; empty: on all interfaces.
pub type OnInterfaces = BTreeSet<InterfaceName>;

/// Whose objects they are and where.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The node that announces.
    pub node: NodeName,
    /// The namespace of the objects.
    pub namespace: NamespaceName,
    /// The own Pod, if the process knows it (`--pod-name`).
    pub pod: Option<Box<str>>,
}

/// Takes what is wanted to the writer; the latest word for each Service counts, so that what waits is bounded by the
/// number of Services. Clones share the state.
#[derive(Clone, Debug, Default)]
pub struct Reporter(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    words: Mutex<Words>,
    wake: Notify,
}

/// What the writer has not heard yet.
#[derive(Debug, Default)]
struct Words {
    services: BTreeMap<ObjectKey, Option<OnInterfaces>>,
    is_complete: bool,
}

impl Reporter {
    /// This node announces `service` on these interfaces, or not at all. Never waits.
    pub fn want(&self, service: ObjectKey, interfaces: Option<OnInterfaces>) {
        self.words().services.insert(service, interfaces);
        self.0.wake.notify_one();
    }

    /// All Services that this node announces have been told: what else is there in its name is left over from before.
    pub fn complete(&self) {
        self.words().is_complete = true;
        self.0.wake.notify_one();
    }

    fn words(&self) -> MutexGuard<'_, Words> {
        self.0.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Words {
        let mut words = self.words();
        Words {
            services: core::mem::take(&mut words.services),
            is_complete: words.is_complete,
        }
    }
}

/// A reporter and the writer behind it, which is to be run once.
#[must_use]
pub fn reporter(client: Client, identity: Identity, watches: Watches) -> (Reporter, Writer) {
    let reporter = Reporter::default();
    let writer = Writer::new(client, identity, reporter.clone(), watches);
    (reporter, writer)
}
