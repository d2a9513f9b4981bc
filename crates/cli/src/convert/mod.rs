//! From what other load balancers are configured with to objects of the `metallb.io` group.
//!
//! Facts about the kinds of others are those of their public documentation. What has no counterpart is never dropped in
//! silence: every field is either used or named, since [`Fields`] knows which of them nobody asked for.
//!
//! ```text
//!   manifests ──▶ config_map   ConfigMap `config` of MetalLB up to v0.12 ──┐
//!            ├──▶ kube_vip     ConfigMap `kubevip` ────────────────────────┼──▶ objects + notes ──resolve──▶ refusals
//!            ├──▶ cilium_pool  pools, L2 announcement policies ────────────┤
//!            └──▶ cilium_bgp   peering policies, cluster configs ──────────┘
//! ```

mod addresses;
mod cilium_bgp;
mod cilium_pool;
mod config_map;
mod fields;
mod kube_vip;
mod name;
mod selector;

use ferrolb_api::{BgpMode, Problem, RawConfig, Rules, Severity, resolve};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::manifest::Source;
use fields::Fields;

/// `apiVersion` of [`Conversion`].
const API_VERSION: &str = "convert.ferrolb.io/v1";

/// What was made of the input; the document of `-o json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Conversion {
    api_version: &'static str,
    /// Whether every object was converted and the result is accepted.
    pub(crate) valid: bool,
    /// The objects, in the order in which they depend on each other.
    pub(crate) objects: Vec<Value>,
    /// What is not as it was, in the order of the input.
    pub(crate) notes: Vec<Note>,
    /// What the resolver says about the result.
    pub(crate) problems: Vec<Problem>,
}

/// Something that does not carry over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Note {
    /// `error`: the object is not converted; `warning`: it is, without this.
    pub(crate) severity: Severity,
    pub(crate) file: String,
    /// Counted from 1.
    pub(crate) document: usize,
    /// Of the field where it is found, else of the beginning of the document; counted from 1.
    pub(crate) line: usize,
    /// `Kind name`.
    pub(crate) object: String,
    /// A path, or empty.
    pub(crate) field: String,
    pub(crate) message: String,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "note",
        };
        write!(f, "{severity}: {}:{}: {}", self.file, self.line, self.object)?;
        if !self.field.is_empty() {
            write!(f, ", {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options<'a> {
    /// Where the objects go, unless MetalLB's own ConfigMap says otherwise.
    pub(crate) namespace: &'a str,
    /// The input is the text of the ConfigMap's key `config`, alone.
    pub(crate) only_data: bool,
}

/// Collects what is made of the input.
struct Out<'a> {
    objects: Vec<Value>,
    notes: Vec<Note>,
    source: &'a Source,
    object: String,
    namespace: String,
}

impl Out<'_> {
    /// Adds an object; fields that are null are left out.
    fn add(&mut self, version: &str, kind: &str, name: &str, spec: Value) {
        let metadata = json!({ "name": name, "namespace": self.namespace });
        let spec = without_nulls(spec);
        let api_version = format!("metallb.io/{version}");
        self.objects
            .push(json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec }));
    }

    fn note(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.tell(Severity::Warning, field.into(), message.into());
    }

    fn error(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.tell(Severity::Error, field.into(), message.into());
    }

    fn tell(&mut self, severity: Severity, field: String, message: String) {
        self.notes.push(Note {
            severity,
            file: self.source.file.clone(),
            document: self.source.document,
            line: self.source.line,
            object: self.object.clone(),
            field,
            message,
        });
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// Converts everything in `documents`.
pub(crate) fn convert(documents: &[(Source, Value)], options: Options<'_>) -> Conversion {
    let flat: Vec<(&Source, Value)> = documents
        .iter()
        .flat_map(|(source, value)| flat(value.clone()).into_iter().map(move |value| (source, value)))
        .collect();
    let values: Vec<&Value> = flat.iter().map(|(_, value)| value).collect();
    let library = cilium_bgp::Library::new(&values);
    let (mut objects, mut notes) = (Vec::new(), Vec::new());
    for (source, value) in &flat {
        let mut out = Out {
            objects: std::mem::take(&mut objects),
            notes: std::mem::take(&mut notes),
            source,
            object: title(value),
            namespace: options.namespace.to_owned(),
        };
        one(value, options, &library, &mut out);
        (objects, notes) = (out.objects, out.notes);
    }
    finish(objects, notes)
}

fn one(value: &Value, options: Options<'_>, library: &cilium_bgp::Library, out: &mut Out<'_>) {
    if options.only_data {
        "the text of key `config`".clone_into(&mut out.object);
        return config_map::configuration(value, out);
    }
    let group = text(value, "/apiVersion")
        .split_once('/')
        .map_or("", |(group, _)| group);
    match (group, text(value, "/kind")) {
        ("", "ConfigMap") if value.pointer("/data/config").is_some() => config_map::convert(value, out),
        ("", "ConfigMap") if text(value, "/metadata/name") == kube_vip::NAME => kube_vip::convert(value, out),
        ("cilium.io", kind) => match kind {
            "CiliumLoadBalancerIPPool" => cilium_pool::pool(value, out),
            "CiliumL2AnnouncementPolicy" => cilium_pool::l2(value, out),
            "CiliumBGPPeeringPolicy" => cilium_bgp::peering_policy(value, out),
            "CiliumBGPClusterConfig" => cilium_bgp::cluster_config(value, library, out),
            "CiliumBGPPeerConfig" => library.check_peer_config(value, out),
            "CiliumBGPAdvertisement" => library.check_advertisement(value, out),
            _ => out.note("", "this kind has no counterpart"),
        },
        _ => out.note("", "this kind is not converted"),
    }
}

/// The items of lists, however deep.
fn flat(mut value: Value) -> Vec<Value> {
    let is_list = text(&value, "/kind").ends_with("List");
    match value.get_mut("items").filter(|_| is_list) {
        Some(Value::Array(items)) => std::mem::take(items).into_iter().flat_map(flat).collect(),
        _ => vec![value],
    }
}

fn title(value: &Value) -> String {
    format!("{} {}", text(value, "/kind"), text(value, "/metadata/name"))
        .trim()
        .to_owned()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The order of the reference's converter: what others name comes first.
const ORDER: [&str; 6] = [
    "BGPPeer",
    "IPAddressPool",
    "BGPAdvertisement",
    "L2Advertisement",
    "BFDProfile",
    "Community",
];

fn finish(mut objects: Vec<Value>, notes: Vec<Note>) -> Conversion {
    objects.sort_by_key(|object| ORDER.iter().position(|kind| *kind == text(object, "/kind")));
    let mut raw = RawConfig {
        // Not the mode whose daemon can do the least: what is converted is meant for the built-in stack.
        rules: Rules {
            bgp_mode: BgpMode::Frr,
            ..Rules::default()
        },
        ..RawConfig::default()
    };
    let refused: Vec<Problem> = objects
        .iter()
        .filter_map(|object| raw.add(object).err())
        .map(|p| *p)
        .collect();
    let problems: Vec<Problem> = refused.into_iter().chain(resolve(&raw).problems).collect();
    let failed = notes.iter().any(|note| note.severity == Severity::Error)
        || problems.iter().any(|problem| problem.severity == Severity::Error);
    Conversion {
        api_version: API_VERSION,
        valid: !failed,
        objects,
        notes,
        problems,
    }
}

/// A map without what is empty, so that output holds what was asked for and no more.
fn spec(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let said = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        _ => true,
    };
    let fields = fields.into_iter().filter(|(_, value)| said(value));
    Value::Object(
        fields
            .map(|(key, value)| (key.to_owned(), value))
            .collect::<Map<_, _>>(),
    )
}

#[cfg(test)]
mod tests;
