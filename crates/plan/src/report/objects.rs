//! From untyped manifests to objects, as the API server would store them (spec/plan.md, "Objects read").

use core::mem;
use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use ferrolb_api::core::{EndpointSlice, Namespace, Node, Service};
use ferrolb_api::metallb::{
    BfdProfile, BgpAdvertisement, BgpPeer, BgpPeerV1Beta1, Community, IpAddressPool, L2Advertisement,
};
use ferrolb_api::{Object, Problem, RawConfig, Reason, Scope, Severity, decode, reason};
use ferrolb_types::ObjectKey;

use super::document::Ignored;
use super::kind::{self, Kind, Role};

/// Objects by what they are read for; of each core kind one for each key.
#[derive(Default)]
pub(super) struct Objects {
    pub(super) raw: RawConfig,
    pub(super) services: BTreeMap<ObjectKey, Service>,
    pub(super) slices: BTreeMap<ObjectKey, EndpointSlice>,
    pub(super) nodes: BTreeMap<ObjectKey, Node>,
    pub(super) namespaces: BTreeMap<ObjectKey, Namespace>,
    pub(super) ignored: Vec<Ignored>,
    pub(super) problems: Vec<Problem>,
}

impl Objects {
    /// Reads `manifests`; objects of the `metallb.io` group without a namespace are in `namespace`.
    pub(super) fn read(manifests: Vec<Value>, namespace: &str) -> Self {
        let mut objects = Self::default();
        let mut flat = Vec::new();
        manifests.into_iter().for_each(|m| flatten(m, &mut flat));
        // Of two objects with one name the older stands, and the text decides between equally old ones.
        flat.sort_by_cached_key(|o| (text(o, "/metadata/creationTimestamp").to_owned(), o.to_string()));
        for object in flat {
            objects.add(object, namespace);
        }
        objects
    }

    fn add(&mut self, mut object: Value, namespace: &str) {
        let (api_version, name) = (
            text(&object, "/apiVersion").to_owned(),
            text(&object, "/kind").to_owned(),
        );
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        if name.is_empty() {
            let message =
                "a document or list item is no object, since it has no kind; add `apiVersion` and `kind`";
            let problem = problem_of(&object, "", "kind", reason::MISSING_FIELD, message.to_owned());
            return self.problems.push(problem);
        }
        let Some(kind) = Kind::find(group, &name) else {
            return self.ignored.push(ignored(&name, &object));
        };
        settle_namespace(&mut object, kind, namespace);
        if !kind.is_served(version) {
            let message = format!(
                "`{api_version}` is no version of this kind; write {}",
                kind.api_versions()
            );
            let problem = problem_of(&object, kind.kind, "apiVersion", reason::INVALID_FIELD, message);
            return self.problems.push(problem);
        }
        if text(&object, "/metadata/name").is_empty() {
            let message = "the object has no name; give it one".to_owned();
            let problem = problem_of(
                &object,
                kind.kind,
                "metadata.name",
                reason::MISSING_FIELD,
                message,
            );
            return self.problems.push(problem);
        }
        match kind.role {
            Role::Configuration => self.add_configuration(&object),
            Role::Service => put(&object, &mut self.services, &mut self.problems),
            Role::EndpointSlice => put(&object, &mut self.slices, &mut self.problems),
            Role::Node => put(&object, &mut self.nodes, &mut self.problems),
            Role::Namespace => put(&object, &mut self.namespaces, &mut self.problems),
            Role::Bystander => {}
        }
    }

    fn add_configuration(&mut self, object: &Value) {
        match self.raw.add(object) {
            Ok(_) => {
                self.problems.extend(deprecated_version(object));
                self.problems.extend(unknown_fields(object));
            }
            Err(problem) => self.problems.push(*problem),
        }
    }
}

/// The items of lists, however deep; a typed list's items may lack what the list says for all.
pub(super) fn flatten(mut object: Value, out: &mut Vec<Value>) {
    let (kind, api_version) = (
        text(&object, "/kind").to_owned(),
        text(&object, "/apiVersion").to_owned(),
    );
    let items = match (kind.strip_suffix("List"), object.get_mut("items")) {
        (Some(_), Some(Value::Array(items))) => mem::take(items),
        _ => return out.push(object),
    };
    let item_kind = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
    for mut item in items {
        if let (Some(kind), Some(fields)) = (item_kind, item.as_object_mut()) {
            fields.entry("kind").or_insert_with(|| json!(kind));
            fields.entry("apiVersion").or_insert_with(|| json!(api_version));
        }
        flatten(item, out);
    }
}

fn settle_namespace(object: &mut Value, kind: &Kind, namespace: &str) {
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    let meta = fields
        .entry("metadata")
        .or_insert_with(|| Value::Object(Map::new()));
    let Some(meta) = meta.as_object_mut() else { return };
    if kind.scope == Scope::Cluster {
        meta.remove("namespace");
        return;
    }
    let given = meta.get("namespace").and_then(Value::as_str).unwrap_or_default();
    if given.is_empty() {
        let own = if kind.group.is_empty() || kind.group == EndpointSlice::GROUP {
            "default"
        } else {
            namespace
        };
        meta.insert("namespace".to_owned(), json!(own));
    }
}

fn ignored(kind: &str, object: &Value) -> Ignored {
    let given = text(object, "/metadata/namespace");
    let namespace = match given {
        "" if !kind::is_cluster_scoped(kind) => "default",
        given => given,
    };
    Ignored {
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: text(object, "/metadata/name").to_owned(),
    }
}

/// Decodes and keeps an object, unless there is one of its name already.
fn put<T: Object>(object: &Value, known: &mut BTreeMap<ObjectKey, T>, problems: &mut Vec<Problem>) {
    let decoded: T = match decode(object) {
        Ok(decoded) => decoded,
        Err(problem) => return problems.push(*problem),
    };
    if known.contains_key(&decoded.key()) {
        let message = "another object of this kind has the same name and stands; rename this one".to_owned();
        let problem = problem_of(object, T::KIND, "metadata.name", reason::DUPLICATE_NAME, message);
        return problems.push(problem);
    }
    known.insert(decoded.key(), decoded);
}

/// The warning that an API server gives with every request in the older version of BGPPeer.
fn deprecated_version(object: &Value) -> Option<Problem> {
    let (_, version) = text(object, "/apiVersion").split_once('/')?;
    if text(object, "/kind") != BgpPeer::KIND || version != BgpPeerV1Beta1::VERSION {
        return None;
    }
    let message = format!(
        "version `{version}` of BGPPeer is deprecated; write `{}`, and set both timers, which mean `0s` there when they \
         are left out",
        BgpPeer::VERSION
    );
    let mut problem = problem_of(
        object,
        BgpPeer::KIND,
        "apiVersion",
        reason::DEPRECATED_VERSION,
        message,
    );
    problem.severity = Severity::Warning;
    Some(problem)
}

/// What the API server would drop from the `spec` of an object of our own kinds, whose every field is known.
fn unknown_fields(object: &Value) -> Vec<Problem> {
    let (kind, fields) = match text(object, "/kind") {
        IpAddressPool::KIND => (IpAddressPool::KIND, ignored_fields::<IpAddressPool>(object)),
        L2Advertisement::KIND => (L2Advertisement::KIND, ignored_fields::<L2Advertisement>(object)),
        BgpAdvertisement::KIND => (BgpAdvertisement::KIND, ignored_fields::<BgpAdvertisement>(object)),
        BgpPeer::KIND => (BgpPeer::KIND, ignored_fields::<BgpPeer>(object)),
        BfdProfile::KIND => (BfdProfile::KIND, ignored_fields::<BfdProfile>(object)),
        Community::KIND => (Community::KIND, ignored_fields::<Community>(object)),
        _ => return Vec::new(),
    };
    let problem = |field: String| {
        let message =
            "there is no such field, so it has no effect; correct its spelling or indentation, or remove it";
        let mut problem = problem_of(object, kind, &field, reason::UNKNOWN_FIELD, message.to_owned());
        problem.severity = Severity::Warning;
        problem
    };
    fields.into_iter().map(problem).collect()
}

fn ignored_fields<T: for<'de> Deserialize<'de>>(object: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    let collect = |path: serde_ignored::Path<'_>| {
        let path = path.to_string();
        // Of the metadata only a part is read; the rest is not unknown.
        if path.starts_with("spec")
            || !path.contains('.') && !matches!(&*path, "apiVersion" | "kind" | "status")
        {
            fields.push(indexed(&path));
        }
    };
    // Whether it decodes was seen before.
    let _decoded: Result<T, _> = serde_ignored::deserialize(object, collect);
    fields.sort_unstable();
    fields
}

/// `spec.a.0.?.b` as `spec.a[0].b`.
fn indexed(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for part in path.split('.').filter(|part| *part != "?") {
        if part.bytes().all(|b| b.is_ascii_digit()) {
            out.push_str(&format!("[{part}]"));
        } else {
            out.push_str(if out.is_empty() { "" } else { "." });
            out.push_str(part);
        }
    }
    out
}

fn problem_of(object: &Value, kind: &'static str, field: &str, reason: Reason, message: String) -> Problem {
    let mut problem = Problem {
        severity: Severity::Error,
        kind: Cow::Borrowed(kind),
        namespace: text(object, "/metadata/namespace").to_owned(),
        name: text(object, "/metadata/name").to_owned(),
        field: field.to_owned(),
        value: None,
        reason: Cow::Borrowed(reason.word()),
        message,
    };
    problem.quote(object);
    problem
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
