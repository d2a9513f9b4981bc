//! The last changes of one collection: what watches are fed from, and how far back a version can be asked for.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes, BytesMut};
use ferrolb_types::ObjectKey;

use crate::object::Stored;
use crate::selector::Filter;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    /// It came into being.
    Added,
    /// It changed.
    Modified,
    /// It is gone.
    Deleted,
}

impl ChangeKind {
    /// The word of the watch protocol.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }
}

/// One change of one object.
#[derive(Debug)]
pub(crate) struct Change {
    /// What happened.
    pub(crate) kind: ChangeKind,
    /// Whose.
    pub(crate) key: ObjectKey,
    /// The new state; for a deletion the last state under the version of the deletion.
    pub(crate) object: Arc<Stored>,
    /// The state before, if there was one.
    pub(crate) previous: Option<Arc<Stored>>,
    frame: OnceLock<Bytes>,
}

impl Change {
    /// The version that this change has.
    #[must_use]
    pub(crate) fn version(&self) -> u64 {
        self.object.version
    }

    /// The states that a watch with this filter may be shown.
    pub(crate) fn seen_by(&self, filter: &Filter) -> impl Iterator<Item = &Arc<Stored>> {
        // The state before is shown only where it matched and the new one does not.
        let previous = self.previous.as_ref().filter(|_| !filter.is_everything());
        let states = [Some(&self.object), previous];
        states.into_iter().flatten().filter(|state| filter.matches(state))
    }

    /// The line of the watch stream, made once and shared by all watchers.
    pub(crate) fn frame(&self) -> Bytes {
        self.frame
            .get_or_init(|| frame(self.kind, &self.object.json()))
            .clone()
    }
}

/// `{"type":…,"object":…}` and a line feed.
pub(crate) fn frame(kind: ChangeKind, object: &[u8]) -> Bytes {
    let mut line = BytesMut::with_capacity(object.len() + 40);
    line.put_slice(b"{\"type\":\"");
    line.put_slice(kind.as_str().as_bytes());
    line.put_slice(b"\",\"object\":");
    line.put_slice(object);
    line.put_slice(b"}\n");
    line.freeze()
}

/// A bounded ring of changes, oldest first, versions rising.
#[derive(Debug)]
pub(crate) struct History {
    changes: VecDeque<Arc<Change>>,
    /// Changes up to this version are forgotten.
    compacted: u64,
    limit: usize,
}

/// The version asked for is older than what is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forgotten {
    /// The oldest version that could be asked for.
    pub(crate) oldest: u64,
}

impl History {
    /// Remembers at most `limit` changes, none from before `version`.
    pub(crate) fn new(limit: usize, version: u64) -> Self {
        Self {
            changes: VecDeque::new(),
            compacted: version,
            limit: limit.max(1),
        }
    }

    pub(crate) fn push(
        &mut self,
        kind: ChangeKind,
        key: ObjectKey,
        object: Arc<Stored>,
        previous: Option<Arc<Stored>>,
    ) {
        if self.changes.len() >= self.limit {
            self.forget_oldest();
        }
        self.changes.push_back(Arc::new(Change {
            kind,
            key,
            object,
            previous,
            frame: OnceLock::new(),
        }));
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.changes.pop_front() {
            self.compacted = oldest.version();
        }
    }

    /// Forgets everything up to `version`.
    pub(crate) fn compact(&mut self, version: u64) {
        while self.changes.front().is_some_and(|c| c.version() <= version) {
            self.changes.pop_front();
        }
        self.compacted = self.compacted.max(version);
    }

    /// At most `max` changes after `version`, oldest first.
    ///
    /// # Errors
    /// [`Forgotten`] when changes after `version` may be missing.
    pub(crate) fn after(&self, version: u64, max: usize) -> Result<Vec<Arc<Change>>, Forgotten> {
        if version < self.compacted {
            return Err(Forgotten {
                oldest: self.compacted,
            });
        }
        let start = self.changes.partition_point(|c| c.version() <= version);
        Ok(self.changes.iter().skip(start).take(max).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn history(limit: usize, versions: &[u64]) -> History {
        let mut history = History::new(limit, 0);
        for v in versions {
            history.push(
                ChangeKind::Added,
                ObjectKey::new("", "x"),
                Stored::new(*v, json!({})),
                None,
            );
        }
        history
    }

    fn versions(found: &[Arc<Change>]) -> Vec<u64> {
        found.iter().map(|c| c.version()).collect()
    }

    #[test]
    fn after_gives_later_changes_only() {
        let history = history(10, &[3, 5, 9]);
        assert_eq!(versions(&history.after(5, 10).unwrap()), [9]);
        assert_eq!(versions(&history.after(4, 1).unwrap()), [5]);
        assert!(history.after(9, 10).unwrap().is_empty());
    }

    #[test]
    fn a_version_from_before_the_ring_is_forgotten() {
        let history = history(2, &[3, 5, 9]);
        assert_eq!(history.after(2, 10).unwrap_err(), Forgotten { oldest: 3 });
        assert_eq!(versions(&history.after(3, 10).unwrap()), [5, 9]);
    }

    #[test]
    fn compaction_forgets_what_it_names_and_nothing_more() {
        let mut history = history(10, &[3, 5, 9]);
        history.compact(5);
        assert!(history.after(4, 10).is_err());
        assert_eq!(versions(&history.after(5, 10).unwrap()), [9]);
    }
}
