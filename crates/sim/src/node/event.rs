//! What happens to a node, and what it does to the world.

use core::net::SocketAddr;
use std::collections::BTreeSet;

use ferrolb_gossip::{Input as GossipInput, Output as GossipOutput};
use ferrolb_plan::Input as PlanInput;
use ferrolb_wire::Frame;

/// What happens to a node.
#[derive(Debug)]
pub enum Event {
    /// Its ring hears something.
    Gossip(GossipInput),
    /// A frame comes in that the kernel's filter lets pass.
    Frame(Frame),
    /// The watches deliver.
    Facts(Vec<PlanInput>),
    /// The pods of speakers are at these addresses.
    Pods(BTreeSet<SocketAddr>),
    /// The API server does not answer.
    NoPods,
    /// The gateway answers.
    GatewayAnswers,
    /// SIGTERM.
    Terminate,
    /// A deadline has come.
    Tick,
}

/// What a node does to the world.
#[derive(Debug)]
pub enum Effect {
    /// Datagrams and streams of the ring.
    Ring(GossipOutput),
    /// A frame onto the segment.
    Frame(Frame),
    /// Ask the gateway for a sign of life.
    AskGateway,
    /// Read the pod list now.
    ReadPods,
}
