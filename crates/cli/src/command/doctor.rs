//! `ferrolb doctor`: what is known to keep addresses from working.
//!
//! ```text
//!   kernel ──────▶ host ─────┐
//!                            ├──▶ diagnosis ──▶ checks ──▶ text, JSON, YAML
//!   API server ──▶ cluster ──┘
//! ```

mod cluster;
mod gossip;
mod host;
mod text;

use std::process::ExitCode;

use ferrolb_diagnosis::{Check, Outcome};
use serde::Serialize;

use super::process::block_on;
use crate::args::{DoctorArgs, Subject};
use crate::{live, output};
use cluster::Cluster;

/// `apiVersion` of [`Report`].
const API_VERSION: &str = "doctor.ferrolb.io/v1";

/// What is printed as JSON and YAML. Fields may be added, never renamed or removed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    api_version: &'static str,
    /// Whether nothing failed.
    healthy: bool,
    checks: Vec<Check>,
}

pub(crate) fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let checks = examine(args).await?;
        let limit = if args.strict {
            Outcome::Warning
        } else {
            Outcome::Failed
        };
        let report = Report {
            api_version: API_VERSION,
            healthy: checks.iter().all(|check| check.result < limit),
            checks,
        };
        output::print_as(args.output, &report, text::render)?;
        Ok(if report.healthy {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    })
}

/// The node first: what is wrong with it explains what is seen in the cluster.
async fn examine(args: &DoctorArgs) -> anyhow::Result<Vec<Check>> {
    let client = live::connect(args.cluster.kubeconfig.as_deref()).await;
    let cluster = Cluster::reach(client, args).await;
    let mut checks = Vec::new();
    if args.wants(Subject::Node) {
        checks.extend(host::examine(args, cluster.survey()).await?);
    }
    if args.wants(Subject::Cluster) {
        checks.extend(cluster.examine(args).await);
    }
    Ok(checks)
}
