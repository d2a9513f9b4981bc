//! Pools, holders, sharing and waiting Services: an engine fed by events that answers with effects.
//!
//! It decides which Service holds which addresses, in O(log n) per event: there is no pass over all Services. What it
//! decides is binding at once; the writes that follow may be slow, fail or be lost. It never talks to an API server,
//! reads no clock and announces nothing.
//!
//! ```text
//!   Event ──▶ observe ──▶ retain: which addresses may it keep?
//!                           │
//!                           ▼
//!             settle ◀── judge: what should it hold? ◀── allocate: lowest free or shareable address
//!               │                                          │ pools: owner of an address, free intervals
//!      ┌────────┼──────────────┐                           │ holders: who is on an address
//!      ▼        ▼              ▼
//!   write     seat ──opening──▶ wake: who waits for exactly that?
//!      │                        (waiting: queues by what would unblock, oldest first)
//!      ▼
//!   Effect: WriteStatus, RecordEvent, PoolUsageChanged
//! ```
//!
//! Nothing is decided before [`Event::Synced`]: then every valid holder is adopted first, and only afterwards are
//! addresses given out. A standby replica is an engine that has everything but that event.
//!
//! ```
//! use std::sync::Arc;
//!
//! use ferrolb_api::facts::{FamilyPolicy, Request, ServiceFacts};
//! use ferrolb_api::resolved::{AddressEntry, Pool};
//! use ferrolb_ipam::{Effect, Engine, Event, Options, Pools};
//! use ferrolb_types::{Instant, Labels, ObjectKey, PoolName};
//!
//! let pool = Pool {
//!     name: PoolName::from("web"),
//!     labels: Labels::default(),
//!     entries: vec![AddressEntry {
//!         text: "192.0.2.0/24".into(),
//!         prefixes: vec!["192.0.2.0/24".parse().unwrap()],
//!     }],
//!     auto_assign: true,
//!     avoid_buggy_ips: true,
//!     allocation: None,
//!     release_delay: core::time::Duration::ZERO,
//!     max_per_namespace: None,
//! };
//! let service = ServiceFacts {
//!     key: ObjectKey::new("default", "shop"),
//!     uid: "1f0e".into(),
//!     resource_version: "7".into(),
//!     created_at: "2026-01-01T00:00:00Z".into(),
//!     generation: 0,
//!     labels: Labels::default(),
//!     is_load_balancer: true,
//!     class: None,
//!     cluster_ips: vec!["10.96.0.9".into()],
//!     family_policy: FamilyPolicy::SingleStack,
//!     families: Vec::new(),
//!     ports: Vec::new(),
//!     local_traffic_only: false,
//!     pod_selector: "".into(),
//!     request: Request::default(),
//!     deprecated_annotations: Vec::new(),
//!     ingress: Vec::new(),
//!     pool_annotation: None,
//!     request_condition: None,
//! };
//!
//! let mut engine = Engine::new(Options::default());
//! let mut effects = Vec::new();
//! let pools = Pools {
//!     accepted: [(pool.name.clone(), Arc::new(pool))].into(),
//!     ..Pools::default()
//! };
//! for event in [Event::PoolsResolved(pools), Event::ServiceApplied(Arc::new(service)), Event::Synced] {
//!     engine.handle(Instant::ZERO, event, &mut effects);
//! }
//! let write = effects.iter().find_map(|effect| match effect {
//!     Effect::WriteStatus(write) => Some(write),
//!     _ => None,
//! });
//! assert_eq!(write.unwrap().addresses, ["192.0.2.1".parse::<std::net::IpAddr>().unwrap()]);
//! ```

mod allocate;
mod backoff;
mod blocked;
mod content;
mod directory;
mod effect;
mod engine;
mod event;
mod family;
mod fitness;
mod holder;
mod interval;
mod judge;
mod ledger;
mod limit;
mod namesakes;
mod observe;
mod order;
mod outcome;
mod pool;
mod pools;
mod port_index;
pub mod reason;
mod record;
mod request;
mod reserve;
mod resting;
mod retain;
mod seat;
mod settle;
mod sharing;
mod takeover;
mod usage;
mod waiting;
mod wake;
mod withhold;
mod write;

pub use effect::{Effect, EventSeverity, ServiceEvent, StatusWrite, Ticket};
pub use engine::{Engine, Options};
pub use event::{Event, Pools, WriteOutcome};
pub use fitness::{Fitness, Obstacle};
pub use outcome::{Outcome, State};
pub use reason::Reason;
pub use usage::PoolUsage;
