//! Commands against a cluster: `ferrolb standalone` as a process of its own.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

mod doctor;
mod explain;
mod plan;
mod standalone;
mod status;
mod strict;
mod webhooks;
