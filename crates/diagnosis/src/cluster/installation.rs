//! What is installed: definitions, rights, webhooks, kube-proxy, the time.

use core::fmt;
use std::collections::BTreeSet;

use serde_json::Value;

use ferrolb_api::reason;

use super::{Facts, Fetched, Rights, list, of_kind, text};
use crate::check::{Area, Check, Checks, Outcome};
use crate::roles::Permission;

/// Leases and certificates go by the clock; below this nobody notices.
const CLOCK_SECONDS: i64 = 10;
/// Base64 of `-----BEGIN`, as every bundle in PEM starts.
const PEM: &str = "LS0tLS1CRUdJTi";

pub(super) fn clock(ahead: Option<i64>, checks: &mut Checks) {
    const NAME: &str = "clock";
    match ahead {
        None => checks.skip(NAME, "the API server does not tell the time"),
        Some(ahead) if ahead.abs() < CLOCK_SECONDS => {
            checks.ok(
                NAME,
                format!("this host and the API server agree, within {CLOCK_SECONDS} s"),
            );
        }
        Some(ahead) => {
            let (seconds, which) = (ahead.abs(), if ahead > 0 { "ahead of" } else { "behind" });
            checks.warn(
                NAME,
                format!("this host is {seconds} s {which} the API server; certificates and leases go by the clock, set it by NTP"),
            );
        }
    }
}

pub(super) fn definitions(definitions: &[(Value, Fetched)], checks: &mut Checks) {
    const NAME: &str = "definitions";
    let mut missing = Vec::new();
    for (ours, theirs) in definitions {
        let name = text(ours, "/metadata/name");
        match theirs {
            Fetched::Missing => missing.push(name),
            Fetched::Unknown(why) => {
                return checks.skip(NAME, format!("CustomResourceDefinitions cannot be read: {why}"));
            }
            Fetched::Found(theirs) => {
                let lacks = lacking(ours, theirs);
                if !lacks.is_empty() {
                    checks.warn(
                        NAME,
                        format!(
                            "{name} is older than this version and drops {}; bring it up to date: `ferrolb crds | kubectl apply \
                             --server-side -f -`",
                            list(&lacks)
                        ),
                    );
                }
            }
        }
    }
    if !missing.is_empty() {
        checks.fail(
            NAME,
            format!(
                "{} are missing; install them: `ferrolb crds | kubectl apply --server-side -f -`",
                list(&missing)
            ),
        );
    }
    checks.otherwise(
        NAME,
        format!(
            "all {} are there and know every field of this version",
            definitions.len()
        ),
    );
}

/// Versions and fields that a definition does not know, like `v1beta1 spec.preferredNodeSelectors`.
fn lacking(ours: &Value, theirs: &Value) -> Vec<String> {
    let (ours, theirs) = (fields(ours), fields(theirs));
    let lacks: Vec<&String> = ours.difference(&theirs).collect();
    // Of a version or an object that is missing as a whole its fields need not be told.
    let is_told = |field: &&&String| !lacks.iter().any(|other| is_within(field, other));
    lacks
        .iter()
        .filter(is_told)
        .map(|field| (*field).clone())
        .collect()
}

fn is_within(field: &str, parent: &str) -> bool {
    field
        .strip_prefix(parent)
        .is_some_and(|rest| rest.starts_with(['.', ' ']))
}

fn fields(definition: &Value) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    for version in versions
        .into_iter()
        .flatten()
        .filter(|version| version["served"] == true)
    {
        let name = text(version, "/name");
        out.insert(name.to_owned());
        collect(
            &version["schema"]["openAPIV3Schema"],
            &format!("{name} "),
            &mut out,
        );
    }
    out
}

fn collect(schema: &Value, prefix: &str, out: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (name, schema) in properties {
            let path = format!("{prefix}{name}");
            collect(schema, &format!("{path}."), out);
            out.insert(path);
        }
    }
    if schema["items"].is_object() {
        collect(&schema["items"], prefix, out);
    }
}

pub(super) fn rights(rights: &[Rights], checks: &mut Checks) {
    const NAME: &str = "roles";
    if rights.is_empty() {
        checks.skip(
            NAME,
            "no pod of the controller or a speaker tells which ServiceAccount it uses",
        );
    }
    for Rights {
        process,
        account,
        lacking,
    } in rights
    {
        let process = process.as_str();
        let lacking = match lacking {
            Ok(lacking) => lacking,
            Err(why) => {
                checks.skip(
                    NAME,
                    format!("what ServiceAccount `{account}` of the {process} may do is not known: {why}"),
                );
                continue;
            }
        };
        let (vital, useful): (Vec<&Permission>, Vec<&Permission>) =
            lacking.iter().partition(|permission| permission.lost.is_none());
        if !vital.is_empty() {
            let names = described(&vital);
            checks.fail(
                NAME,
                format!("ServiceAccount `{account}` of the {process} may not {names}; apply the roles of the manifests"),
            );
        }
        let consequences: BTreeSet<&str> = useful.iter().filter_map(|permission| permission.lost).collect();
        for lost in consequences {
            let losing: Vec<&Permission> = useful.iter().filter(|p| p.lost == Some(lost)).copied().collect();
            let names = described(&losing);
            checks.warn(
                NAME,
                format!("ServiceAccount `{account}` of the {process} may not {names}: {lost}"),
            );
        }
        if lacking.is_empty() {
            checks.ok(
                NAME,
                format!("ServiceAccount `{account}` has what the {process} needs"),
            );
        }
    }
}

fn described(permissions: &[&Permission]) -> String {
    let names: Vec<String> = permissions
        .iter()
        .map(|permission| permission.describe())
        .collect();
    list(&names)
}

/// The name of the check.
const WEBHOOKS: &str = "webhooks";
const DAY: i64 = 24 * 3600;
/// The controller renews what has less than 90 days left; with so little, it does not.
const TRUST_LEFT_MIN: i64 = 60 * DAY;

pub(super) fn webhooks(facts: &Facts, checks: &mut Checks) {
    let object = match &facts.webhooks {
        None => return,
        Some(Fetched::Unknown(why)) => {
            return checks.skip(WEBHOOKS, format!("the webhooks cannot be read: {why}"));
        }
        Some(Fetched::Missing) => {
            return checks.ok(
                WEBHOOKS,
                "none are installed; what is wrong is told by the definitions, in events and in ConfigurationState",
            );
        }
        Some(Fetched::Found(object)) => object,
    };
    let hooks: Vec<&Value> = object["webhooks"].as_array().into_iter().flatten().collect();
    let outage = Outage::of(&hooks);
    certificates(&hooks, &outage, checks);
    if let Some(left) = facts.webhook_trust_seconds.filter(|left| *left < TRUST_LEFT_MIN) {
        trust(left, &outage, checks);
    }
    let services: BTreeSet<_> = hooks.iter().filter_map(|hook| service_of(hook)).collect();
    for service in services
        .iter()
        .filter(|service| !is_served(service, &facts.objects))
    {
        let (namespace, name) = service;
        let message = format!("no ready pod is behind the webhooks' Service `{namespace}/{name}`");
        outage.tell(message, checks);
    }
    checks.otherwise(
        WEBHOOKS,
        format!(
            "{} webhooks with a certificate to trust, and a ready pod behind them",
            hooks.len()
        ),
    );
}

/// What it means that webhooks cannot be asked.
struct Outage {
    result: Outcome,
    consequence: &'static str,
}

impl Outage {
    fn of(hooks: &[&Value]) -> Self {
        if hooks.iter().any(|hook| hook["failurePolicy"] == "Fail") {
            Self {
                result: Outcome::Failed,
                consequence: "nothing can be applied until then (failurePolicy Fail)",
            }
        } else {
            Self {
                result: Outcome::Warning,
                consequence: "until then bad objects are told of later, in events (failurePolicy Ignore)",
            }
        }
    }

    fn tell(&self, cause: impl fmt::Display, checks: &mut Checks) {
        let message = format!("{cause}; {}", self.consequence);
        checks.push(Check::new(Area::Cluster, WEBHOOKS, self.result, message));
    }
}

fn certificates(hooks: &[&Value], outage: &Outage, checks: &mut Checks) {
    let without: Vec<&str> = hooks
        .iter()
        .filter(|hook| !text(hook, "/clientConfig/caBundle").starts_with(PEM))
        .map(|hook| text(hook, "/name"))
        .collect();
    if !without.is_empty() {
        let message = format!(
            "{} have no certificate to trust; see the log of the controller, which fills it in",
            list(&without)
        );
        outage.tell(message, checks);
    }
}

/// The certificate that is trusted ends in `left` seconds, or has ended.
fn trust(left: i64, outage: &Outage, checks: &mut Checks) {
    let days = left.unsigned_abs().div_ceil(DAY.unsigned_abs());
    let message = |when: &str| {
        format!(
            "the certificate that the API server trusts {when}; the controller renews it 90 days before, see its log, or renew \
             what --cert-dir holds"
        )
    };
    if left <= 0 {
        return outage.tell(message(&format!("ended up to {days} day(s) ago")), checks);
    }
    let message = message(&format!("ends within {days} day(s)"));
    checks.warn(
        WEBHOOKS,
        format!("{message}; then the API server does not ask them any more"),
    );
}

fn service_of(hook: &Value) -> Option<(String, String)> {
    let service = hook.pointer("/clientConfig/service")?;
    Some((
        text(service, "/namespace").to_owned(),
        text(service, "/name").to_owned(),
    ))
}

fn is_served((namespace, name): &(String, String), objects: &[Value]) -> bool {
    let is_of_service = |slice: &&Value| {
        text(slice, "/metadata/namespace") == namespace
            && slice["metadata"]["labels"]["kubernetes.io/service-name"].as_str() == Some(name)
    };
    let is_ready = |endpoint: &Value| endpoint["conditions"]["ready"] != false;
    of_kind(objects, "EndpointSlice")
        .filter(is_of_service)
        .filter_map(|slice| slice["endpoints"].as_array())
        .flatten()
        .any(is_ready)
}

/// kube-proxy's own configuration; what is in force on a node the node's checks tell.
pub(super) fn kube_proxy(config_map: Option<&Fetched>, checks: &mut Checks) {
    const NAME: &str = "kube-proxy";
    let config_map = match config_map {
        None => return,
        Some(Fetched::Missing) => {
            return checks.skip(
                NAME,
                "there is no ConfigMap kube-system/kube-proxy; another program may take its part",
            );
        }
        Some(Fetched::Unknown(why)) => {
            return checks.skip(
                NAME,
                format!("the ConfigMap kube-system/kube-proxy cannot be read: {why}"),
            );
        }
        Some(Fetched::Found(object)) => object,
    };
    let config = text(config_map, "/data/config.conf");
    match (yaml_value(config, "mode"), yaml_value(config, "strictARP")) {
        (Some("ipvs"), Some("true")) => checks.ok(NAME, "mode ipvs with strictARP"),
        (Some("ipvs"), _) => {
            let message = "mode ipvs without strictARP: the kernels of all nodes answer for every address of a Service; set \
                           `ipvs.strictARP: true` in the ConfigMap kube-system/kube-proxy and restart kube-proxy";
            checks.push(
                Check::new(Area::Cluster, NAME, Outcome::Failed, message).because(reason::STRICT_ARP_MISSING),
            );
        }
        (mode, _) => checks.ok(NAME, format!("mode {}", mode.unwrap_or("iptables"))),
    }
}

/// A plain value of the configuration's YAML, whose keys of interest occur once; none if it is empty.
fn yaml_value<'a>(config: &'a str, key: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.trim().strip_prefix(key)?.strip_prefix(':');
    let value = config.lines().find_map(value)?.trim().trim_matches(['"', '\'']);
    Some(value).filter(|value| !value.is_empty())
}
