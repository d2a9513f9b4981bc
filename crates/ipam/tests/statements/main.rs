//! What the behaviour specification says of allocation (controller 4 to 9), statement by statement, and where this engine
//! does otherwise on purpose (controller 15.3; design, promises 1 and 8). What holds with and without `--strict-requests`
//! is shown with both.

#[path = "../support/mod.rs"]
mod support;

mod choosing;
mod converging;
mod events;
mod lifecycle;
mod requests;
mod sharing;
mod strict;

use support::Cluster;

/// Without and with `--strict-requests`.
const BOTH: [bool; 2] = [false, true];

/// `Severity reason` of all events of a Service since the last [`Cluster::forget`], without `deprecatedAnnotation`.
fn told(cluster: &Cluster, name: &str) -> String {
    cluster.events_of(name).join(", ")
}
