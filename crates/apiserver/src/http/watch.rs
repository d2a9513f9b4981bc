//! A watch: a cursor into the history of a collection.
//!
//! There is no queue per watch. Each watch reads the shared ring at its own pace, woken by a signal; one that falls
//! behind the ring is told `410 Gone` and ends, so a slow client costs nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};
use tokio::sync::watch::Receiver;
use tokio::time::{Duration, Instant};

use super::view::{View, line};
use crate::convert;
use crate::error::ApiError;
use crate::history::ChangeKind;
use crate::object::Stored;
use crate::selector::Filter;
use crate::server::Shared;

/// Changes read in one go.
const BATCH: usize = 256;

/// A bookmark is sent so long before a watch ends, so that the client can go on from there.
const BEFORE_END: Duration = Duration::from_secs(2);

/// What is watched.
pub(crate) struct Watch {
    pub(crate) view: View,
    pub(crate) namespace: String,
    pub(crate) filter: Filter,
    pub(crate) bookmarks: bool,
    pub(crate) lasts: Duration,
    /// Changes after this version are sent.
    pub(crate) version: u64,
    /// Objects that are sent as added at first.
    pub(crate) initial: VecDeque<Arc<Stored>>,
    /// Whether a bookmark marks the end of these.
    pub(crate) marks_initial: bool,
}

struct Running {
    watch: Watch,
    shared: Arc<Shared>,
    signal: Receiver<u64>,
    closings: Receiver<u64>,
    ends: Instant,
    next_bookmark: Instant,
    pending: VecDeque<Bytes>,
    is_over: bool,
}

/// The lines of a watch.
pub(crate) fn lines(shared: Arc<Shared>, watch: Watch) -> impl Stream<Item = Bytes> + Send {
    let now = Instant::now();
    let running = Running {
        signal: shared.signal(&watch.view.resource.id),
        closings: shared.closings(),
        ends: now + watch.lasts,
        next_bookmark: now + next_bookmark(&shared, watch.lasts),
        pending: VecDeque::new(),
        is_over: false,
        watch,
        shared,
    };
    stream::unfold(running, |mut running| async move {
        let bytes = running.next().await?;
        Some((bytes, running))
    })
}

fn next_bookmark(shared: &Shared, left: Duration) -> Duration {
    let before_end = left.saturating_sub(BEFORE_END);
    if before_end.is_zero() {
        left
    } else {
        shared.options.bookmark_interval.min(before_end)
    }
}

impl Running {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(bytes) = self.pending.pop_front() {
                return Some(bytes);
            }
            if self.is_over {
                return None;
            }
            if let Some(bytes) = self.initial().await {
                return Some(bytes);
            }
            // Seen before the ring is read, so that a change that comes in between wakes again.
            self.signal.mark_unchanged();
            self.read_changes().await;
            if self.pending.is_empty() && !self.is_over {
                self.wait().await;
            }
        }
    }

    /// The next objects of the state that the watch begins with.
    async fn initial(&mut self) -> Option<Bytes> {
        if self.watch.initial.is_empty() {
            if core::mem::take(&mut self.watch.marks_initial) {
                return Some(self.watch.view.bookmark(self.watch.version, true));
            }
            return None;
        }
        let count = self.watch.initial.len().min(BATCH);
        let objects: Vec<Arc<Stored>> = self.watch.initial.drain(..count).collect();
        if let Err(error) = self.prepare(&objects).await {
            self.fail(&error);
            return self.pending.pop_front();
        }
        let now = self.shared.now();
        let mut bytes = BytesMut::new();
        for object in objects {
            bytes.extend_from_slice(&self.watch.view.event(ChangeKind::Added, &object, now));
        }
        Some(bytes.freeze())
    }

    async fn read_changes(&mut self) {
        let Watch { view, version, .. } = &self.watch;
        let read = self
            .shared
            .read(|core| core.store.changes(&view.resource.id, *version, BATCH));
        let changes = match read {
            Ok(changes) => changes,
            Err(forgotten) => return self.fail(&too_old(*version, forgotten.oldest)),
        };
        let seen = changes
            .iter()
            .flat_map(|change| change.seen_by(&self.watch.filter));
        let prepared = self.prepare(seen).await;
        if let Err(error) = prepared {
            return self.fail(&error);
        }
        let now = self.shared.now();
        let watch = &mut self.watch;
        let mut lines = Vec::new();
        for change in changes {
            watch.version = change.version();
            let is_here = watch.namespace.is_empty() || change.key.namespace.as_str() == watch.namespace;
            if is_here {
                lines.extend(watch.view.change(&change, &watch.filter, now));
            }
        }
        // A single line is shared with the other watches; many go out in one piece.
        match lines.len() {
            0 | 1 => self.pending.extend(lines),
            _ => self.pending.push_back(lines.concat().into()),
        }
    }

    /// Before objects are shown: where a webhook converts, it is asked.
    async fn prepare<'a>(&self, objects: impl IntoIterator<Item = &'a Arc<Stored>>) -> Result<(), ApiError> {
        convert::prepare(&self.shared.caller, &self.watch.view.resource, objects).await
    }

    fn fail(&mut self, error: &ApiError) {
        self.pending.push_back(line("ERROR", &error.to_status()));
        self.is_over = true;
    }

    /// The version of the store, if this watch has seen every change of its collection up to it.
    fn caught_up(&self) -> Option<u64> {
        let Watch { view, version, .. } = &self.watch;
        self.shared.read(|core| {
            let unseen = core.store.changes(&view.resource.id, *version, 1);
            unseen.is_ok_and(|c| c.is_empty()).then(|| core.store.version())
        })
    }

    async fn wait(&mut self) {
        let deadline = if self.watch.bookmarks {
            self.next_bookmark.min(self.ends)
        } else {
            self.ends
        };
        tokio::select! {
            // The sender lives as long as `shared`.
            _ = self.signal.changed() => {}
            _ = self.closings.changed() => self.is_over = true,
            () = tokio::time::sleep_until(deadline) => self.tick(),
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        if now >= self.ends {
            self.is_over = true;
            return;
        }
        self.watch.version = self.caught_up().unwrap_or(self.watch.version);
        self.pending
            .push_back(self.watch.view.bookmark(self.watch.version, false));
        let left = self.ends.saturating_duration_since(now);
        self.next_bookmark = now + next_bookmark(&self.shared, left);
    }
}

fn too_old(version: u64, oldest: u64) -> ApiError {
    ApiError::expired(format!("too old resource version: {version} ({oldest})"))
}
