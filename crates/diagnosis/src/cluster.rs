//! Checks of the cluster, from what its API server told.
//!
//! ```text
//!   objects ──▶ Plan ──▶ configuration, pools, advertisements, services
//!          └──────────▶ programs, speakers, reports
//!   definitions, webhooks, kube-proxy, rights, time ──▶ one check each
//! ```

mod installation;
mod objects;
mod programs;

use std::collections::BTreeMap;

use serde_json::Value;

use ferrolb_plan::report::{Options, Plan};

use crate::check::{Area, Check, Checks};
use crate::roles::{Permission, Process};

pub use programs::component_of;

/// Lines about things of one kind before the rest is counted.
const LINES_MAX: usize = 10;
/// Names in one line.
const NAMES_MAX: usize = 8;

/// What became of an attempt to read something.
#[derive(Clone, Debug, PartialEq)]
pub enum Fetched {
    /// It is there.
    Found(Value),
    /// It is not.
    Missing,
    /// Nobody knows, and why.
    Unknown(String),
}

/// What is known of a cluster whose API server answers.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Everything that was listed, with kinds: configuration, Services, Nodes, status objects, pods of both components.
    pub objects: Vec<Value>,
    /// Kinds that could not be listed, as plurals, and why.
    pub unreadable: BTreeMap<&'static str, String>,
    /// CustomResourceDefinitions: as they should be, and what the cluster has.
    pub definitions: Vec<(Value, Fetched)>,
    /// The ValidatingWebhookConfiguration.
    pub webhooks: Option<Fetched>,
    /// In how many seconds the first of the webhooks' bundles trusts nobody any more, if that could be read; negative: since when.
    pub webhook_trust_seconds: Option<i64>,
    /// The ConfigMap of kube-proxy.
    pub kube_proxy: Option<Fetched>,
    /// The rights of each component's ServiceAccount.
    pub rights: Vec<Rights>,
    /// By how many seconds the clock of this host is ahead of the API server's.
    pub clock_ahead_seconds: Option<i64>,
}

/// The rights of a ServiceAccount.
#[derive(Clone, Debug)]
pub struct Rights {
    /// Which component it is for.
    pub process: Process,
    /// `namespace/name`.
    pub account: String,
    /// What it lacks, or why that is not known.
    pub lacking: Result<Vec<Permission>, String>,
}

/// Judges a cluster. The planning is done as `options` say.
#[must_use]
pub fn examine(facts: &Facts, options: &Options) -> Vec<Check> {
    let mut checks = Checks::of(Area::Cluster);
    installation::clock(facts.clock_ahead_seconds, &mut checks);
    installation::definitions(&facts.definitions, &mut checks);
    installation::rights(&facts.rights, &mut checks);
    installation::webhooks(facts, &mut checks);
    installation::kube_proxy(facts.kube_proxy.as_ref(), &mut checks);
    programs::examine(facts, &mut checks);
    let plan = Plan::draw_up(facts.objects.clone(), options);
    objects::examine(facts, &plan, options, &mut checks);
    checks.finish()
}

/// A text in an object, or an empty one.
fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects.iter().filter(move |object| object["kind"] == kind)
}

/// The first few, and how many more there are.
fn list<T: AsRef<str>>(items: &[T]) -> String {
    let mut names: Vec<String> = items
        .iter()
        .take(NAMES_MAX)
        .map(|item| format!("`{}`", item.as_ref()))
        .collect();
    let more = items.len().saturating_sub(NAMES_MAX);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests;
