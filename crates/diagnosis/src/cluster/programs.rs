//! Which programs run: one controller, a speaker on each node, and nobody else who does the same.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Facts, list, of_kind, text};
use crate::check::Checks;
use crate::roles::Process;

/// Labels by which manifests and chart of the reference name a component.
const COMPONENT_LABELS: [&str; 2] = ["component", "app.kubernetes.io/component"];

/// Whose program a pod runs, by its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Program {
    Ferrolb,
    Metallb,
    Unknown,
}

/// A pod of a controller or a speaker.
struct Pod<'a> {
    name: String,
    node: &'a str,
    program: Program,
    is_ready: bool,
}

pub(super) fn examine(facts: &Facts, checks: &mut Checks) {
    if let Some(why) = facts.unreadable.get("pods") {
        for name in ["controller", "speakers", "other-programs"] {
            checks.skip(name, format!("pods cannot be listed: {why}"));
        }
        return;
    }
    let controllers = pods(&facts.objects, Process::Controller);
    let speakers = pods(&facts.objects, Process::Speaker);
    if controllers.is_empty() && speakers.is_empty() {
        for name in ["controller", "speakers"] {
            checks.skip(
                name,
                "no pod is labelled as a controller or a speaker (`ferrolb standalone` and processes outside of pods have none)",
            );
        }
        return;
    }
    controller(&controllers, checks);
    speaker_on_each_node(facts, &speakers, checks);
    strangers(&controllers, &speakers, checks);
}

fn pods(objects: &[Value], process: Process) -> Vec<Pod<'_>> {
    let pods = of_kind(objects, "Pod").filter(|pod| component_of(pod) == Some(process));
    pods.filter(|pod| text(pod, "/metadata/deletionTimestamp").is_empty())
        .map(Pod::of)
        .collect()
}

/// Which component a pod is labelled as.
#[must_use]
pub fn component_of(pod: &Value) -> Option<Process> {
    let label = |process: &Process| {
        COMPONENT_LABELS
            .iter()
            .any(|key| pod["metadata"]["labels"][*key] == process.as_str())
    };
    Process::ALL.into_iter().find(label)
}

impl<'a> Pod<'a> {
    fn of(pod: &'a Value) -> Self {
        let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
        let is_ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
        Self {
            name: format!(
                "{}/{}",
                text(pod, "/metadata/namespace"),
                text(pod, "/metadata/name")
            ),
            node: text(pod, "/spec/nodeName"),
            program: program(pod),
            is_ready: conditions.is_some_and(|conditions| conditions.iter().any(is_ready)),
        }
    }
}

fn program(pod: &Value) -> Program {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let images = containers
        .into_iter()
        .flatten()
        .map(|container| text(container, "/image"));
    let mut programs = images.map(|image| match image {
        image if image.contains("ferrolb") => Program::Ferrolb,
        image if image.contains("metallb") => Program::Metallb,
        _ => Program::Unknown,
    });
    programs
        .find(|program| *program != Program::Unknown)
        .unwrap_or(Program::Unknown)
}

fn controller(controllers: &[Pod<'_>], checks: &mut Checks) {
    const NAME: &str = "controller";
    let ready: Vec<&str> = controllers
        .iter()
        .filter(|pod| pod.is_ready)
        .map(|pod| &*pod.name)
        .collect();
    if !ready.is_empty() {
        return checks.ok(NAME, format!("ready: {}", list(&ready)));
    }
    let unready: Vec<&str> = controllers.iter().map(|pod| &*pod.name).collect();
    let message = match &*unready {
        [] => "no pod of a controller is there, so no Service gets an address; start one".to_owned(),
        names => format!(
            "{} is not ready, so no Service gets an address; see its log",
            list(names)
        ),
    };
    checks.fail(NAME, message);
}

fn speaker_on_each_node(facts: &Facts, speakers: &[Pod<'_>], checks: &mut Checks) {
    const NAME: &str = "speakers";
    if let Some(why) = facts.unreadable.get("nodes") {
        return checks.skip(NAME, format!("nodes cannot be listed: {why}"));
    }
    let running: BTreeMap<&str, bool> = speakers.iter().map(|pod| (pod.node, pod.is_ready)).collect();
    let nodes: BTreeSet<&str> = of_kind(&facts.objects, "Node")
        .filter(|node| matches!(text(node, "/metadata/labels/kubernetes.io~1os"), "" | "linux"))
        .map(|node| text(node, "/metadata/name"))
        .collect();
    let without = |state: Option<bool>| -> Vec<&str> {
        nodes
            .iter()
            .filter(|node| running.get(*node).copied() == state)
            .copied()
            .collect()
    };
    let (missing, unready) = (without(None), without(Some(false)));
    if !unready.is_empty() {
        checks.warn(
            NAME,
            format!(
                "the speaker on {} is not ready, so that node announces nothing; see its log",
                list(&unready)
            ),
        );
    }
    if !missing.is_empty() {
        let message = format!(
            "{} have no speaker and announce nothing; that is right if they are meant to (node selector, taints)",
            list(&missing)
        );
        if missing.len() == nodes.len() {
            checks.fail(
                NAME,
                "no node has a speaker, so no address is announced; see the DaemonSet",
            );
        } else {
            checks.warn(NAME, message);
        }
    }
    checks.otherwise(NAME, format!("ready on all {} nodes", nodes.len()));
}

/// Programs of the reference that run at the same time.
fn strangers(controllers: &[Pod<'_>], speakers: &[Pod<'_>], checks: &mut Checks) {
    const NAME: &str = "other-programs";
    let of = |pods: &[Pod<'_>], program| -> Vec<String> {
        pods.iter()
            .filter(|pod| pod.program == program)
            .map(|pod| pod.name.clone())
            .collect()
    };
    let theirs = of(controllers, Program::Metallb);
    if !theirs.is_empty() && controllers.iter().any(|pod| pod.program != Program::Metallb) {
        checks.fail(
            NAME,
            format!(
                "{} run MetalLB's controller beside another one, and two programs give addresses away; scale one of them to zero",
                list(&theirs)
            ),
        );
    }
    let theirs = of(speakers, Program::Metallb);
    if !theirs.is_empty() && speakers.iter().any(|pod| pod.program != Program::Metallb) {
        checks.warn(
            NAME,
            format!(
                "{} run MetalLB's speaker beside others; they form one ring for the time of a rolling replacement, without the \
                 fast hand-over: finish it",
                list(&theirs)
            ),
        );
    }
    checks.otherwise(
        NAME,
        "no other load balancer's pods are labelled as a controller or a speaker",
    );
}
