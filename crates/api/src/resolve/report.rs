//! Problems of one object, collected while it is resolved.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;

use super::Rules;
use crate::reason::{self, Reason};
use crate::{Object, Problem, Severity};

/// An object of whatever kind as it was written.
trait Written {
    fn json(&self) -> Value;
}

impl<T: Serialize> Written for T {
    fn json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Where the problems of one object go.
pub(super) struct Report<'a> {
    kind: &'static str,
    namespace: &'a str,
    name: &'a str,
    rules: &'a Rules,
    /// Where the values of fields are looked up, if it is at hand.
    written: Option<&'a dyn Written>,
    problems: Vec<Problem>,
}

impl<'a> Report<'a> {
    pub(super) fn of<T: Object + Serialize>(object: &'a T, rules: &'a Rules) -> Self {
        let meta = object.meta();
        Self {
            written: Some(object),
            ..Self::about(T::KIND, &meta.namespace, &meta.name, rules)
        }
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
            written: None,
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

    /// What the field of the last problem holds, where the object as it was written is not at hand.
    pub(super) fn quote(&mut self, value: &impl ToString) {
        if let Some(last) = self.problems.last_mut() {
            last.value = Some(value.to_string().into());
        }
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
            value: None,
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

    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        if let Some(written) = self.written.filter(|_| !self.problems.is_empty()) {
            let object = written.json();
            self.problems.iter_mut().for_each(|p| p.quote(&object));
        }
        self.problems
    }
}
