//! Which refusals have been told, so that an event is not repeated by every process that starts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{ObjectId, Problem, Severity};

/// Refused objects, each with a digest of what was told of it.
///
/// ```
/// use ferrolb_api::{ObjectId, Told};
///
/// let told = Told::decode(r#"{"IPAddressPool/lan":"af63bd4c8601b7df"}"#);
/// assert!(told.ids().eq([ObjectId::new("IPAddressPool", "lan")]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told(BTreeMap<ObjectId, Digest>);

/// FNV-1a, which is the same in every version of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Digest(u64);

impl Digest {
    /// Of all errors of an object; none if there are none.
    fn of(uid: &str, problems: &[Problem]) -> Option<Self> {
        let mut errors = problems
            .iter()
            .filter(|p| p.severity == Severity::Error)
            .peekable();
        errors.peek()?;
        let mut digest = Self(0xcbf2_9ce4_8422_2325);
        digest.add(uid);
        for problem in errors {
            for part in [&*problem.field, &*problem.reason, &*problem.message] {
                digest.add(part);
            }
        }
        Some(digest)
    }

    /// With a byte that is in no text at the end of each.
    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = core::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        format!("{:016x}", digest.0)
    }
}

impl Told {
    /// Notes what is told of an object now; whether it is something else than before. An object without errors is
    /// forgotten.
    pub fn note(&mut self, id: &ObjectId, uid: &str, problems: &[Problem]) -> bool {
        match Digest::of(uid, problems) {
            Some(digest) => self.0.insert(id.clone(), digest) != Some(digest),
            None => self.0.remove(id).is_some(),
        }
    }

    /// Forgets an object.
    pub fn forget(&mut self, id: &ObjectId) {
        self.0.remove(id);
    }

    /// The objects about which something was told.
    pub fn ids(&self) -> impl Iterator<Item = ObjectId> {
        self.0.keys().cloned()
    }

    /// As JSON of at most `limit` bytes; empty if nothing was told. What has no room may be told again.
    #[must_use]
    pub fn encode(&self, limit: usize) -> String {
        let mut entries = BTreeMap::new();
        let mut room = limit;
        for (id, digest) in &self.0 {
            let key = format!("{}/{}", id.kind, id.name);
            // Of the digest 16, and quotes, colon, comma and braces.
            let size = key.len() + 24;
            if let Some(rest) = room.checked_sub(size) {
                room = rest;
                entries.insert(key, *digest);
            }
        }
        if entries.is_empty() {
            return String::new();
        }
        serde_json::to_string(&entries).unwrap_or_default()
    }

    /// What [`Told::encode`] made; what cannot be read is left out.
    #[must_use]
    pub fn decode(text: &str) -> Self {
        let entries: BTreeMap<String, String> = serde_json::from_str(text).unwrap_or_default();
        let entry = |(id, digest): (String, String)| {
            let (kind, name) = id.split_once('/')?;
            Some((ObjectId::find(kind, name)?, Digest::try_from(digest).ok()?))
        };
        Self(entries.into_iter().filter_map(entry).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(severity: Severity, message: &str) -> Problem {
        Problem {
            severity,
            kind: "IPAddressPool".into(),
            namespace: "lb".into(),
            name: "lan".into(),
            field: "spec.addresses[0]".into(),
            value: None,
            reason: "InvalidAddress".into(),
            message: message.into(),
        }
    }

    fn lan() -> ObjectId {
        ObjectId::new("IPAddressPool", "lan")
    }

    #[test]
    fn only_another_error_or_another_object_is_news() {
        let mut told = Told::default();
        let wrong = [problem(Severity::Error, "wrong")];
        let worse = [
            problem(Severity::Error, "wrong"),
            problem(Severity::Warning, "odd"),
        ];
        assert!(told.note(&lan(), "1", &wrong));
        assert!(!told.note(&lan(), "1", &wrong));
        assert!(!told.note(&lan(), "1", &worse), "a warning is no refusal");
        assert!(told.note(&lan(), "1", &[problem(Severity::Error, "otherwise wrong")]));
        assert!(told.note(&lan(), "2", &[problem(Severity::Error, "otherwise wrong")]));
        assert!(told.note(&lan(), "2", &[]));
        assert!(!told.note(&lan(), "2", &[]));
        assert!(told.note(&lan(), "2", &wrong), "it was well in between");
    }

    #[test]
    fn the_next_process_knows_what_was_told() {
        let mut told = Told::default();
        let wrong = [problem(Severity::Error, "wrong")];
        told.note(&lan(), "1", &wrong);
        let mut next = Told::decode(&told.encode(1024));
        assert_eq!(next, told);
        assert!(!next.note(&lan(), "1", &wrong));
        assert_eq!(Told::default().encode(1024), "");
    }

    #[test]
    fn what_is_stored_is_bounded_and_what_is_not_ours_is_skipped() {
        let mut told = Told::default();
        for n in 0..100 {
            told.note(
                &ObjectId::new("BGPPeer", &format!("peer-{n}")),
                "1",
                &[problem(Severity::Error, "x")],
            );
        }
        let text = told.encode(1000);
        assert!(
            text.len() <= 1000 && Told::decode(&text).ids().count() > 20,
            "{text}"
        );
        for text in ["", "7", "{\"a\":1}", "{\"Later/x\":\"0\",\"BGPPeer/x\":\"no\"}"] {
            assert_eq!(Told::decode(text), Told::default(), "{text}");
        }
    }
}
