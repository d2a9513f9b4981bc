//! The controller against the in-memory API server.

mod allocation;
mod configuration;
mod gossip_key;
mod leader;
mod limits;
mod observation;
mod requests;
mod support;
mod writes;
