//! The answer to a review.

use std::collections::BTreeSet;

use ferrolb_api::metallb::GROUP;
use ferrolb_api::{Problem, Reason};
use serde_json::{Value, json};

use crate::Kind;

/// What an API server keeps of all warnings together; it cuts more off.
const WARNING_BYTES: usize = 4096;

/// Causes and lines of a refusal; nobody reads more, and an object of 1.5 MiB could have 100,000.
const CAUSES: usize = 32;

/// Whether the API server may store the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why not, if not.
    pub refusal: Option<Refusal>,
    /// What the user should know all the same.
    pub warnings: Vec<String>,
}

/// Why an object is refused, as a `Status` of the API says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status: 400 not decoded, 403 against a rule about objects, 422 invalid.
    pub code: u16,
    /// The whole text.
    pub message: String,
    /// The fields at fault.
    pub causes: Vec<Cause>,
}

/// One field at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The reason word.
    pub reason: String,
    /// What is wrong and what to do.
    pub message: String,
    /// Path of the field.
    pub field: String,
}

impl Verdict {
    /// The object may be stored.
    #[must_use]
    pub const fn allowed() -> Self {
        Self {
            refusal: None,
            warnings: Vec::new(),
        }
    }

    pub(crate) const fn allowed_with(warnings: Vec<String>) -> Self {
        Self {
            refusal: None,
            warnings,
        }
    }

    /// A rule about whole objects is broken.
    pub(crate) fn forbidden(message: String) -> Self {
        Self::refused(403, message, Vec::new())
    }

    /// The object cannot be read as its kind.
    pub(crate) fn undecodable(problem: &Problem) -> Self {
        let cause = Cause::of(problem);
        Self::refused(400, cause.line(), vec![cause])
    }

    /// The object has these problems.
    pub(crate) fn invalid(causes: Vec<Cause>) -> Self {
        let mut lines: Vec<String> = causes.iter().take(CAUSES).map(Cause::line).collect();
        if causes.len() > CAUSES {
            lines.push(format!("and {} more", causes.len() - CAUSES));
        }
        let words: BTreeSet<&str> = causes.iter().take(CAUSES).map(|c| &*c.reason).collect();
        let hints = words.into_iter().filter_map(Reason::find);
        lines.extend(hints.map(|reason| format!("hint: {}", reason.remedy())));
        let causes = causes.into_iter().take(CAUSES).collect();
        Self::refused(422, lines.join("\n"), causes)
    }

    const fn refused(code: u16, message: String, causes: Vec<Cause>) -> Self {
        Self {
            refusal: Some(Refusal {
                code,
                message,
                causes,
            }),
            warnings: Vec::new(),
        }
    }

    /// Whether the API server may store the object.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.refusal.is_none()
    }

    /// The `response` of an AdmissionReview about the object `name`.
    pub(crate) fn response(&self, uid: &str, kind: Kind, name: &str) -> Value {
        let mut response = json!({ "uid": uid, "allowed": self.is_allowed() });
        if let Some(refusal) = &self.refusal {
            response["status"] = refusal.status(kind, name);
        }
        if !self.warnings.is_empty() {
            response["warnings"] = bounded(&self.warnings).into();
        }
        response
    }
}

impl Refusal {
    fn status(&self, kind: Kind, name: &str) -> Value {
        let reason = match self.code {
            400 => "BadRequest",
            403 => "Forbidden",
            _ => "Invalid",
        };
        let mut status =
            json!({ "status": "Failure", "code": self.code, "reason": reason, "message": self.message });
        if !self.causes.is_empty() {
            // `kubectl` shows these instead of the message.
            let cause = |c: &Cause| json!({ "reason": c.reason, "message": c.told(), "field": c.field });
            let causes: Vec<Value> = self.causes.iter().map(cause).collect();
            status["details"] =
                json!({ "group": GROUP, "kind": kind.name(), "name": name, "causes": causes });
        }
        status
    }
}

impl Cause {
    /// Of the object under review.
    pub(crate) fn of(problem: &Problem) -> Self {
        Self {
            reason: problem.reason.clone().into_owned(),
            message: problem.message.clone(),
            field: problem.field.clone(),
        }
    }

    /// Of another object, which the one under review would harm.
    pub(crate) fn elsewhere(problem: &Problem) -> Self {
        Self {
            message: harm(problem),
            field: "spec".to_owned(),
            ..Self::of(problem)
        }
    }

    fn told(&self) -> String {
        let Self { reason, message, .. } = self;
        match Reason::find(reason) {
            Some(known) => format!("{message} ({reason}); hint: {}", known.remedy()),
            None => format!("{message} ({reason})"),
        }
    }

    fn line(&self) -> String {
        let Self {
            reason,
            message,
            field,
        } = self;
        if field.is_empty() {
            format!("{message} ({reason})")
        } else {
            format!("{field}: {message} ({reason})")
        }
    }
}

/// A problem of the object under review that does not keep it from being stored.
pub(crate) fn warning(problem: &Problem) -> String {
    Cause::of(problem).line()
}

/// What happens to another object.
pub(crate) fn harm(problem: &Problem) -> String {
    let Problem {
        kind,
        name,
        field,
        message,
        ..
    } = problem;
    format!("{kind} `{name}` would be refused: {field}: {message}")
}

/// As many as the API server passes on.
fn bounded(warnings: &[String]) -> Vec<String> {
    let mut bytes = 0;
    let fits = |warning: &&String| {
        bytes += warning.len();
        bytes <= WARNING_BYTES
    };
    let mut kept: Vec<String> = warnings.iter().take_while(fits).cloned().collect();
    if kept.len() < warnings.len() {
        let more = warnings.len() - kept.len();
        kept.push(format!("and {more} more; `ferrolb check` shows all"));
    }
    kept
}

#[cfg(test)]
mod tests {
    use ferrolb_api::Severity;

    use super::*;

    fn cause(field: &str, reason: &str) -> Cause {
        Cause {
            reason: reason.into(),
            message: "`x` is wrong".into(),
            field: field.into(),
        }
    }

    #[test]
    fn a_refusal_names_each_field_and_gives_each_hint_once() {
        let causes = vec![
            cause("spec.addresses[0]", "InvalidAddress"),
            cause("spec.addresses[1]", "InvalidAddress"),
        ];
        let message = Verdict::invalid(causes).refusal.unwrap().message;
        let lines: Vec<&str> = message.lines().collect();
        assert_eq!(lines[0], "spec.addresses[0]: `x` is wrong (InvalidAddress)");
        assert_eq!(lines[1], "spec.addresses[1]: `x` is wrong (InvalidAddress)");
        assert!(lines[2].starts_with("hint: write addresses like"), "{message}");
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn what_is_said_is_bounded() {
        let causes = vec![cause("spec", "InvalidAddress"); 100_000];
        let refusal = Verdict::invalid(causes).refusal.unwrap();
        assert_eq!(refusal.causes.len(), CAUSES);
        assert!(refusal.message.contains("and 99968 more"), "{}", refusal.message);
        let verdict = Verdict::allowed_with(vec!["a warning".into(); 10_000]);
        let response = verdict.response("1", Kind::Community, "c");
        let warnings = response["warnings"].as_array().unwrap();
        assert!(warnings.len() < 500);
        let last = warnings.last().and_then(Value::as_str).unwrap();
        assert!(last.ends_with("more; `ferrolb check` shows all"), "{last}");
    }

    #[test]
    fn a_problem_of_another_object_names_it() {
        let problem = Problem {
            severity: Severity::Error,
            kind: "IPAddressPool".into(),
            namespace: "lb".into(),
            name: "b".into(),
            field: "spec.addresses[0]".into(),
            value: None,
            reason: "OverlappingAddresses".into(),
            message: "m".into(),
        };
        assert_eq!(
            Cause::elsewhere(&problem).line(),
            "spec: IPAddressPool `b` would be refused: spec.addresses[0]: m (OverlappingAddresses)"
        );
    }
}
