//! A node as others see it.

use core::net::SocketAddr;
use std::sync::Arc;

use crate::Meta;

/// A node that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name of its Kubernetes node.
    pub name: Arc<str>,
    /// Where its gossip is.
    pub address: SocketAddr,
    /// What it tells about itself; none for a speaker of MetalLB.
    pub meta: Option<Meta>,
}
