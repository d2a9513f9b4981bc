//! From flags to an election.

use anyhow::Context as _;
use ferrolb_controller::{ElectionConfig, ElectionTimes};
use ferrolb_driver::random::Random;

use super::process::{Process, host_name};
use crate::args::ElectionArgs;

/// What the flags ask for; none: no election.
///
/// # Errors
/// When the times do not fit each other, or the host has no name.
pub(super) fn of(
    args: &ElectionArgs,
    default: bool,
    process: &Process,
) -> anyhow::Result<Option<ElectionConfig>> {
    let times = times(args)?;
    if !args.leader_elect.unwrap_or(default) {
        return Ok(None);
    }
    let seed = Random::new().seed()?;
    Ok(Some(ElectionConfig {
        times,
        lease: args.leader_elect_resource_name.as_str().into(),
        identity: identity(process, seed)?,
        seed,
    }))
}

/// # Errors
/// When the times do not fit each other.
pub(super) fn times(args: &ElectionArgs) -> anyhow::Result<ElectionTimes> {
    let times = ElectionTimes {
        lease_duration: args.leader_elect_lease_duration,
        renew_deadline: args.leader_elect_renew_deadline,
        retry_period: args.leader_elect_retry_period,
    };
    times.check().context("`--leader-elect-...`")?;
    Ok(times)
}

/// A Pod has one controller at a time. Outside of Pods nobody sees to that, so each process has a name of its own.
fn identity(process: &Process, seed: u64) -> anyhow::Result<Box<str>> {
    if let Some(pod) = &process.pod {
        return Ok(pod.clone());
    }
    let host = host_name().context("cannot read the host's name, use `--pod-name`")?;
    Ok(format!("{host}_{seed:016x}").into())
}
