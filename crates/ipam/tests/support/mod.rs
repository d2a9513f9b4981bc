//! A cluster in miniature: objects, and an engine that watches them.

#![allow(
    dead_code,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    unused_imports,
    reason = "shared by several test programs, of which each uses a part"
)]

mod cluster;
mod objects;

pub use cluster::*;
pub use objects::*;
