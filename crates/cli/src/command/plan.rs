//! `ferrolb plan`.

mod text;

use std::collections::BTreeSet;
use std::process::ExitCode;

use ferrolb_api::BgpMode;
use ferrolb_plan::report::{Options, Plan};
use ferrolb_types::NodeName;

use crate::args::{BgpType, PlanArgs};
use crate::manifest;
use crate::output;

pub(crate) fn run(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    let documents = manifest::read(&args.filename)?;
    let (format, printed) = (args.output, names(&args.node));
    let manifests = documents.into_iter().map(|(_, value)| value).collect();
    let plan = Plan::draw_up(manifests, &options(args));
    if let Some(name) = printed
        .iter()
        .find(|name| !plan.nodes.iter().any(|n| n.name == name.as_str()))
    {
        return Ok(usage(format_args!(
            "there is no Node object `{name}` in the input; correct --node"
        )));
    }
    output::print_as(format, &plan, text::render)?;
    Ok(if plan.valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn usage(error: impl std::fmt::Display) -> ExitCode {
    output::say(format_args!("error: {error}"));
    ExitCode::from(output::USAGE)
}

fn options(args: &PlanArgs) -> Options {
    Options {
        namespace: args.namespace.as_str().into(),
        speakers: args.speakers.as_deref().map(names),
        nodes: names(&args.node),
        class: args.lb_class.as_str().into(),
        bgp_mode: match args.bgp_type {
            BgpType::Native => BgpMode::Native,
            BgpType::Frr => BgpMode::Frr,
            BgpType::FrrK8s => BgpMode::FrrK8s,
        },
        ignore_exclude_lb: args.ignore_exclude_lb,
        strict: args.strict,
        strict_requests: args.strict_requests,
    }
}

fn names(texts: &[String]) -> BTreeSet<NodeName> {
    let trimmed = texts.iter().map(|text| text.trim());
    trimmed
        .filter(|text| !text.is_empty())
        .map(NodeName::from)
        .collect()
}
