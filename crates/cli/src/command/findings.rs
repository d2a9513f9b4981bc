//! Problems with the places where they are written.

use ferrolb_api::{Problem, Severity};
use ferrolb_plan::report::Plan;
use serde::Serialize;

use super::input::{Input, Place};

/// A problem, where it is written, and which nodes have it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    #[serde(flatten)]
    pub(super) problem: Problem,
    /// Absent for objects of a cluster.
    #[serde(flatten)]
    pub(super) place: Option<Place>,
    /// Where it is one of some nodes only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) nodes: Vec<String>,
}

/// Everything that the plan finds wrong; a problem of several nodes once.
pub(super) fn of_plan(plan: &Plan, input: &Input) -> Vec<Finding> {
    let mut found: Vec<(Problem, Vec<String>)> =
        plan.problems.iter().map(|p| (p.clone(), Vec::new())).collect();
    for node in &plan.nodes {
        for problem in &node.problems {
            match found
                .iter_mut()
                .find(|(p, nodes)| p == problem && !nodes.is_empty())
            {
                Some((_, nodes)) => nodes.push(node.name.clone()),
                None => found.push((problem.clone(), vec![node.name.clone()])),
            }
        }
    }
    let mut places = input.places();
    let finding = |(problem, mut nodes): (Problem, Vec<String>)| Finding {
        place: places.of(&problem),
        nodes: {
            // A Node's own problem names it already, and one of all nodes is one of the configuration.
            nodes.retain(|node| *node != problem.name);
            if nodes.len() == plan.nodes.len() {
                Vec::new()
            } else {
                nodes
            }
        },
        problem,
    };
    found.into_iter().map(finding).collect()
}

impl Finding {
    /// `error` or `warning`.
    pub(super) const fn severity(&self) -> &'static str {
        match self.problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }

    /// `FILE:LINE: error: Kind namespace/name field: message (Reason)`, which editors and pipelines know how to read.
    pub(super) fn line(&self) -> String {
        let place = self.place.as_ref().map(|p| format!("{p}: ")).unwrap_or_default();
        let field = match &*self.problem.field {
            "" => String::new(),
            field => format!(" {field}"),
        };
        let (severity, object) = (self.severity(), self.object());
        let Problem { message, reason, .. } = &self.problem;
        format!(
            "{place}{severity}: {object}{field}: {message} ({reason}){}\n",
            self.on_nodes()
        )
    }

    /// ` on n1, n2`, if it is a problem of some nodes.
    pub(super) fn on_nodes(&self) -> String {
        match &*self.nodes {
            [] => String::new(),
            nodes => format!(" on {}", nodes.join(", ")),
        }
    }

    /// `Kind namespace/name`, as far as there is one.
    pub(super) fn object(&self) -> String {
        object(&self.problem.kind, &self.problem.namespace, &self.problem.name)
    }
}

/// `Kind namespace/name`, as far as there is one.
pub(super) fn object(kind: &str, namespace: &str, name: &str) -> String {
    let kind = if kind.is_empty() { "object" } else { kind };
    let slash = if namespace.is_empty() { "" } else { "/" };
    format!("{kind} {namespace}{slash}{name}").trim_end().to_owned()
}

/// `1 error`, `2 warnings`.
pub(super) fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
