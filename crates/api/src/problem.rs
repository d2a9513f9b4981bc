//! A finding about one object: what is wrong, where, and what to do.

use core::fmt;
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The object is accepted.
    Warning,
    /// The object is refused; its last accepted version stays in force.
    Error,
}

/// A problem with one field of one object (`spec/plan.md`: `problems[]`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// Whether the object is refused.
    pub severity: Severity,
    /// The object's kind.
    pub kind: Cow<'static, str>,
    /// Its namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Path of the field, like `spec.addresses[0]`; empty when the whole object is meant.
    pub field: String,
    /// One CamelCase word from the documented list.
    pub reason: Cow<'static, str>,
    /// What is wrong and what to do, lower case, without a full stop, values in backticks.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {} {}/{}", self.kind, self.namespace, self.name)?;
        if !self.field.is_empty() {
            write!(f, " {}", self.field)?;
        }
        write!(f, ": {} ({})", self.message, self.reason)
    }
}
