//! Who names whom, so that a change touches only those that it concerns.

use std::collections::{BTreeMap, BTreeSet};

/// Names that objects of one kind use, and the users of each name.
#[derive(Debug, Default)]
pub(super) struct References {
    targets: BTreeMap<Box<str>, Vec<Box<str>>>,
    users: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
}

impl References {
    /// `user` names exactly these targets from now on.
    pub(super) fn set<'a>(&mut self, user: &str, targets: impl IntoIterator<Item = &'a str>) {
        self.clear(user);
        let targets: Vec<Box<str>> = targets.into_iter().map(Into::into).collect();
        for target in &targets {
            self.users.entry(target.clone()).or_default().insert(user.into());
        }
        if !targets.is_empty() {
            self.targets.insert(user.into(), targets);
        }
    }

    /// `user` names nothing any more.
    pub(super) fn clear(&mut self, user: &str) {
        for target in self.targets.remove(user).unwrap_or_default() {
            if let Some(users) = self.users.get_mut(&target) {
                users.remove(user);
                if users.is_empty() {
                    self.users.remove(&target);
                }
            }
        }
    }

    /// Who names anything.
    pub(super) fn users(&self) -> impl Iterator<Item = &str> {
        self.targets.keys().map(|user| &**user)
    }

    /// Who names `target`.
    pub(super) fn users_of(&self, target: &str) -> impl Iterator<Item = &str> {
        self.users.get(target).into_iter().flatten().map(|user| &**user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_follow_what_was_set_last() {
        let mut references = References::default();
        references.set("a", ["x", "y"]);
        references.set("b", ["y"]);
        references.set("a", ["z"]);
        assert_eq!(references.users_of("x").count(), 0);
        assert_eq!(references.users_of("y").collect::<Vec<_>>(), ["b"]);
        references.clear("b");
        assert_eq!(references.users_of("y").count(), 0);
        assert!(!references.users.contains_key("y"));
    }
}
