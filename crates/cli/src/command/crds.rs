//! `ferrolb crds`.

use std::process::ExitCode;

use anyhow::bail;
use ferrolb_api::crds::{self, Crd};

use crate::args::CrdsArgs;
use crate::output;

pub(crate) fn run(args: &CrdsArgs) -> anyhow::Result<ExitCode> {
    let wanted = select(&args.kinds)?;
    let documents: Vec<&str> = wanted.iter().map(|crd| crd.yaml.trim_end()).collect();
    output::print(&(documents.join("\n---\n") + "\n"))?;
    Ok(ExitCode::SUCCESS)
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
