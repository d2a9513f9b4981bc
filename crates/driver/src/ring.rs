//! A node of a gossip ring: the machine with its sockets.
//!
//! ```text
//!                ┌───────────────────── one task ─────────────────────┐
//!   UDP ◀──────▶ │ Envelope ──▶ gossip::Machine ──▶ Envelope          │ ──▶ View (latest)   for the election
//!   TCP, each    │      ▲                │                            │ ──▶ reports (queue) for logs and events
//!   stream in ─▶ │ inputs (bounded)      └──▶ streams (own tasks)     │
//!   its own task │ commands (bounded) ◀── Handle: join, leave, keys   │
//!                └────────────────────────────────────────────────────┘
//! ```
//!
//! ```
//! use ferrolb_driver::ring::{self, Setup};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # runtime.block_on(async {
//! let a = ring::start(Setup::new("a", "127.0.0.1:0".parse()?)).await?;
//! let mut b = ring::start(Setup::new("b", "127.0.0.1:0".parse()?)).await?;
//! b.handle.join(vec![a.address]).await;
//! b.view.wait_for(|view| view.members.len() == 2).await?;
//! let candidates: Vec<String> = b.view.borrow().candidates().map(|member| member.name.to_string()).collect();
//! assert_eq!(candidates, ["a", "b"]);
//! b.handle.leave().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ping;
mod stream;
mod task;

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ferrolb_gossip::{Config, Identity, Input, Machine, Member, Meta, Output};
use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{Envelope, KeyRing};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::random::Random;
use task::Task;

pub use ping::ping;

/// Reports that may wait; more are dropped and counted, because whoever reads them must not hold up the ring.
const REPORTS: usize = 1024;
/// Commands that may wait; who gives more waits.
const COMMANDS: usize = 16;

/// What a node needs to take part.
#[derive(Debug)]
pub struct Setup {
    /// Name of the Kubernetes node.
    pub name: String,
    /// Where to listen, UDP and TCP. Port 0 takes a free one. Others are told this address, so it must not be unspecified.
    pub bind: SocketAddr,
    /// What the node tells about itself.
    pub meta: Meta,
    /// Timing and other settings.
    pub config: Config,
    /// Keys; none means plain text.
    pub keys: Option<KeyRing>,
    /// Label of the ring; MetalLB has none.
    pub label: String,
}

impl Setup {
    /// A node in plain text with the settings for a local network.
    #[must_use]
    pub fn new(name: &str, bind: SocketAddr) -> Self {
        Self {
            name: name.to_owned(),
            bind,
            meta: Meta::default(),
            config: Config::lan(),
            keys: None,
            label: String::new(),
        }
    }

    fn envelope(&mut self) -> Envelope {
        Envelope {
            label: core::mem::take(&mut self.label),
            keys: self.keys.take(),
            compress: self.config.enable_compression,
            verify_incoming: self.config.gossip_verify_incoming,
            verify_outgoing: self.config.gossip_verify_outgoing,
            version: ferrolb_wire::memberlist::EncryptionVersion::Plain,
        }
    }
}

/// Who is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// All members by name, this node included.
    pub members: Vec<Member>,
    /// Names of members that are out for elections: their watchers do not hear them.
    pub out: BTreeSet<Arc<str>>,
    /// When the candidate that was lost last gave its last sign of life, as far as known; by [`Ring::clock`].
    pub lost_at: Option<Instant>,
    /// Whether this node hears no other one, though none has said goodbye.
    pub is_unheard: bool,
}

impl View {
    /// Members that may be elected.
    pub fn candidates(&self) -> impl Iterator<Item = &Member> {
        self.members
            .iter()
            .filter(|member| !self.out.contains(&member.name))
    }
}

/// A node that takes part.
#[derive(Debug)]
pub struct Ring {
    /// Where it listens.
    pub address: SocketAddr,
    /// Tells it what to do.
    pub handle: Handle,
    /// What its instants count from.
    pub clock: Clock,
    /// Who is there, always the latest. Ends when the node has left.
    pub view: watch::Receiver<View>,
    /// What happened, for logs and events: every `Report…` of [`Output`].
    pub reports: mpsc::Receiver<(Instant, Output)>,
    /// Ends when the node has left, or all handles are gone.
    pub task: JoinHandle<()>,
}

/// Tells a node what to do; clones are equal.
#[derive(Clone, Debug)]
pub struct Handle(mpsc::Sender<Command>);

/// What a node may be told.
#[derive(Debug)]
enum Command {
    Machine(Input),
    Keys(Option<Box<KeyRing>>),
}

impl Handle {
    /// There may be nodes at these addresses.
    pub async fn join(&self, addresses: Vec<SocketAddr>) {
        self.tell(Command::Machine(Input::PeersFound(addresses))).await;
    }

    /// The node's metadata is this now.
    pub async fn set_meta(&self, meta: Meta) {
        self.tell(Command::Machine(Input::MetaChanged(meta))).await;
    }

    /// Uses these keys from now on.
    pub async fn set_keys(&self, keys: Option<KeyRing>) {
        self.tell(Command::Keys(keys.map(Box::new))).await;
    }

    /// Says goodbye and ends the node; [`Ring::task`] ends when the others know, after a second at the latest.
    pub async fn leave(&self) {
        self.tell(Command::Machine(Input::LeaveRequested)).await;
    }

    async fn tell(&self, command: Command) {
        // A node that has left does nothing more.
        let _left = self.0.send(command).await;
    }
}

/// Binds the sockets and starts the node on this runtime.
///
/// # Errors
/// When an address cannot be bound.
pub async fn start(mut setup: Setup) -> io::Result<Ring> {
    let listener = TcpListener::bind(setup.bind).await?;
    let address = listener.local_addr()?;
    let socket = UdpSocket::bind(address).await?;
    let (random, clock) = (Random::new(), Clock::start());
    let envelope = setup.envelope();
    let identity = Identity {
        name: setup.name,
        address,
        meta: setup.meta,
        packet_overhead: envelope.packet_overhead(),
    };
    let machine = Machine::new(setup.config, identity, clock.now(), random.seed()?);
    let (commands, command_queue) = mpsc::channel(COMMANDS);
    let (reporter, reports) = mpsc::channel(REPORTS);
    let (shown, view) = watch::channel(View {
        members: machine.members(),
        out: BTreeSet::new(),
        lost_at: None,
        is_unheard: false,
    });
    let task = Task::new(setup.config, machine, envelope, socket, (clock, random));
    let task = tokio::spawn(task.run(listener, command_queue, shown, reporter));
    Ok(Ring {
        address,
        handle: Handle(commands),
        clock,
        view,
        reports,
        task,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_by_either_protocol_is_an_error() {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let datagrams = UdpSocket::bind(anywhere).await.expect("a port");
        let streams = TcpListener::bind(anywhere).await.expect("a port");
        for taken in [datagrams.local_addr(), streams.local_addr()] {
            let started = start(Setup::new("a", taken.expect("bound"))).await;
            let error = started.expect_err("it is taken");
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        }
    }
}
