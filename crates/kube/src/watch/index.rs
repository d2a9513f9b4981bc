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
    version: Box<str>,
    round: u32,
}

impl Index {
    /// A list begins: what it does not show is gone.
    pub(super) fn begin_list(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    /// Notes an object; true if the consumer does not know this version.
    pub(super) fn note(&mut self, key: ObjectKey, version: &str) -> bool {
        let round = self.round;
        match self.known.get_mut(&key) {
            Some(known) => {
                known.round = round;
                let changed = *known.version != *version;
                if changed {
                    known.version = version.into();
                }
                changed
            }
            None => {
                let version = version.into();
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
