//! The embedded API server takes and refuses definitions with rules as a real one does, and then their objects.

use anyhow::{Context as _, Result, ensure};
use ferrolb_tests_cluster::{Answer, Api, Cluster, Roles, eventually};
use serde_json::{Value, json};

use crate::essence::essence;

/// Rows of `fixtures/rule-requests.yaml`; a table that was lost would pass otherwise.
const AT_LEAST: usize = 40;

const GROUP: &str = "rules.example.org";
const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

#[test]
fn both_servers_refuse_the_same_rules_and_objects() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let (_standalone, embedded) = cluster.start_embedded()?;
        let real = cluster.plane.api();
        let table = std::fs::read_to_string(cluster.file("tests/cluster/fixtures/rule-requests.yaml"))?;
        let rows: Vec<Value> = serde_saphyr::from_str(&table)?;
        assert!(rows.len() >= AT_LEAST, "only {} rows", rows.len());
        let mut differences = Vec::new();
        for row in &rows {
            let [real, embedded] = [&real, &embedded].map(|api| answers(api, row));
            let (real, embedded) = (real?, embedded?);
            if real != embedded {
                let shown =
                    |answers: &[Value]| answers.iter().map(|a| format!("\n    {a}")).collect::<String>();
                let (real, embedded) = (shown(&real), shown(&embedded));
                differences.push(format!("{}\n  real{real}\n  embedded{embedded}", row["is"]));
            }
        }
        let count = differences.len();
        assert!(
            differences.is_empty(),
            "{count} differ:\n{}",
            differences.join("\n")
        );
        Ok(())
    })
}

/// The answer to the definition and, if it was taken, to each object.
fn answers(api: &Api, row: &Value) -> Result<Vec<Value>> {
    let name = row["is"].as_str().context("a row has a name")?;
    let answer = api.send(
        "POST",
        CRDS,
        "application/json",
        &definition(name, row).to_string(),
    )?;
    if answer.code != 201 {
        return Ok(vec![refusal(answer)]);
    }
    let mut answers = vec![json!(answer.code)];
    let collection = format!("/apis/{GROUP}/v1/{name}");
    eventually("the kind is served", || {
        let code = api.get(&collection)?.code;
        ensure!(code == 200, "{name}: {code}");
        Ok(())
    })?;
    for (i, spec) in row["objects"].as_array().into_iter().flatten().enumerate() {
        let object = json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": name, "metadata": {"name": format!("o{i}")}, "spec": spec,
        });
        let answer = api.send("POST", &collection, "application/json", &object.to_string())?;
        answers.push(essence(answer));
    }
    Ok(answers)
}

fn definition(name: &str, row: &Value) -> Value {
    let spec =
        json!({"type": "object", "properties": row["fields"], "x-kubernetes-validations": row["rules"]});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{name}.{GROUP}")},
        "spec": {"group": GROUP, "scope": "Cluster", "names": {"kind": name, "plural": name}, "versions": [{
            "name": "v1", "served": true, "storage": true,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
        }]},
    })
}

/// Each cause without the place in the text, which only the compiler of the real server tells.
fn refusal(answer: Answer) -> Value {
    let mut essence = essence(answer);
    if let Some(causes) = essence["causes"].as_array_mut() {
        causes
            .iter_mut()
            .for_each(|cause| *cause = without_place(cause.as_str().unwrap_or_default()).into());
    }
    essence
}

fn without_place(cause: &str) -> String {
    let first = cause.lines().next().unwrap_or_default();
    match first.split_once("ERROR: <input>:") {
        Some((before, after)) => {
            let what = after.splitn(3, ':').nth(2).unwrap_or_default();
            format!("{before}ERROR:{what}")
        }
        None => first.to_owned(),
    }
}
