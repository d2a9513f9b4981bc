//! `-o frr-k8s`: the FRRConfiguration objects that speakers would write.

use std::process::ExitCode;

use ferrolb_api::frr_k8s::FrrConfiguration;
use ferrolb_api::{BgpMode, Object as _};
use ferrolb_plan::bgp::Exporter;
use ferrolb_plan::report::Plan;
use serde::Serialize;

use super::{status, usage};
use crate::args::PlanArgs;
use crate::command::findings;
use crate::command::input::{self, Input};
use crate::output;

/// An object as a manifest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    api_version: String,
    kind: &'static str,
    #[serde(flatten)]
    object: &'a FrrConfiguration,
}

/// Prints one document for each node; problems go to standard error.
pub(super) fn run(args: &PlanArgs, input: &Input) -> anyhow::Result<ExitCode> {
    let options = input::options(&args.input, BgpMode::FrrK8s);
    let (plan, objects) = Plan::draw_up_for_frr_k8s(input.manifests(), &options, &exporter(args));
    if let Some(message) = input::unknown_node(&args.input, &plan) {
        return Ok(usage(message));
    }
    for finding in findings::of_plan(&plan, input) {
        output::say(finding.line().trim_end());
    }
    let documents = objects.iter().map(document).collect::<Result<Vec<_>, _>>()?;
    output::print(&documents.join("---\n"))?;
    Ok(status(&plan))
}

/// A daemon in another namespace does not find the Secrets.
fn exporter(args: &PlanArgs) -> Exporter {
    let namespace = match &*args.frrk8s_namespace {
        "" => &args.input.namespace,
        given => given,
    };
    Exporter {
        namespace: namespace.into(),
        refers_to_secrets: *namespace == args.input.namespace,
        shows_passwords: args.show_secrets,
    }
}

fn document(object: &FrrConfiguration) -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&Manifest {
        api_version: FrrConfiguration::api_version(),
        kind: FrrConfiguration::KIND,
        object,
    })
}
