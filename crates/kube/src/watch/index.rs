//! Which objects have been reported, in which version.

use std::collections::HashMap;

use ferrolb_types::ObjectKey;

/// Keys and versions of the objects that the consumer knows of.
#[derive(Debug, Default)]
pub(super) struct Index {
    known: HashMap<ObjectKey, Known>,
    /// Counts the lists, to tell what the present one has not shown.
    round: u32,
}

#[derive(Debug)]
struct Known {
    version: Version,
    round: u32,
}

/// A version is an opaque text by the API's contract. Every server counts, so nearly all of them fit a number; there are tens of
/// thousands here.
#[derive(Debug, PartialEq, Eq)]
enum Version {
    Number(u64),
    Text(Box<str>),
}

impl Version {
    /// A number only if it is written in the one way in which numbers are written back.
    fn of(text: &str) -> Self {
        let is_plain = text == "0" || text.starts_with(|c: char| ('1'..='9').contains(&c));
        match text.parse() {
            Ok(number) if is_plain => Self::Number(number),
            _ => Self::Text(text.into()),
        }
    }
}

impl Index {
    /// A list begins: what it does not show is gone.
    pub(super) fn begin_list(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    /// Notes an object; true if the consumer does not know this version.
    pub(super) fn note(&mut self, key: ObjectKey, version: &str) -> bool {
        let (version, round) = (Version::of(version), self.round);
        match self.known.get_mut(&key) {
            Some(known) => {
                known.round = round;
                core::mem::replace(&mut known.version, version) != known.version
            }
            None => {
                self.known.insert(key, Known { version, round });
                true
            }
        }
    }

    /// Forgets an object; true if the consumer knows it.
    pub(super) fn forget(&mut self, key: &ObjectKey) -> bool {
        self.known.remove(key).is_some()
    }

    /// The list is complete: forgets and returns what it has not shown.
    pub(super) fn end_list(&mut self) -> Vec<ObjectKey> {
        let round = self.round;
        let gone = self.known.extract_if(|_, known| known.round != round);
        gone.map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("ns", name)
    }

    #[test]
    fn only_new_versions_are_news() {
        let mut index = Index::default();
        assert!(index.note(key("a"), "1"));
        assert!(!index.note(key("a"), "1"));
        assert!(index.note(key("a"), "2"));
    }

    #[test]
    fn versions_are_opaque() {
        let mut index = Index::default();
        for version in [
            "7",
            "07",
            "+7",
            "7 ",
            "x",
            "18446744073709551616",
            "0",
            "00",
            "",
            "7",
        ] {
            assert!(index.note(key("a"), version), "`{version}` is another one");
            assert!(!index.note(key("a"), version), "`{version}` is the same");
        }
    }

    #[test]
    fn a_complete_list_tells_what_vanished_and_nothing_else() {
        let mut index = Index::default();
        index.begin_list();
        for name in ["a", "b", "c"] {
            index.note(key(name), "1");
        }
        assert!(index.end_list().is_empty());
        index.begin_list();
        assert!(!index.note(key("a"), "1"));
        assert!(index.note(key("c"), "5"));
        assert_eq!(index.end_list(), [key("b")]);
        assert!(!index.forget(&key("b")));
        assert!(index.forget(&key("a")));
    }

    #[test]
    fn a_list_that_is_broken_off_loses_nothing() {
        let mut index = Index::default();
        index.begin_list();
        index.note(key("a"), "1");
        index.note(key("b"), "1");
        index.end_list();
        index.begin_list();
        index.note(key("a"), "1");
        index.begin_list();
        index.note(key("b"), "1");
        assert_eq!(index.end_list(), [key("a")]);
    }
}
