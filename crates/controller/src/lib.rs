//! The controller process: gives Services their addresses.
//!
//! Wiring only: `ferrolb-ipam` decides, `ferrolb-kube` reads and writes. What it is not: it announces nothing, and it
//! keeps nothing outside of the API.
//!
//! ```text
//!   feed ── Services, Namespaces, pools ──▶ ┌───────────┐ ── status writes ──▶ kube::write ─┐
//!   (watches)                               │ Allocator │ ── events ─────────▶ kube::event  │
//!                                           │ (one task)│ ── counters ───────▶ metrics,     │
//!   admin ── /debug/state ────────────────▶ └───────────┘                      pool status  │
//!                                                 ▲                                         │
//!                                                 └──────────── outcomes of writes ─────────┘
//!
//!   Lease ─▶ Elector ── opens and closes the fence before every write; the leader's Allocator decides, another one waits
//!
//!   ConfigurationState ── what an earlier process kept ──▶ Allocator ── verdict, what is kept ──▶ ConfigurationState
//! ```
//!
//! ```no_run
//! use ferrolb_controller::{Config, Controller, Telemetry};
//! use ferrolb_telemetry::metrics::{ClientMetrics, Registry};
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example(client: ferrolb_kube::Client) -> anyhow::Result<()> {
//! let registry = Registry::new();
//! let telemetry = Telemetry {
//!     client: ClientMetrics::register(&registry)?,
//!     registry,
//!     clock: ferrolb_driver::clock::wall,
//!     connection: ferrolb_kube::connection::Connection::default(),
//! };
//! let config = Config::in_namespace("metallb-system".into());
//! let controller = Controller::new(config, client, &telemetry)?;
//! controller.run(CancellationToken::new()).await
//! # }
//! ```

mod allocator;
mod configuration;
mod effect;
mod election;
mod feed;
mod fences;
pub mod gossip_key;
mod metrics;
mod run;
mod state;

use ferrolb_api::BgpMode;
use ferrolb_kube::WallClock;
use ferrolb_kube::connection::Connection;
use ferrolb_telemetry::metrics::{ClientMetrics, Registry};
use ferrolb_types::NamespaceName;

pub use election::ElectionConfig;
pub use ferrolb_lease::Config as ElectionTimes;
pub use run::Controller;

/// What the command line decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// The namespace whose `metallb.io` objects count.
    pub namespace: NamespaceName,
    /// `--lb-class`; empty: Services without a class.
    pub class: Box<str>,
    /// `--strict-requests`: a changed request that cannot be met costs the address, as in the reference.
    pub strict_requests: bool,
    /// `METALLB_BGP_TYPE`: whose restrictions the objects of BGP are judged by.
    pub bgp_mode: BgpMode,
    /// `--pod-name`: the Pod that the controller's ConfigurationState belongs to.
    pub pod: Option<Box<str>>,
    /// How one of several controllers is chosen; absent: this one writes whatever others do.
    pub election: Option<ElectionConfig>,
}

impl Config {
    /// The defaults of all flags.
    #[must_use]
    pub fn in_namespace(namespace: NamespaceName) -> Self {
        Self {
            namespace,
            class: Box::default(),
            strict_requests: false,
            bgp_mode: BgpMode::default(),
            pod: None,
            election: None,
        }
    }
}

/// Where the controller shows what it does. One process has one registry, shared by its components.
#[derive(Clone)]
pub struct Telemetry {
    /// For the allocator's metrics.
    pub registry: Registry,
    /// Registered once per process.
    pub client: ClientMetrics,
    /// Times of events.
    pub clock: WallClock,
    /// What is said about the API server, once for all components of the process.
    pub connection: Connection,
}
