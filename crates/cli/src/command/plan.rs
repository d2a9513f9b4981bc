//! `ferrolb plan`.

mod frr_k8s;
mod text;

use std::process::ExitCode;

use ferrolb_api::BgpMode;
use ferrolb_plan::report::Plan;

use super::findings;
use super::input::{self, Input};
use crate::args::{PlanArgs, PlanFormat};
use crate::output::{self, Format};

pub(crate) fn run(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    let input = Input::read(&args.input)?;
    let format = match args.output {
        PlanFormat::FrrK8s => return frr_k8s::run(args, &input),
        PlanFormat::Text => Format::Text,
        PlanFormat::Json => Format::Json,
        PlanFormat::Yaml => Format::Yaml,
    };
    let plan = Plan::draw_up(input.manifests(), &input::options(&args.input, BgpMode::Native));
    if let Some(message) = input::unknown_node(&args.input, &plan) {
        return Ok(usage(message));
    }
    output::print_as(format, &plan, |plan| {
        text::render(plan, &findings::of_plan(plan, &input))
    })?;
    Ok(status(&plan))
}

const fn status(plan: &Plan) -> ExitCode {
    if plan.valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn usage(error: impl std::fmt::Display) -> ExitCode {
    output::say(format_args!("error: {error}"));
    ExitCode::from(output::USAGE)
}
