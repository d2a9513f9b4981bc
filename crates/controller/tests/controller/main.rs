//! The controller against the in-memory API server.

mod allocation;
mod observation;
mod support;
