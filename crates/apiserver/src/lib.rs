//! An in-memory Kubernetes API server: `ferrolb standalone` runs on it, tests use it as their cluster.
//!
//! What it is for: `kubectl` and the client libraries work against it as against a real server, as far as Services,
//! their surroundings and custom resources are concerned: lists in pages, watches with bookmarks and `410 Gone`,
//! patches of all kinds, server-side apply, status subresources, cluster addresses and node ports, tables, CRDs with
//! structural schemas and rules in CEL, validating and converting webhooks. What it is not: no cluster. Nothing runs
//! Pods, fills EndpointSlices or expires Leases, there are no mutating webhooks and no authorization (whoever has a token
//! may do everything), and nothing is replicated.
//!
//! ```text
//!   kubectl, kube ──HTTP or in process──▶ http ─▶ ops (verbs, no clock, no I/O) ─▶ store ─▶ history
//!                                          │        │ schema, rules, service,         one       │ a bounded ring per
//!                                          │        │ patch, managed                counter     │ collection
//!                                          └─ table, selector, discovery                        ▼
//!                                                                            watches, each with a cursor
//! ```
//!
//! A watch has no queue: it reads the ring at its own pace and is told `410 Gone` when it falls behind. Objects are
//! serialized once and the bytes are shared by all lists and watches.
//!
//! ```
//! use ferrolb_apiserver::{ApiServer, Options};
//! use serde_json::json;
//!
//! let server = ApiServer::new(Options::default())?;
//! server.create(json!({
//!     "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
//!     "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
//! }))?;
//! let service = server.get("services", "default", "web").expect("it was just made");
//! assert_eq!(service["spec"]["clusterIP"], "10.96.0.2");
//! # Ok::<(), ferrolb_apiserver::ApiError>(())
//! ```
//!
//! In tests, `kube::Client::new(server.clone(), "default")` needs no socket; [`ApiServer::faults`] lets requests go
//! wrong and [`ApiServer::writes`] tells what was written.

mod admission;
pub mod auth;
mod callout;
mod convert;
mod error;
mod faults;
mod fields;
mod history;
pub mod http;
mod kinds;
mod managed;
mod manifests;
mod object;
mod ops;
mod options;
mod patch;
mod protobuf;
mod random;
mod requests;
mod rules;
mod schema;
mod selector;
mod server;
mod service;
mod state;
mod store;
mod table;
mod time;

pub use error::{ApiError, Cause, Details};
pub use faults::{Fault, Faults, Target};
pub use manifests::{Applied, Report, parse_manifests};
pub use options::{Clock, Options};
pub use requests::{Request, Verb};
pub use server::ApiServer;
pub use state::StateError;
