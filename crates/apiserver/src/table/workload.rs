//! Columns of nodes, pods and what runs them.

use jiff::Timestamp;
use serde_json::Value;

use super::builtin::{containers, name};
use super::{Heading, NONE, UNKNOWN, age, column, integer, items, joined, labels, or, wide};
use crate::object::is_terminating;

pub(super) const NODE: &[Heading] = &[
    column("Name"),
    column("Status"),
    column("Roles"),
    column("Age"),
    column("Version"),
    wide("Internal-IP"),
    wide("External-IP"),
    wide("OS-Image"),
    wide("Kernel-Version"),
    wide("Container-Runtime"),
];

pub(super) fn node(object: &Value, now: Timestamp) -> Vec<Value> {
    let info = &object["status"]["nodeInfo"];
    vec![
        name(object),
        node_status(object).into(),
        roles(object),
        age(object, now),
        or(&info["kubeletVersion"], ""),
        address(object, "InternalIP"),
        address(object, "ExternalIP"),
        or(&info["osImage"], UNKNOWN),
        or(&info["kernelVersion"], UNKNOWN),
        or(&info["containerRuntimeVersion"], UNKNOWN),
    ]
}

fn node_status(node: &Value) -> String {
    let conditions = items(&node["status"]["conditions"]);
    let ready = conditions.iter().find(|c| c["type"] == "Ready");
    let word = match ready.map(|c| c["status"] == "True") {
        Some(true) => "Ready",
        Some(false) => "NotReady",
        None => "Unknown",
    };
    match node["spec"]["unschedulable"] == true {
        true => format!("{word},SchedulingDisabled"),
        false => word.to_owned(),
    }
}

fn roles(node: &Value) -> Value {
    let pairs = node["metadata"]["labels"].as_object().into_iter().flatten();
    let mut found: Vec<String> = pairs
        .filter_map(
            |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
                Some(role) if !role.is_empty() => Some(role.to_owned()),
                _ if key == "kubernetes.io/role" => value.as_str().map(str::to_owned),
                _ => None,
            },
        )
        .collect();
    found.sort();
    found.dedup();
    joined(&found)
}

fn address(node: &Value, kind: &str) -> Value {
    let mut all = items(&node["status"]["addresses"]).iter();
    let found = all.find(|a| a["type"] == kind);
    or(found.map_or(&Value::Null, |a| &a["address"]), NONE)
}

pub(super) const POD: &[Heading] = &[
    column("Name"),
    column("Ready"),
    column("Status"),
    column("Restarts"),
    column("Age"),
    wide("IP"),
    wide("Node"),
    wide("Nominated Node"),
    wide("Readiness Gates"),
];

pub(super) fn pod(object: &Value, now: Timestamp) -> Vec<Value> {
    let statuses = items(&object["status"]["containerStatuses"]);
    let ready = statuses.iter().filter(|s| s["ready"] == true).count();
    let restarts: u64 = statuses.iter().filter_map(|s| s["restartCount"].as_u64()).sum();
    let all = items(&object["spec"]["containers"]).len();
    let status = match is_terminating(object) {
        true => "Terminating".into(),
        false => or(
            &object["status"]["reason"],
            object["status"]["phase"].as_str().unwrap_or(UNKNOWN),
        ),
    };
    vec![
        name(object),
        format!("{ready}/{all}").into(),
        status,
        restarts.to_string().into(),
        age(object, now),
        or(&object["status"]["podIP"], NONE),
        or(&object["spec"]["nodeName"], NONE),
        or(&object["status"]["nominatedNodeName"], NONE),
        NONE.into(),
    ]
}

fn number(value: &Value) -> Value {
    value.as_i64().unwrap_or(0).into()
}

/// A label selector's `matchLabels`.
fn selector(object: &Value) -> Value {
    labels(&object["spec"]["selector"]["matchLabels"])
}

fn ready_of(object: &Value, ready: &str) -> Value {
    let ready = object["status"][ready].as_i64().unwrap_or(0);
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    format!("{ready}/{wanted}").into()
}

pub(super) const DEPLOYMENT: &[Heading] = &[
    column("Name"),
    column("Ready"),
    column("Up-to-date"),
    column("Available"),
    column("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) fn deployment(object: &Value, now: Timestamp) -> Vec<Value> {
    let (names, images) = containers(object);
    let text = |field: &str| Value::from(object["status"][field].as_i64().unwrap_or(0).to_string());
    vec![
        name(object),
        ready_of(object, "readyReplicas"),
        text("updatedReplicas"),
        text("availableReplicas"),
        age(object, now),
        names,
        images,
        selector(object),
    ]
}

pub(super) const DAEMON_SET: &[Heading] = &[
    column("Name"),
    integer("Desired"),
    integer("Current"),
    integer("Ready"),
    integer("Up-to-date"),
    integer("Available"),
    column("Node Selector"),
    column("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) fn daemon_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let (names, images) = containers(object);
    let status = |field: &str| number(&object["status"][field]);
    vec![
        name(object),
        status("desiredNumberScheduled"),
        status("currentNumberScheduled"),
        status("numberReady"),
        status("updatedNumberScheduled"),
        status("numberAvailable"),
        labels(&object["spec"]["template"]["spec"]["nodeSelector"]),
        age(object, now),
        names,
        images,
        selector(object),
    ]
}

pub(super) const REPLICA_SET: &[Heading] = &[
    column("Name"),
    integer("Desired"),
    integer("Current"),
    integer("Ready"),
    column("Age"),
    wide("Containers"),
    wide("Images"),
    wide("Selector"),
];

pub(super) fn replica_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let (names, images) = containers(object);
    vec![
        name(object),
        object["spec"]["replicas"].as_i64().unwrap_or(1).into(),
        number(&object["status"]["replicas"]),
        number(&object["status"]["readyReplicas"]),
        age(object, now),
        names,
        images,
        selector(object),
    ]
}

pub(super) const STATEFUL_SET: &[Heading] = &[
    column("Name"),
    column("Ready"),
    column("Age"),
    wide("Containers"),
    wide("Images"),
];

pub(super) fn stateful_set(object: &Value, now: Timestamp) -> Vec<Value> {
    let (names, images) = containers(object);
    vec![
        name(object),
        ready_of(object, "readyReplicas"),
        age(object, now),
        names,
        images,
    ]
}

pub(super) const BUDGET: &[Heading] = &[
    column("Name"),
    column("Min Available"),
    column("Max Unavailable"),
    integer("Allowed Disruptions"),
    column("Age"),
];

pub(super) fn budget(object: &Value, now: Timestamp) -> Vec<Value> {
    let limit = |field: &str| match &object["spec"][field] {
        Value::Null => Value::from("N/A"),
        Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    };
    vec![
        name(object),
        limit("minAvailable"),
        limit("maxUnavailable"),
        number(&object["status"]["disruptionsAllowed"]),
        age(object, now),
    ]
}
