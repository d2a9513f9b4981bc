//! Flags of leader election, named as those of the Kubernetes components.

use core::time::Duration;

use clap::{ArgAction, Args};

use super::go;

const HEADING: &str = "Leader election";

/// How one of several controllers is chosen.
#[derive(Debug, Args)]
pub struct ElectionArgs {
    /// Of several controllers let one write, chosen by a Lease, while the others stand by; default: true, in `standalone`
    /// false. Where Leases may not be used there is a warning, and no election
    #[arg(long, help_heading = HEADING, value_parser = go::bool, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", action = ArgAction::Set)]
    pub leader_elect: Option<bool>,
    /// How long others wait after the leader has renewed the Lease last before one of them takes over, like `15s`
    #[arg(long, help_heading = HEADING, value_name = "DURATION", default_value = "15s", value_parser = go::duration)]
    pub leader_elect_lease_duration: Duration,
    /// How long the leader goes on without being able to renew the Lease; shorter than the lease duration
    #[arg(long, help_heading = HEADING, value_name = "DURATION", default_value = "10s", value_parser = go::duration)]
    pub leader_elect_renew_deadline: Duration,
    /// Time between two attempts to renew or to acquire the Lease
    #[arg(long, help_heading = HEADING, value_name = "DURATION", default_value = "2s", value_parser = go::duration)]
    pub leader_elect_retry_period: Duration,
    /// The name of the Lease, in the namespace of the controller; controllers with different `--lb-class` need different ones
    #[arg(long, help_heading = HEADING, value_name = "NAME", default_value = "metallb-controller")]
    pub leader_elect_resource_name: String,
}
