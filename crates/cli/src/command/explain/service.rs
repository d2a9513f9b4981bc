//! Why a Service stands where it stands.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use ferrolb_plan::explain::{Explanation, Origin};
use ferrolb_plan::report::Options;
use ferrolb_types::{NodeName, ObjectKey};
use serde_json::Value;

use super::text;
use crate::args::ExplainArgs;
use crate::command::process::block_on;
use crate::live::{self, Purpose};
use crate::{manifest, output};

/// What the explanation rests on.
struct Ground {
    objects: Vec<Value>,
    origin: Origin,
    /// The namespace of a Service that names none.
    namespace: String,
    /// Nodes with a live speaker, if they are known.
    speakers: Option<BTreeSet<NodeName>>,
}

pub(super) fn run(name: &str, args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    if !args.filename.is_empty() {
        return explain(name, args, from_files(args)?);
    }
    block_on(async { explain(name, args, from_cluster(args).await?) })
}

fn from_files(args: &ExplainArgs) -> anyhow::Result<Ground> {
    let documents = manifest::read(&args.filename)?;
    Ok(Ground {
        objects: documents.into_iter().map(|document| document.value).collect(),
        origin: Origin::Files,
        namespace: "default".to_owned(),
        speakers: None,
    })
}

async fn from_cluster(args: &ExplainArgs) -> anyhow::Result<Ground> {
    let client = live::connect(args.kubeconfig.as_deref()).await?;
    let objects = live::read(&client, &args.config_namespace, Purpose::Explain)
        .await
        .context("cannot read the cluster; with -f the Service is explained from files")?;
    Ok(Ground {
        speakers: live::speakers(&objects),
        objects,
        origin: Origin::Cluster,
        namespace: client.default_namespace().to_owned(),
    })
}

fn explain(name: &str, args: &ExplainArgs, ground: Ground) -> anyhow::Result<ExitCode> {
    let key = key(name, args.namespace.as_deref(), &ground.namespace)?;
    let options = options(args, ground.speakers);
    let Some(explanation) = Explanation::of(ground.objects, ground.origin, &options, &key) else {
        bail!("there is no Service `{key}`; name its namespace with -n");
    };
    output::print_as(args.output, &explanation, text::render)?;
    Ok(ExitCode::SUCCESS)
}

/// `NAME` or `NAMESPACE/NAME`; the latter must not contradict `-n`.
fn key(name: &str, given: Option<&str>, default: &str) -> anyhow::Result<ObjectKey> {
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => {
            ensure!(
                given.is_none_or(|given| given == namespace),
                "`svc/{namespace}/{name}` and `-n` name two namespaces; keep one"
            );
            (namespace, name)
        }
        None => (given.unwrap_or(default), name),
    };
    ensure!(
        !namespace.is_empty() && !name.is_empty() && !name.contains('/'),
        "name the Service as svc/NAME or svc/NAMESPACE/NAME"
    );
    Ok(ObjectKey::new(namespace, name))
}

fn options(args: &ExplainArgs, live: Option<BTreeSet<NodeName>>) -> Options {
    let given = args.speakers.as_ref().map(|names| {
        let names = names
            .iter()
            .map(|name| name.trim())
            .filter(|name| !name.is_empty());
        names.map(NodeName::from).collect()
    });
    Options {
        namespace: args.config_namespace.as_str().into(),
        speakers: given.or(live),
        strict_requests: args.strict_requests,
        ..args.told.options()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_comes_from_the_name_then_the_flag_then_the_context() {
        let text = |name, given, default| key(name, given, default).map(|k| k.to_string());
        assert_eq!(text("web", None, "default").unwrap(), "default/web");
        assert_eq!(text("web", Some("shop"), "default").unwrap(), "shop/web");
        assert_eq!(text("shop/web", None, "default").unwrap(), "shop/web");
        assert!(text("shop/web", Some("other"), "default").is_err());
        for name in ["", "/web", "shop/", "a/b/c"] {
            assert!(text(name, None, "default").is_err(), "{name}");
        }
    }
}
