//! The other implementations, as processes that tests talk to.
//!
//! `memberlist/` is a small Go program of ours on hashicorp/memberlist; `scripts/interop-assets.sh` builds it once. Everything
//! happens on loopback, on ports that are free.

pub mod peer;

pub use peer::Peer;
