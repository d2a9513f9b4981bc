//! What a component reports of the configuration in its ConfigurationState (api-and-config 1.9, 5.4).
//!
//! Unlike the reference's, a report is `Valid` only if everything that was written and could be read is in force, and its
//! time is that of the last change between the two.

use core::fmt::Write as _;

use ferrolb_types::NodeName;

use crate::metallb::{Condition, ConfigurationResult, ConfigurationStateStatus};
use crate::{Problem, Severity};

/// What a message may take; the API allows 32,768 characters.
const MESSAGE_BYTES: usize = 16 << 10;

/// Who reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Component {
    /// The controller, on pools and communities.
    Controller,
    /// The speaker of a node, on what its node needs.
    Speaker(NodeName),
}

impl Component {
    /// The name of its ConfigurationState.
    #[must_use]
    pub fn object_name(&self) -> String {
        match self {
            Self::Controller => "controller".to_owned(),
            Self::Speaker(node) => format!("speaker-{node}"),
        }
    }

    /// The labels of its ConfigurationState.
    #[must_use]
    pub fn labels(&self) -> Vec<(&'static str, &str)> {
        const TYPE: &str = "metallb.io/component-type";
        match self {
            Self::Controller => vec![(TYPE, "controller")],
            Self::Speaker(node) => vec![(TYPE, "speaker"), ("metallb.io/node-name", node.as_str())],
        }
    }

    /// The type of its condition.
    #[must_use]
    pub const fn condition(&self) -> &'static str {
        match self {
            Self::Controller => "poolReconcilerValid",
            Self::Speaker(_) => "configReconcilerValid",
        }
    }

    /// The field manager of its condition.
    #[must_use]
    pub const fn field_manager(&self) -> &'static str {
        match self {
            Self::Controller => "poolReconciler",
            Self::Speaker(_) => "configReconciler",
        }
    }
}

/// Whether everything is accepted, and what is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Empty if everything is.
    message: String,
}

impl Verdict {
    /// What to say of these problems; warnings refuse nothing.
    pub fn of<'a>(problems: impl IntoIterator<Item = &'a Problem>) -> Self {
        let mut message = String::new();
        let mut omitted = 0_usize;
        for problem in problems.into_iter().filter(|p| p.severity == Severity::Error) {
            let line = line(problem);
            if message.len() + line.len() > MESSAGE_BYTES {
                omitted += 1;
                continue;
            }
            message.push_str(if message.is_empty() {
                "configuration error: "
            } else {
                "\n"
            });
            message.push_str(&line);
        }
        if omitted > 0 {
            let _ = write!(message, "\nand {omitted} more");
        }
        Self { message }
    }

    /// Whether everything is accepted.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.message.is_empty()
    }

    /// The status that says so at the time `now` (RFC 3339), where `present` stands; none if that says it already.
    #[must_use]
    pub fn status(
        &self,
        component: &Component,
        present: &ConfigurationStateStatus,
        now: &str,
    ) -> Option<ConfigurationStateStatus> {
        let kind = component.condition();
        let before = present.conditions.iter().find(|c| c.kind == kind);
        let status = if self.is_valid() { "True" } else { "False" };
        let same = before.filter(|c| c.status == status && !c.last_transition_time.is_empty());
        let wanted = ConfigurationStateStatus {
            result: Some(if self.is_valid() {
                ConfigurationResult::Valid
            } else {
                ConfigurationResult::Invalid
            }),
            error_summary: self.message.clone(),
            conditions: vec![Condition {
                kind: kind.to_owned(),
                status: status.to_owned(),
                reason: if self.is_valid() {
                    "Reconciled"
                } else {
                    "ConfigurationError"
                }
                .to_owned(),
                message: self.message.clone(),
                last_transition_time: same.map_or_else(|| now.to_owned(), |c| c.last_transition_time.clone()),
                observed_generation: None,
            }],
        };
        let says_so = before == wanted.conditions.first()
            && present.result == wanted.result
            && present.error_summary == wanted.error_summary;
        (!says_so).then_some(wanted)
    }
}

fn line(problem: &Problem) -> String {
    let Problem {
        kind,
        name,
        field,
        message,
        reason,
        ..
    } = problem;
    if field.is_empty() {
        format!("{kind} {name}: {message} ({reason})")
    } else {
        format!("{kind} {name} {field}: {message} ({reason})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(severity: Severity, name: &str, message: &str) -> Problem {
        Problem {
            severity,
            kind: "BGPPeer".into(),
            namespace: "lb".into(),
            name: name.into(),
            field: "spec.bfdProfile".into(),
            value: None,
            reason: "UnknownBFDProfile".into(),
            message: message.into(),
        }
    }

    fn speaker() -> Component {
        Component::Speaker("n1".into())
    }

    fn refused() -> Verdict {
        Verdict::of(&[
            problem(Severity::Error, "a", "there is none"),
            problem(Severity::Warning, "b", "doubtful"),
            problem(Severity::Error, "c", "it is refused"),
        ])
    }

    #[test]
    fn what_is_refused_is_named_line_by_line_and_warnings_are_not() {
        let status = refused().status(&speaker(), &ConfigurationStateStatus::default(), "t1");
        let status = status.expect("nothing was said before");
        assert_eq!(
            status.error_summary,
            "configuration error: BGPPeer a spec.bfdProfile: there is none (UnknownBFDProfile)\n\
             BGPPeer c spec.bfdProfile: it is refused (UnknownBFDProfile)"
        );
        let [condition] = &status.conditions[..] else {
            panic!("{status:?}")
        };
        assert_eq!(
            (&*condition.kind, &*condition.status, &*condition.reason),
            ("configReconcilerValid", "False", "ConfigurationError")
        );
        assert_eq!(condition.message, status.error_summary);
        assert_eq!(status.result, Some(ConfigurationResult::Invalid));
    }

    #[test]
    fn nothing_is_said_twice() {
        for verdict in [refused(), Verdict::default()] {
            let first = verdict.status(&speaker(), &ConfigurationStateStatus::default(), "t1");
            assert_eq!(
                verdict.status(&speaker(), &first.expect("the first time"), "t2"),
                None
            );
        }
    }

    #[test]
    fn the_time_is_that_of_the_last_change_between_valid_and_not() {
        let time = |status: &ConfigurationStateStatus| status.conditions[0].last_transition_time.clone();
        let report = |verdict: Verdict, present: &ConfigurationStateStatus, now| {
            verdict.status(&speaker(), present, now).expect("it differs")
        };
        let first = report(refused(), &ConfigurationStateStatus::default(), "t1");
        let one = Verdict::of(&[problem(Severity::Error, "a", "there is none")]);
        let second = report(one, &first, "t2");
        assert_eq!((time(&first), time(&second)), ("t1".into(), "t1".into()));
        let repaired = report(Verdict::default(), &second, "t3");
        assert_eq!((time(&repaired), &*repaired.error_summary), ("t3".into(), ""));
        assert_eq!(repaired.result, Some(ConfigurationResult::Valid));
    }

    #[test]
    fn what_others_wrote_into_the_status_is_put_right() {
        let valid = Verdict::default().status(&speaker(), &ConfigurationStateStatus::default(), "t1");
        let mut edited = valid.clone().expect("the first time");
        edited.result = None;
        assert_eq!(Verdict::default().status(&speaker(), &edited, "t2"), valid);
    }

    #[test]
    fn a_message_is_bounded_and_says_how_much_is_missing() {
        let long = "x".repeat(1000);
        let problems: Vec<Problem> = (0..100)
            .map(|n| problem(Severity::Error, &n.to_string(), &long))
            .collect();
        let verdict = Verdict::of(&problems);
        assert!(
            verdict.message.len() < MESSAGE_BYTES + 64,
            "{}",
            verdict.message.len()
        );
        assert!(verdict.message.ends_with("\nand 85 more"), "{}", verdict.message);
    }
}
