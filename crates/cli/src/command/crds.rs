//! `ferrolb crds`.

use std::process::ExitCode;

use anyhow::bail;
use ferrolb_api::crds::{self, Crd};

use crate::args::{CrdFormat, CrdsArgs};
use crate::output;

pub(crate) fn run(args: &CrdsArgs) -> anyhow::Result<ExitCode> {
    let wanted = select(&args.kinds)?;
    output::print(&match args.output {
        CrdFormat::Yaml => yaml(&wanted),
        CrdFormat::Json => json(&wanted)?,
    })?;
    Ok(ExitCode::SUCCESS)
}

fn yaml(wanted: &[&Crd]) -> String {
    let documents: Vec<&str> = wanted.iter().map(|crd| crd.yaml.trim_end()).collect();
    documents.join("\n---\n") + "\n"
}

/// As `kubectl get -o json` prints several objects.
fn json(wanted: &[&Crd]) -> anyhow::Result<String> {
    let items = wanted.iter().map(|crd| serde_saphyr::from_str(crd.yaml));
    let items: Vec<serde_json::Value> = items.collect::<Result<_, _>>()?;
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items });
    Ok(serde_json::to_string_pretty(&list)? + "\n")
}

/// All, or those named; a name that is none of them is an error that tells the names.
fn select(kinds: &[String]) -> anyhow::Result<Vec<&'static Crd>> {
    let all = crds::all();
    if kinds.is_empty() {
        return Ok(all.iter().collect());
    }
    let find = |kind: &String| all.iter().find(|crd| is_called(crd, kind));
    kinds
        .iter()
        .map(|kind| match find(kind) {
            Some(crd) => Ok(crd),
            None => bail!("`{kind}` is no kind of `metallb.io`; there are {}", names(all)),
        })
        .collect()
}

/// By kind, by plural, or by the definition's full name; in whatever case, as `kubectl get` takes them.
fn is_called(crd: &Crd, name: &str) -> bool {
    let plural = crd.name.split_once('.').map_or(crd.name, |(plural, _)| plural);
    [crd.kind, crd.name, plural]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

fn names(all: &[Crd]) -> String {
    all.iter().map(|crd| crd.kind).collect::<Vec<_>>().join(", ")
}
