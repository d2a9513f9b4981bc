//! Which requests came, for tests that say "and nothing else was written".

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde_json::Value;

/// What a request does, in the words of RBAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// One object is read.
    Get,
    /// A collection is read.
    List,
    /// A collection is followed.
    Watch,
    /// An object is made.
    Create,
    /// An object is replaced.
    Update,
    /// An object is changed.
    Patch,
    /// An object is removed.
    Delete,
    /// Many objects are removed.
    DeleteCollection,
    /// Discovery and the like.
    Other,
}

impl Verb {
    /// Whether something may be stored.
    #[must_use]
    pub fn is_write(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Update | Self::Patch | Self::Delete | Self::DeleteCollection
        )
    }
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it does.
    pub verb: Verb,
    /// The resource, as in `services` or `ipaddresspools.metallb.io`; the path for [`Verb::Other`].
    pub resource: String,
    /// Empty for the object itself.
    pub subresource: String,
    /// Empty for cluster-scoped kinds and all namespaces.
    pub namespace: String,
    /// Empty for collections.
    pub name: String,
    /// The query string, as it came.
    pub query: String,
    /// The media type of the body.
    pub content_type: String,
    /// The first word of `User-Agent`.
    pub agent: String,
    /// The body.
    pub body: Bytes,
    /// HTTP status of the answer; 0 while there is none.
    pub status: u16,
}

impl Request {
    /// The body as JSON; `Null` if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Whether something could have been stored: a write, and no review and no dry run.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.verb.is_write()
            && !self.resource.ends_with("reviews.authentication.k8s.io")
            && !self.resource.ends_with("reviews.authorization.k8s.io")
            && !self.query.contains("dryRun=All")
    }
}

/// A bounded log.
#[derive(Debug)]
pub(crate) struct Log {
    entries: Mutex<Entries>,
    limit: usize,
}

#[derive(Debug, Default)]
struct Entries {
    ring: VecDeque<Request>,
    /// Number of the first entry in the ring.
    first: u64,
}

impl Log {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            entries: Mutex::default(),
            limit,
        }
    }

    /// Notes a request and returns its number.
    pub(crate) fn note(&self, request: Request) -> u64 {
        let mut entries = self.lock();
        if entries.ring.len() >= self.limit.max(1) {
            entries.ring.pop_front();
            entries.first += 1;
        }
        entries.ring.push_back(request);
        entries.first + entries.ring.len() as u64 - 1
    }

    /// Notes how a request was answered.
    pub(crate) fn answered(&self, number: u64, status: u16) {
        let mut entries = self.lock();
        let index = number
            .checked_sub(entries.first)
            .and_then(|i| usize::try_from(i).ok());
        if let Some(request) = index.and_then(|i| entries.ring.get_mut(i)) {
            request.status = status;
        }
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        self.lock().ring.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        let mut entries = self.lock();
        entries.first += entries.ring.len() as u64;
        entries.ring.clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str) -> Request {
        Request {
            verb: Verb::Get,
            resource: "services".into(),
            subresource: String::new(),
            namespace: String::new(),
            name: name.into(),
            query: String::new(),
            content_type: String::new(),
            agent: String::new(),
            body: Bytes::new(),
            status: 0,
        }
    }

    #[test]
    fn the_log_is_bounded_and_answers_find_their_request() {
        let log = Log::new(2);
        let numbers: Vec<u64> = ["a", "b", "c"].map(|n| log.note(request(n))).to_vec();
        log.answered(numbers[0], 500);
        log.answered(numbers[2], 200);
        let seen: Vec<(String, u16)> = log.all().into_iter().map(|r| (r.name, r.status)).collect();
        assert_eq!(seen, [("b".to_owned(), 0), ("c".to_owned(), 200)]);
        log.clear();
        log.answered(numbers[2], 500);
        assert!(log.all().is_empty());
    }
}
