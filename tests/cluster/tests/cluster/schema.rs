//! The embedded API server enforces the definitions as a real one does: the same requests to both.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};
use ferrolb_tests_cluster::{Answer, Api, Cluster, Roles, eventually};
use serde_json::{Value, json};

use crate::essence::essence;

/// Rows of `fixtures/schema-requests.yaml`; a table that was lost would pass otherwise.
const AT_LEAST: usize = 130;

const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

#[test]
fn both_servers_answer_every_request_about_custom_resources_alike() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let (_standalone, embedded) = cluster.start_embedded()?;
        let real = cluster.plane.api();
        let table = std::fs::read_to_string(cluster.file("tests/cluster/fixtures/schema-requests.yaml"))?;
        let rows: Vec<Value> = serde_saphyr::from_str(&table)?;
        assert!(rows.len() >= AT_LEAST, "only {} rows", rows.len());
        let kinds = kinds(&real)?;
        let mut differences = Vec::new();
        for row in &rows {
            for request in requests(row, &kinds)? {
                let [real, embedded] = [&real, &embedded].map(|api| request.send(api).map(essence));
                let (real, embedded) = (real?, embedded?);
                if real != embedded {
                    differences.push(format!(
                        "{}\n  real     {real}\n  embedded {embedded}",
                        request.title
                    ));
                }
            }
        }
        assert!(
            differences.is_empty(),
            "{} differ:\n{}",
            differences.len(),
            differences.join("\n")
        );
        Ok(())
    })
}

#[test]
fn the_real_server_takes_the_definitions_without_a_warning() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let real = cluster.plane.api();
        for entry in std::fs::read_dir(cluster.file("crates/api/crds"))? {
            let text = std::fs::read_to_string(entry?.path())?;
            let crd: Value = serde_saphyr::from_str(&text)?;
            let name = crd["metadata"]["name"]
                .as_str()
                .context("a CRD has a name")?
                .to_owned();
            let one = format!("{CRDS}/{name}");
            real.send("DELETE", &one, "application/json", "")?;
            eventually("the definition of the installation is gone", || {
                let code = real.get(&one)?.code;
                anyhow::ensure!(code == 404, "{code}");
                Ok(())
            })?;
            let strict = format!("{CRDS}?fieldValidation=Strict");
            let answer = real.send("POST", &strict, "application/yaml", &text)?;
            assert_eq!(
                (answer.code, answer.warnings),
                (201, Vec::new()),
                "{name}: {}",
                answer.body
            );
        }
        Ok(())
    })
}

/// One request, to be sent to either server.
struct Request {
    title: String,
    method: &'static str,
    path: String,
    media: &'static str,
    body: String,
}

impl Request {
    fn send(&self, api: &Api) -> Result<Answer> {
        api.send(self.method, &self.path, self.media, &self.body)
    }
}

/// The kinds of `metallb.io` by their plurals.
fn kinds(api: &Api) -> Result<BTreeMap<String, String>> {
    let mut kinds = BTreeMap::new();
    for version in ["v1beta1", "v1beta2"] {
        let found = api.get(&format!("/apis/metallb.io/{version}"))?;
        for resource in found.body["resources"].as_array().context("no resources")? {
            let text = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
            kinds.insert(text("name"), text("kind"));
        }
    }
    Ok(kinds)
}

fn requests(row: &Value, kinds: &BTreeMap<String, String>) -> Result<Vec<Request>> {
    let text = |key: &str| row[key].as_str().unwrap_or_default();
    let (name, plural) = (text("is"), text("kind"));
    let version = row["version"].as_str().unwrap_or("v1beta1");
    let head = json!({
        "apiVersion": format!("metallb.io/{version}"), "kind": kinds.get(plural), "metadata": {"name": name},
    });
    let collection = format!("/apis/metallb.io/{version}/namespaces/metallb-system/{plural}");
    let one = format!("{collection}/{name}");
    let json = "application/json";
    let merge = "application/merge-patch+json";
    let mut requests = Vec::new();
    for (i, step) in row["steps"].as_array().into_iter().flatten().enumerate() {
        let (verb, body) = step
            .as_object()
            .and_then(|s| s.iter().next())
            .context("a step has a verb")?;
        let whole = || with_head(&head, body).to_string();
        let (method, path, media, body) = match verb.as_str() {
            "create" => ("POST", collection.clone(), json, whole()),
            "raw" => (
                "POST",
                collection.clone(),
                json,
                body.as_str().unwrap_or_default().to_owned(),
            ),
            "put" => ("PUT", one.clone(), json, whole()),
            "patch" => ("PATCH", one.clone(), merge, body.to_string()),
            "json" => (
                "PATCH",
                one.clone(),
                "application/json-patch+json",
                body.to_string(),
            ),
            "status" => ("PATCH", format!("{one}/status"), merge, body.to_string()),
            "get" => ("GET", one.clone(), json, String::new()),
            "list" => ("GET", collection.clone(), json, String::new()),
            other => bail!("row `{name}` has the unknown step `{other}`"),
        };
        let query = text("query");
        requests.push(Request {
            title: format!("{name}, step {i} ({verb})"),
            method,
            path: if query.is_empty() {
                path
            } else {
                format!("{path}?{query}")
            },
            media,
            body,
        });
    }
    Ok(requests)
}

fn with_head(head: &Value, body: &Value) -> Value {
    let mut whole = head.clone();
    merge(&mut whole, body);
    whole
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (_, Value::Null) => {}
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                match into.get_mut(name).filter(|v| v.is_object() && value.is_object()) {
                    Some(below) => merge(below, value),
                    None => {
                        into.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (into, from) => *into = from.clone(),
    }
}
