//! What a component reports of the configuration in its ConfigurationState (api-and-config 1.9, 5.4).
//!
//! Unlike the reference's, a report is `Valid` only if everything that was written and could be read is in force, and its
//! time is that of the last change between the two.

use core::fmt::Write as _;

use ferrolb_types::NodeName;

use crate::metallb::{Condition, ConfigurationResult, ConfigurationStateStatus};
use crate::reason::{
    EVENT_ADDRESS_CONFLICT, EVENT_GOSSIP_UNREACHABLE, EVENT_NODE_ISOLATED, EVENT_NODE_TRAP,
    EVENT_OWNERSHIP_FROZEN, Reason,
};
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

/// What can be reported beside the configuration. The word is the type of the condition and the reason of the event.
const ALERTS: [Reason; 5] = [
    EVENT_ADDRESS_CONFLICT,
    EVENT_OWNERSHIP_FROZEN,
    EVENT_GOSSIP_UNREACHABLE,
    EVENT_NODE_ISOLATED,
    EVENT_NODE_TRAP,
];

/// Something that needs attention and has nothing to do with what is written in the configuration: a condition with status
/// `True` while it lasts, and no condition otherwise. It makes nothing `Invalid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// What it is about: one of the few kinds that have a condition.
    pub kind: Reason,
    /// The cause; the kind again where there is one cause only.
    pub reason: Reason,
    /// What, where, and what to do.
    pub message: String,
}

impl Alert {
    fn condition(&self, present: &ConfigurationStateStatus, now: &str) -> Condition {
        let kind = self.kind.word();
        condition(
            present,
            kind,
            "True",
            self.reason.word(),
            bounded(&self.message),
            now,
        )
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

    /// The status that says so at the time `now` (RFC 3339), where `present` stands, with a condition for each of `alerts`;
    /// none if that says it already.
    #[must_use]
    pub fn status<'a>(
        &self,
        component: &Component,
        alerts: impl IntoIterator<Item = &'a Alert>,
        present: &ConfigurationStateStatus,
        now: &str,
    ) -> Option<ConfigurationStateStatus> {
        let mut conditions = vec![self.condition(component, present, now)];
        conditions.extend(alerts.into_iter().map(|alert| alert.condition(present, now)));
        let result = Some(if self.is_valid() {
            ConfigurationResult::Valid
        } else {
            ConfigurationResult::Invalid
        });
        let says_so = present.result == result
            && present.error_summary == self.message
            && has_conditions(present, component, &conditions);
        (!says_so).then(|| ConfigurationStateStatus {
            result,
            error_summary: self.message.clone(),
            conditions,
        })
    }

    fn condition(&self, component: &Component, present: &ConfigurationStateStatus, now: &str) -> Condition {
        let (status, reason) = if self.is_valid() {
            ("True", "Reconciled")
        } else {
            ("False", "ConfigurationError")
        };
        let message = self.message.clone();
        condition(present, component.condition(), status, reason, message, now)
    }
}

/// A condition with the time of its last change of status.
fn condition(
    present: &ConfigurationStateStatus,
    kind: &str,
    status: &str,
    reason: &str,
    message: String,
    now: &str,
) -> Condition {
    let before = present.conditions.iter().find(|c| c.kind == kind);
    let same = before.filter(|c| c.status == status && !c.last_transition_time.is_empty());
    Condition {
        kind: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        last_transition_time: same.map_or_else(|| now.to_owned(), |c| c.last_transition_time.clone()),
        observed_generation: None,
    }
}

/// Whether of our conditions exactly these stand there; those of others do not matter.
fn has_conditions(present: &ConfigurationStateStatus, component: &Component, wanted: &[Condition]) -> bool {
    let is_ours =
        |kind: &str| kind == component.condition() || ALERTS.iter().any(|alert| alert.word() == kind);
    let ours = present.conditions.iter().filter(|c| is_ours(&c.kind));
    ours.count() == wanted.len() && wanted.iter().all(|c| present.conditions.contains(c))
}

/// A message as the API takes it.
fn bounded(message: &str) -> String {
    let mut end = message.len().min(MESSAGE_BYTES);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message[..end].to_owned()
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
        let status = refused().status(&speaker(), &[], &ConfigurationStateStatus::default(), "t1");
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
            let first = verdict.status(&speaker(), &[], &ConfigurationStateStatus::default(), "t1");
            assert_eq!(
                verdict.status(&speaker(), &[], &first.expect("the first time"), "t2"),
                None
            );
        }
    }

    #[test]
    fn the_time_is_that_of_the_last_change_between_valid_and_not() {
        let time = |status: &ConfigurationStateStatus| status.conditions[0].last_transition_time.clone();
        let report = |verdict: Verdict, present: &ConfigurationStateStatus, now| {
            verdict.status(&speaker(), &[], present, now).expect("it differs")
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
        let valid = Verdict::default().status(&speaker(), &[], &ConfigurationStateStatus::default(), "t1");
        let mut edited = valid.clone().expect("the first time");
        edited.result = None;
        assert_eq!(Verdict::default().status(&speaker(), &[], &edited, "t2"), valid);
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

    fn conflict(message: &str) -> Alert {
        Alert {
            kind: EVENT_ADDRESS_CONFLICT,
            reason: EVENT_ADDRESS_CONFLICT,
            message: message.into(),
        }
    }

    #[test]
    fn an_alert_is_a_condition_while_it_lasts_and_makes_nothing_invalid() {
        let valid = Verdict::default();
        let status = |alerts: &[Alert], present: &ConfigurationStateStatus, now| {
            valid.status(&speaker(), alerts, present, now)
        };
        let alerts = [conflict("192.0.2.1")];
        let raised = status(&alerts, &ConfigurationStateStatus::default(), "t1").expect("it is new");
        assert_eq!(raised.result, Some(ConfigurationResult::Valid));
        let [_, condition] = &raised.conditions[..] else {
            panic!("{raised:?}")
        };
        assert_eq!(
            (&*condition.kind, &*condition.status, &*condition.message),
            ("addressConflict", "True", "192.0.2.1")
        );
        assert_eq!(status(&alerts, &raised, "t2"), None, "nothing is said twice");

        let more = status(&[conflict("192.0.2.1, 192.0.2.2")], &raised, "t3").expect("the message differs");
        assert_eq!(more.conditions[1].last_transition_time, "t1");
        let ended = status(&[], &more, "t4").expect("it is over");
        assert_eq!(ended.conditions.len(), 1);
    }

    #[test]
    fn conditions_of_others_are_left_alone() {
        let valid = Verdict::default();
        let mut present = valid
            .status(&speaker(), &[], &ConfigurationStateStatus::default(), "t1")
            .expect("the first time");
        present.conditions.push(Condition {
            kind: "frrk8sReconcilerValid".into(),
            ..Condition::default()
        });
        assert_eq!(valid.status(&speaker(), &[], &present, "t2"), None);
    }
}
