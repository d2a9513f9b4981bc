//! Which built-in kind has which columns.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Heading, NONE, UNKNOWN, age, column, integer, items, joined, labels, network, or, since, wide, workload,
};
use crate::kinds::Resource;
use crate::object::meta_str;

/// Columns of a kind and how its cells are made.
pub(super) struct Table {
    pub(super) headings: &'static [Heading],
    pub(super) cells: fn(&Value, Timestamp) -> Vec<Value>,
}

/// The table of a built-in kind; custom kinds have theirs in the CRD.
pub(super) fn table_of(resource: &Resource) -> Option<Table> {
    if resource.is_custom() {
        return None;
    }
    let table = |headings, cells| Some(Table { headings, cells });
    match &*resource.kind {
        "Service" => table(network::SERVICE, network::service),
        "EndpointSlice" => table(network::SLICE, network::slice),
        "Endpoints" => table(network::ENDPOINTS, network::endpoints),
        "NetworkPolicy" => table(POLICY, policy),
        "Node" => table(workload::NODE, workload::node),
        "Pod" => table(workload::POD, workload::pod),
        "Deployment" => table(workload::DEPLOYMENT, workload::deployment),
        "DaemonSet" => table(workload::DAEMON_SET, workload::daemon_set),
        "ReplicaSet" => table(workload::REPLICA_SET, workload::replica_set),
        "StatefulSet" => table(workload::STATEFUL_SET, workload::stateful_set),
        "PodDisruptionBudget" => table(workload::BUDGET, workload::budget),
        "Namespace" => table(NAMESPACE, namespace),
        "Event" => table(EVENT, event),
        "Lease" => table(LEASE, lease),
        "Secret" => table(SECRET, secret),
        "ConfigMap" => table(CONFIG_MAP, config_map),
        "ValidatingWebhookConfiguration" => table(WEBHOOK, webhook),
        "RoleBinding" | "ClusterRoleBinding" => table(BINDING, binding),
        "CustomResourceDefinition" | "Role" | "ClusterRole" => table(CREATED, created),
        _ => table(PLAIN, plain),
    }
}

pub(super) fn name(object: &Value) -> Value {
    meta_str(object, "name").into()
}

const PLAIN: &[Heading] = &[column("Name"), column("Age")];

fn plain(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![name(object), age(object, now)]
}

const CREATED: &[Heading] = &[
    column("Name"),
    Heading {
        name: "Created At",
        kind: "date",
        wide: false,
    },
];

fn created(object: &Value, _now: Timestamp) -> Vec<Value> {
    vec![name(object), meta_str(object, "creationTimestamp").into()]
}

const NAMESPACE: &[Heading] = &[column("Name"), column("Status"), column("Age")];

fn namespace(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        or(&object["status"]["phase"], UNKNOWN),
        age(object, now),
    ]
}

const LEASE: &[Heading] = &[column("Name"), column("Holder"), column("Age")];

fn lease(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        or(&object["spec"]["holderIdentity"], ""),
        age(object, now),
    ]
}

const SECRET: &[Heading] = &[column("Name"), column("Type"), column("Data"), column("Age")];

fn count(value: &Value) -> usize {
    value.as_object().map_or(0, serde_json::Map::len)
}

fn secret(object: &Value, now: Timestamp) -> Vec<Value> {
    let data = count(&object["data"]);
    vec![
        name(object),
        or(&object["type"], ""),
        data.into(),
        age(object, now),
    ]
}

const CONFIG_MAP: &[Heading] = &[column("Name"), column("Data"), column("Age")];

fn config_map(object: &Value, now: Timestamp) -> Vec<Value> {
    let data = count(&object["data"]) + count(&object["binaryData"]);
    vec![name(object), data.into(), age(object, now)]
}

const WEBHOOK: &[Heading] = &[column("Name"), integer("Webhooks"), column("Age")];

fn webhook(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        items(&object["webhooks"]).len().into(),
        age(object, now),
    ]
}

const POLICY: &[Heading] = &[column("Name"), column("Pod-Selector"), column("Age")];

fn policy(object: &Value, now: Timestamp) -> Vec<Value> {
    let selector = &object["spec"]["podSelector"]["matchLabels"];
    vec![name(object), labels(selector), age(object, now)]
}

const BINDING: &[Heading] = &[
    column("Name"),
    column("Role"),
    column("Age"),
    wide("Users"),
    wide("Groups"),
    wide("ServiceAccounts"),
];

fn binding(object: &Value, now: Timestamp) -> Vec<Value> {
    let role = &object["roleRef"];
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let subjects = |kind: &str| {
        let list = items(&object["subjects"]).iter().filter(|s| s["kind"] == kind);
        let names: Vec<String> = list
            .map(|s| match text(&s["namespace"]) {
                namespace if namespace.is_empty() => text(&s["name"]),
                namespace => format!("{namespace}/{}", text(&s["name"])),
            })
            .collect();
        Value::from(names.join(", "))
    };
    vec![
        name(object),
        format!("{}/{}", text(&role["kind"]), text(&role["name"])).into(),
        age(object, now),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

const EVENT: &[Heading] = &[
    column("Last Seen"),
    column("Type"),
    column("Reason"),
    column("Object"),
    wide("Subobject"),
    wide("Source"),
    column("Message"),
    wide("First Seen"),
    wide("Count"),
    wide("Name"),
];

fn event(object: &Value, now: Timestamp) -> Vec<Value> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let about = &object["involvedObject"];
    let first = first_of(&[&object["firstTimestamp"], &object["eventTime"]]);
    let last = first_of(&[
        &object["series"]["lastObservedTime"],
        &object["lastTimestamp"],
        &object["eventTime"],
    ]);
    let count = object["series"]["count"]
        .as_i64()
        .or(object["count"].as_i64())
        .unwrap_or(1);
    let component = first_of(&[&object["source"]["component"], &object["reportingComponent"]]);
    let source = [component, text(&object["source"]["host"])];
    let source: Vec<String> = source.into_iter().filter(|s| !s.is_empty()).collect();
    vec![
        since(&last, now),
        text(&object["type"]).into(),
        text(&object["reason"]).into(),
        format!("{}/{}", text(&about["kind"]).to_lowercase(), text(&about["name"])).into(),
        text(&about["fieldPath"]).into(),
        source.join(", ").into(),
        text(&object["message"]).trim().into(),
        since(&first, now),
        count.to_string().into(),
        name(object),
    ]
}

/// The first text that is there.
fn first_of(values: &[&Value]) -> String {
    let mut texts = values.iter().filter_map(|v| v.as_str()).filter(|t| !t.is_empty());
    texts.next().unwrap_or_default().to_owned()
}

/// Names of containers and their images, for workloads.
pub(super) fn containers(object: &Value) -> (Value, Value) {
    let list = items(&object["spec"]["template"]["spec"]["containers"]);
    let field = |name: &str| {
        let texts: Vec<String> = list
            .iter()
            .filter_map(|c| c[name].as_str().map(str::to_owned))
            .collect();
        match texts.is_empty() {
            true => Value::from(NONE),
            false => joined(&texts),
        }
    };
    (field("name"), field("image"))
}
