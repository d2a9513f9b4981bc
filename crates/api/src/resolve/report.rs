//! Problems of one object, collected while it is resolved.

use std::borrow::Cow;

use crate::reason::Reason;
use crate::{Object, ObjectMeta, Problem, Severity};

/// Where the problems of one object go.
pub(super) struct Report<'a> {
    kind: &'static str,
    meta: &'a ObjectMeta,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    pub(super) fn of<T: Object>(object: &'a T) -> Self {
        Self {
            kind: T::KIND,
            meta: object.meta(),
            problems: Vec::new(),
        }
    }

    /// The object is refused.
    pub(super) fn error(&mut self, field: impl Into<String>, reason: Reason, message: impl Into<String>) {
        self.add(Severity::Error, field.into(), reason, message.into());
    }

    /// The object is accepted all the same.
    pub(super) fn warning(&mut self, field: impl Into<String>, reason: Reason, message: impl Into<String>) {
        self.add(Severity::Warning, field.into(), reason, message.into());
    }

    fn add(&mut self, severity: Severity, field: String, reason: Reason, message: String) {
        self.problems.push(Problem {
            severity,
            kind: Cow::Borrowed(self.kind),
            namespace: self.meta.namespace.to_string(),
            name: self.meta.name.to_string(),
            field,
            reason: Cow::Borrowed(reason.word()),
            message,
        });
    }

    pub(super) fn is_refused(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}
