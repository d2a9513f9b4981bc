//! Kubernetes events (`kubectl describe`, `kubectl get events`).
//!
//! Recording never waits: events go through a bounded queue, and what does not fit is dropped and counted. An event that
//! is identical to an earlier one counts that one up instead of making another; beyond a burst of 25, an object gets one
//! event per five minutes, as with the reference's client (controller 2.3).

mod limit;
mod recent;
mod writer;

use core::sync::atomic::{AtomicU64, Ordering};
use std::borrow::Cow;
use std::sync::Arc;

use ferrolb_api::Object;
use ferrolb_types::ObjectKey;
use kube::Client;
use tokio::sync::mpsc;

use crate::WallClock;

pub use writer::Writer;

/// Events that may wait: each Service of a large cluster may get its address at once.
const QUEUE: usize = 16_384;

/// Component of the controller's events (`operations.md` 7.7).
pub const CONTROLLER: &str = "metallb-controller";
/// Component of the speaker's events.
pub const SPEAKER: &str = "metallb-speaker";

/// Something worth telling the owner of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// What it is about.
    pub object: Reference,
    /// `Normal` or `Warning`.
    pub severity: Severity,
    /// One word, part of the interface.
    pub reason: Cow<'static, str>,
    /// For people; the first 1,024 characters are kept.
    pub message: String,
    /// Who else may tell the same.
    pub tellers: Tellers,
}

/// Who may tell the same event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tellers {
    /// This process alone: it counts its repetitions up.
    #[default]
    One,
    /// The speakers of several nodes, or one controller after another. The event has the same name for all of them, so that
    /// it exists once and lives as long as the API server keeps it.
    Many,
}

/// `type` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// For information.
    Normal,
    /// Something needs attention.
    Warning,
}

impl Severity {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// An object that an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    key: ObjectKey,
    uid: Box<str>,
}

impl Reference {
    /// The object of kind `T` with this key and UID.
    #[must_use]
    pub fn to<T: Object>(key: ObjectKey, uid: impl Into<Box<str>>) -> Self {
        Self {
            group: T::GROUP,
            version: T::VERSION,
            kind: T::KIND,
            key,
            uid: uid.into(),
        }
    }
}

/// Takes events. Clones share the queue.
#[derive(Clone, Debug)]
pub struct Recorder {
    queue: mpsc::Sender<Event>,
    dropped: Arc<AtomicU64>,
}

/// A recorder and the writer that carries its events to the API server.
#[must_use]
pub fn recorder(client: Client, component: &'static str, clock: WallClock) -> (Recorder, Writer) {
    let (queue, events) = mpsc::channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let recorder = Recorder {
        queue,
        dropped: Arc::clone(&dropped),
    };
    (recorder, Writer::new(client, component, clock, events, dropped))
}

impl Recorder {
    /// Queues an event, or drops it if the queue is full. Never blocks.
    pub fn record(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Events that did not reach the API server: the queue was full, the object had too many, or the API server would
    /// not take them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
