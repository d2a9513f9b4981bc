//! What was looked at, and how it stands: one line of `ferrolb doctor` each.

use serde::Serialize;

use ferrolb_api::Reason;

/// One finding, or that there is none. A stable interface: fields may be added, never renamed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Where it was looked.
    pub area: Area,
    /// What was looked at, one word.
    pub name: &'static str,
    /// How it stands.
    pub result: Outcome,
    /// The word for it, which `ferrolb explain` knows; empty where there is none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: String,
    /// What is so, where, and what to do if it should not be.
    pub message: String,
}

/// Where something was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Area {
    /// The host that the command runs on.
    Node,
    /// What the API server tells.
    Cluster,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It could not be looked at; the message says why.
    NotChecked,
    /// Doubtful: something may not work, or works in part.
    Warning,
    /// Something does not work.
    Failed,
}

impl Outcome {
    /// For people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotChecked => "not checked",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

impl Check {
    /// One without a word.
    #[must_use]
    pub fn new(area: Area, name: &'static str, result: Outcome, message: impl Into<String>) -> Self {
        Self {
            area,
            name,
            result,
            reason: String::new(),
            message: message.into(),
        }
    }

    /// With the word for it.
    #[must_use]
    pub fn because(mut self, reason: Reason) -> Self {
        reason.word().clone_into(&mut self.reason);
        self
    }
}

/// Checks of one area as they are made.
pub(crate) struct Checks {
    area: Area,
    made: Vec<Check>,
}

impl Checks {
    pub(crate) const fn of(area: Area) -> Self {
        Self {
            area,
            made: Vec::new(),
        }
    }

    pub(crate) fn ok(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Outcome::Ok, message);
    }

    pub(crate) fn warn(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Outcome::Warning, message);
    }

    pub(crate) fn fail(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Outcome::Failed, message);
    }

    pub(crate) fn skip(&mut self, name: &'static str, message: impl Into<String>) {
        self.add(name, Outcome::NotChecked, message);
    }

    fn add(&mut self, name: &'static str, result: Outcome, message: impl Into<String>) {
        self.push(Check::new(self.area, name, result, message));
    }

    pub(crate) fn push(&mut self, check: Check) {
        self.made.push(check);
    }

    /// Says that all is well where nothing was said of `name`.
    pub(crate) fn otherwise(&mut self, name: &'static str, message: impl Into<String>) {
        if !self.made.iter().any(|check| check.name == name) {
            self.ok(name, message);
        }
    }

    pub(crate) fn finish(self) -> Vec<Check> {
        self.made
    }
}
