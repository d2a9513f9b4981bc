//! What `plan` and `check` look at: objects of files, of a cluster, or of a cluster with those of files in their place.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::Context as _;
use ferrolb_api::{BgpMode, Problem};
use ferrolb_plan::report::{Options, Plan};
use ferrolb_types::NodeName;
use serde_json::Value;

use super::process::block_on;
use crate::args::{BgpType, InputArgs};
use crate::live::{self, Purpose};
use crate::locate::Map;
use crate::manifest::{self, Document};
use crate::output;

/// Objects with the places where they are written.
pub(super) struct Input {
    documents: Vec<Document>,
    /// Of the cluster, without those that a file has too.
    live: Vec<Value>,
    namespace: String,
}

/// An object by kind, namespace and name; in files the namespace may be empty.
type Identity = (String, String, String);

impl Input {
    /// Reads everything that `args` names.
    pub(super) fn read(args: &InputArgs) -> anyhow::Result<Self> {
        let documents = manifest::read(&args.filename)?;
        let mut input = Self {
            documents,
            live: Vec::new(),
            namespace: args.namespace.clone(),
        };
        if args.live {
            let overridden = input.identities();
            input.live = cluster(args)?;
            input
                .live
                .retain(|object| !is_among(&overridden, object, &args.namespace));
        }
        Ok(input)
    }

    /// All objects, to be planned.
    pub(super) fn manifests(&self) -> Vec<Value> {
        let written = self.documents.iter().map(|d| &d.value);
        written.chain(&self.live).cloned().collect()
    }

    /// Objects of the files, those of lists one by one, in the namespaces that they would be in.
    pub(super) fn written(&self) -> Vec<Value> {
        let mut out = Vec::new();
        for document in &self.documents {
            walk(&document.value, "", &mut |object, _| {
                out.push(self.in_its_namespace(object.clone()));
            });
        }
        out
    }

    fn in_its_namespace(&self, mut object: Value) -> Value {
        let own = object["apiVersion"]
            .as_str()
            .is_some_and(|v| v.contains("metallb.io/"));
        let default = match object["kind"].as_str() {
            _ if own => &*self.namespace,
            Some("Service" | "EndpointSlice" | "Secret") => "default",
            _ => return object,
        };
        if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut)
            && meta
                .get("namespace")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .is_empty()
        {
            meta.insert("namespace".to_owned(), default.into());
        }
        object
    }

    fn identities(&self) -> BTreeSet<Identity> {
        let mut out = BTreeSet::new();
        for document in &self.documents {
            walk(&document.value, "", &mut |object, _| {
                out.insert(identity(object));
            });
        }
        out
    }

    /// Finds the places of `problems` in the files.
    pub(super) fn places(&self) -> Places<'_> {
        let mut objects: BTreeMap<(String, String), Vec<Written<'_>>> = BTreeMap::new();
        for document in &self.documents {
            walk(&document.value, "", &mut |object, path| {
                let (kind, namespace, name) = identity(object);
                let written = Written {
                    document,
                    path: path.to_owned(),
                    namespace,
                };
                objects.entry((kind, name)).or_default().push(written);
            });
        }
        Places {
            objects,
            maps: BTreeMap::new(),
            namespace: &self.namespace,
        }
    }
}

/// Reads everything from the cluster of the current kubeconfig.
fn cluster(args: &InputArgs) -> anyhow::Result<Vec<Value>> {
    let mut objects = Vec::new();
    let read = async {
        let client = live::connect(args.kubeconfig.as_deref()).await?;
        live::read(&client, &args.namespace, Purpose::Plan).await
    };
    block_on(async {
        objects = read.await.context(output::Unusable)?;
        Ok(ExitCode::SUCCESS)
    })?;
    Ok(objects)
}

/// Where the objects of the files are written.
pub(super) struct Places<'a> {
    objects: BTreeMap<(String, String), Vec<Written<'a>>>,
    /// By file and first line of the document.
    maps: BTreeMap<(&'a str, usize), Map>,
    namespace: &'a str,
}

struct Written<'a> {
    document: &'a Document,
    path: String,
    namespace: String,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub(super) struct Place {
    pub(super) file: String,
    /// Counted from 1.
    pub(super) line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Places<'_> {
    /// The line of the field that `problem` names, or of what is nearest to it; none for an object of the cluster.
    pub(super) fn of(&mut self, problem: &Problem) -> Option<Place> {
        let candidates = self
            .objects
            .get(&(problem.kind.to_string(), problem.name.clone()))?;
        // Without a namespace in the file it is the default of the kind.
        let fits = |w: &&Written<'_>| w.namespace == problem.namespace;
        let defaulted = |w: &&Written<'_>| {
            w.namespace.is_empty() && ["", "default", self.namespace].contains(&&*problem.namespace)
        };
        let written = candidates
            .iter()
            .rfind(fits)
            .or_else(|| candidates.iter().rfind(defaulted))?;
        let source = &written.document.source;
        let map = self
            .maps
            .entry((&source.file, source.line))
            .or_insert_with(|| Map::of(&written.document.text));
        let name = join(&written.path, "metadata.name");
        let line = match &*problem.field {
            "" => map.line(&name),
            field => map.line(&join(&written.path, field)).or_else(|| map.line(&name)),
        };
        Some(Place {
            file: source.file.clone(),
            line: source.line - 1 + line.unwrap_or(1),
        })
    }
}

fn join(path: &str, field: &str) -> String {
    match (path, field) {
        ("", field) => field.to_owned(),
        (path, "") => path.to_owned(),
        (path, field) => format!("{path}.{field}"),
    }
}

/// Visits `object`, or the items of a list with their paths, however deep. Items of a typed list may lack what the list
/// says for all.
fn walk(object: &Value, path: &str, visit: &mut impl FnMut(&Value, &str)) {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let items = object.get("items").and_then(Value::as_array);
    let Some((item_kind, items)) = kind.strip_suffix("List").zip(items) else {
        return visit(object, path);
    };
    for (i, item) in items.iter().enumerate() {
        let path = join(path, &format!("items[{i}]"));
        if item_kind.is_empty() || item.get("kind").is_some() || !item.is_object() {
            walk(item, &path, visit);
        } else {
            let mut item = item.clone();
            item["kind"] = item_kind.into();
            item["apiVersion"] = object["apiVersion"].clone();
            walk(&item, &path, visit);
        }
    }
}

fn identity(object: &Value) -> Identity {
    let text = |pointer| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    (
        text("/kind").to_owned(),
        text("/metadata/namespace").to_owned(),
        text("/metadata/name").to_owned(),
    )
}

/// Whether a file has the object of the cluster, there perhaps without a namespace.
fn is_among(written: &BTreeSet<Identity>, live: &Value, namespace: &str) -> bool {
    let (kind, ns, name) = identity(live);
    let group = live["apiVersion"].as_str().unwrap_or_default();
    let default = if group.contains("metallb.io") {
        namespace
    } else {
        "default"
    };
    let unnamed = ns.is_empty() || ns == default;
    written.contains(&(kind.clone(), ns, name.clone()))
        || unnamed && written.contains(&(kind, String::new(), name))
}

/// Whether every node that `--node` names is in the plan; else what to say.
pub(super) fn unknown_node(args: &InputArgs, plan: &Plan) -> Option<String> {
    let known = |name: &NodeName| plan.nodes.iter().any(|n| n.name == name.as_str());
    let name = names(&args.node).into_iter().find(|name| !known(name))?;
    Some(format!(
        "there is no Node object `{name}` in the input; correct --node"
    ))
}

/// The flags as the planner takes them; `default` is the type without `--bgp-type`.
pub(super) fn options(args: &InputArgs, default: BgpMode) -> Options {
    Options {
        namespace: args.namespace.as_str().into(),
        speakers: args.speakers.as_deref().map(names),
        nodes: names(&args.node),
        class: args.lb_class.as_str().into(),
        bgp_mode: args.bgp_type.map_or(default, BgpType::mode),
        ignore_exclude_lb: args.ignore_exclude_lb,
        strict: args.strict,
        strict_requests: args.strict_requests,
    }
}

fn names(texts: &[String]) -> BTreeSet<NodeName> {
    let trimmed = texts.iter().map(|text| text.trim());
    trimmed
        .filter(|text| !text.is_empty())
        .map(NodeName::from)
        .collect()
}
