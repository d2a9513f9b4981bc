//! Problems of one object, collected while it is resolved.

use std::borrow::Cow;

use super::Rules;
use crate::reason::{self, Reason};
use crate::{Object, Problem, Severity};

/// Where the problems of one object go.
pub(super) struct Report<'a> {
    kind: &'static str,
    namespace: &'a str,
    name: &'a str,
    rules: &'a Rules,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    pub(super) fn of<T: Object>(object: &'a T, rules: &'a Rules) -> Self {
        let meta = object.meta();
        Self::about(T::KIND, &meta.namespace, &meta.name, rules)
    }

    /// The report of an object of which only the name is at hand.
    pub(super) const fn about(
        kind: &'static str,
        namespace: &'a str,
        name: &'a str,
        rules: &'a Rules,
    ) -> Self {
        Self {
            kind,
            namespace,
            name,
            rules,
            problems: Vec::new(),
        }
    }

    /// Continues the report of an object by itself.
    pub(super) fn resume(mut self, problems: &[Problem]) -> Self {
        self.problems.extend_from_slice(problems);
        self
    }

    /// The object is refused.
    pub(super) fn error(&mut self, field: impl Into<String>, reason: Reason, message: impl Into<String>) {
        self.add(Severity::Error, field.into(), reason, message.into());
    }

    /// The object is accepted all the same, unless `--strict` is given.
    pub(super) fn warning(&mut self, field: impl Into<String>, reason: Reason, message: impl Into<String>) {
        let severity = if self.rules.strict {
            Severity::Error
        } else {
            Severity::Warning
        };
        self.add(severity, field.into(), reason, message.into());
    }

    /// A restriction of the reference's mode, which the built-in stack does not have (spec/plan.md).
    pub(super) fn reference_would_refuse(&mut self, field: impl Into<String>, message: &str) {
        let message = format!(
            "{message}; accepted here, refused by MetalLB in mode `{}`",
            self.rules.bgp_mode
        );
        self.warning(field, reason::REFERENCE_WOULD_REFUSE, message);
    }

    fn add(&mut self, severity: Severity, field: String, reason: Reason, message: String) {
        self.problems.push(Problem {
            severity,
            kind: Cow::Borrowed(self.kind),
            namespace: self.namespace.to_owned(),
            name: self.name.to_owned(),
            field,
            reason: Cow::Borrowed(reason.word()),
            message,
        });
    }

    pub(super) const fn rules(&self) -> &'a Rules {
        self.rules
    }

    pub(super) fn is_refused(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}
