//! `ferrolb check`: only what is wrong, with file and line.

mod schema;

use std::process::ExitCode;

use ferrolb_api::{BgpMode, Severity};
use ferrolb_plan::report::Plan;
use serde::Serialize;

use super::findings::{self, Finding, counted};
use super::input::{self, Input};
use crate::args::CheckArgs;
use crate::output;

/// `apiVersion` of [`Report`].
const API_VERSION: &str = "check.ferrolb.io/v1";

/// What is printed as JSON and YAML. Fields may be added, never renamed or removed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    api_version: &'static str,
    valid: bool,
    problems: Vec<Finding>,
}

pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let input = Input::read(&args.input)?;
    let plan = Plan::draw_up(input.manifests(), &input::options(&args.input, BgpMode::Native));
    if let Some(message) = input::unknown_node(&args.input, &plan) {
        output::say(format_args!("error: {message}"));
        return Ok(ExitCode::from(output::USAGE));
    }
    let mut problems = findings::of_plan(&plan, &input);
    problems.extend(schema::review(&input, &problems, args.input.strict)?);
    // Where it is written, so that one goes through a file from top to bottom; the cluster's last.
    problems.sort_by_key(|f| (f.place.is_none(), f.place.clone()));
    let report = Report {
        api_version: API_VERSION,
        valid: problems.iter().all(|f| f.problem.severity != Severity::Error),
        problems,
    };
    output::print_as(args.output, &report, text)?;
    Ok(if report.valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text(report: &Report) -> String {
    let lines: String = report.problems.iter().map(Finding::line).collect();
    lines + &verdict(report)
}

fn verdict(report: &Report) -> String {
    let errors = report
        .problems
        .iter()
        .filter(|f| f.problem.severity == Severity::Error)
        .count();
    match (errors, report.problems.len() - errors) {
        (0, 0) => "Nothing is wrong.\n".to_owned(),
        (0, warnings) => format!("{}.\n", counted(warnings, "warning")),
        (errors, 0) => format!("{}.\n", counted(errors, "error")),
        (errors, warnings) => format!(
            "{}, {}.\n",
            counted(errors, "error"),
            counted(warnings, "warning")
        ),
    }
}
