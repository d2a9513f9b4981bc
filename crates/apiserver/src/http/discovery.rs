//! Discovery: which groups, versions and kinds are served.

use std::collections::BTreeMap;

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::Call;
use super::body::{self, Body};
use super::params::{Form, form};
use super::path::Route;
use super::review::REVIEWS;
use crate::error::ApiError;
use crate::kinds::{Registry, Resource, api_version};

/// The release that this server behaves like.
const MINOR: &str = "35";
const RELEASE: &str = "v1.35.0";

/// Verbs of every stored kind.
const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// Answers everything under `/version`, `/api` and `/apis` that is no object.
pub(super) fn answer(call: &Call, route: &Route) -> Result<Response<Body>, ApiError> {
    let form = form(&call.parts.headers)?;
    let document = call.shared.read(|core| match route {
        Route::ServerVersion => Some(version()),
        Route::Groups { core: is_core } if form == Form::Aggregated => {
            Some(aggregated(&core.registry, *is_core))
        }
        Route::Groups { core: true } => Some(json!({"kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": []})),
        Route::Groups { core: false } => Some(group_list(&core.registry)),
        Route::Group(name) => group(&core.registry, name),
        Route::Version { group, version } => resource_list(&core.registry, group, version),
        Route::Root => {
            Some(json!({"paths": ["/api", "/api/v1", "/apis", "/healthz", "/openapi/v3", "/version"]}))
        }
        _ => None,
    });
    let document = document.ok_or_else(ApiError::no_such_path)?;
    let media = match (form, route) {
        (Form::Aggregated, Route::Groups { .. }) => {
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        }
        _ => "application/json",
    };
    Ok(body::whole(
        StatusCode::OK,
        media,
        crate::object::to_bytes(&document),
    ))
}

fn version() -> Value {
    json!({"major": "1", "minor": MINOR, "gitVersion": format!("{RELEASE}+ferrolb.{}", env!("CARGO_PKG_VERSION")),
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "",
        "compiler": "rustc", "platform": format!("linux/{}", std::env::consts::ARCH)})
}

/// Versions of each group but the core one; the preferred (storage) version first.
fn groups(registry: &Registry) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let of_reviews = REVIEWS.iter().map(|(_, _, group)| (*group, "v1", true));
    let of_kinds = registry
        .iter()
        .map(|r| (&*r.group, &*r.version, r.version == r.storage_version));
    for (group, version, preferred) in of_kinds.chain(of_reviews).filter(|(g, ..)| !g.is_empty()) {
        let versions = found.entry(group.to_owned()).or_default();
        if !versions.iter().any(|v| v == version) {
            let at = if preferred { 0 } else { versions.len() };
            versions.insert(at, version.to_owned());
        }
    }
    // Newer betas first, as the real server sorts the versions of CRDs.
    for versions in found.values_mut() {
        versions.sort_by(|a, b| b.cmp(a));
    }
    found
}

fn group_list(registry: &Registry) -> Value {
    let all: Vec<Value> = groups(registry)
        .iter()
        .map(|(name, versions)| group_entry(name, versions))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": all})
}

fn group(registry: &Registry, name: &str) -> Option<Value> {
    let all = groups(registry);
    let mut entry = group_entry(name, all.get(name)?);
    entry["kind"] = "APIGroup".into();
    entry["apiVersion"] = "v1".into();
    Some(entry)
}

fn group_entry(name: &str, versions: &[String]) -> Value {
    let entry = |v: &String| json!({"groupVersion": api_version(name, v), "version": v});
    let all: Vec<Value> = versions.iter().map(entry).collect();
    json!({"name": name, "versions": all, "preferredVersion": all.first()})
}

fn resource_list(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    let mut all: Vec<Value> = Vec::new();
    for resource in of_version(registry, group, version) {
        all.extend(resource_entries(resource));
    }
    if version == "v1" {
        all.extend(reviews_of(group).map(|(kind, plural)| {
            json!({"name": plural, "singularName": kind.to_lowercase(), "kind": kind, "verbs": ["create"],
                "namespaced": kind.starts_with("Local")})
        }));
    }
    (!all.is_empty()).then(|| {
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version(group, version),
            "resources": all})
    })
}

fn of_version<'a>(
    registry: &'a Registry,
    group: &'a str,
    version: &'a str,
) -> impl Iterator<Item = &'a Resource> {
    let all = registry.iter().map(|r| &**r);
    all.filter(move |r| *r.group == *group && *r.version == *version)
}

fn reviews_of(group: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = REVIEWS.iter().filter(move |(_, _, g)| *g == group);
    all.map(|(kind, plural, _)| (*kind, *plural))
}

fn resource_entries(resource: &Resource) -> Vec<Value> {
    let mut main = json!({
        "name": &*resource.plural, "singularName": &*resource.singular, "kind": &*resource.kind,
        "namespaced": resource.is_namespaced(), "verbs": VERBS,
    });
    if !resource.short_names.is_empty() {
        main["shortNames"] = json!(resource.short_names);
    }
    if !resource.categories.is_empty() {
        main["categories"] = json!(resource.categories);
    }
    let mut entries = vec![main];
    for (name, verbs) in subresources(resource) {
        entries.push(json!({
            "name": format!("{}/{name}", resource.plural), "singularName": "", "kind": &*resource.kind,
            "namespaced": resource.is_namespaced(), "verbs": verbs,
        }));
    }
    entries
}

fn subresources(resource: &Resource) -> Vec<(&'static str, &'static [&'static str])> {
    let mut found: Vec<(&str, &[&str])> = Vec::new();
    if resource.has_status {
        found.push(("status", &["get", "patch", "update"]));
    }
    if &*resource.id == "namespaces" {
        found.push(("finalize", &["update"]));
    }
    found
}

/// All groups in one document (`apidiscovery.k8s.io/v2`).
fn aggregated(registry: &Registry, is_core: bool) -> Value {
    let items: Vec<Value> = if is_core {
        vec![json!({"metadata": {"creationTimestamp": null}, "versions": [discovered(registry, "", "v1")]})]
    } else {
        let all = groups(registry);
        let item = |(name, versions): (&String, &Vec<String>)| {
            let versions: Vec<Value> = versions.iter().map(|v| discovered(registry, name, v)).collect();
            json!({"metadata": {"name": name, "creationTimestamp": null}, "versions": versions})
        };
        all.iter().map(item).collect()
    };
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn discovered(registry: &Registry, group: &str, version: &str) -> Value {
    let kind_of = |kind: &str| json!({"group": group, "version": version, "kind": kind});
    let mut all: Vec<Value> = Vec::new();
    for resource in of_version(registry, group, version) {
        let subs: Vec<Value> = subresources(resource)
            .into_iter()
            .map(|(name, verbs)| json!({"subresource": name, "responseKind": kind_of(&resource.kind), "verbs": verbs}))
            .collect();
        let mut entry = json!({
            "resource": &*resource.plural, "responseKind": kind_of(&resource.kind),
            "scope": if resource.is_namespaced() { "Namespaced" } else { "Cluster" },
            "singularResource": &*resource.singular, "verbs": VERBS,
        });
        let lists = [
            ("shortNames", json!(resource.short_names)),
            ("categories", json!(resource.categories)),
            ("subresources", Value::Array(subs)),
        ];
        for (name, list) in lists
            .into_iter()
            .filter(|(_, l)| l.as_array().is_some_and(|l| !l.is_empty()))
        {
            entry[name] = list;
        }
        all.push(entry);
    }
    all.extend(reviews_of(group).map(|(kind, plural)| {
        let scope = if kind.starts_with("Local") {
            "Namespaced"
        } else {
            "Cluster"
        };
        json!({"resource": plural, "responseKind": kind_of(kind), "scope": scope,
            "singularResource": kind.to_lowercase(), "verbs": ["create"]})
    }));
    json!({"version": version, "resources": all, "freshness": "Current"})
}
