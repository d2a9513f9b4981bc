//! The machine as its driver sees it: inputs and the time go in, outputs come out.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

mod announce;
mod answer;
mod conflict;
mod links;
mod listen;
mod model;
mod node;
mod probe;
#[path = "../../../../fuzz/entry/query.rs"]
mod query;
mod timeline;
