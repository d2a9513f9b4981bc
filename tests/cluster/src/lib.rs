//! A cluster for tests: a real API server with RBAC, real kubectl and kube-proxy, and nodes that are network stacks of
//! their own. The processes under test run as their ServiceAccounts.
//!
//! ```text
//!   control plane          node n1                       node n2            client
//!   etcd, kube-apiserver   speaker, kube-proxy           the same           arping, ndisc6, curl
//!   controller             └─ pod (serves a page)                           as judges
//!   192.168.10.1           192.168.10.3                  192.168.10.4       192.168.10.2
//!        └──────────────────────┴──────── bridge ─────────────┴──────────────────┘
//! ```
//!
//! What it is not: no kubelet and no controller manager. Nodes and EndpointSlices are written by the tests, which is
//! faster and exact.
//!
//! Every test has a cluster of its own, so tests neither wait for each other nor see each other's objects. Namespaces
//! have no names and no files and the kernel ends the processes with the test's thread, so nothing stays behind,
//! whatever happens.

mod api;
mod assets;
mod audit;
mod certificate;
mod client;
mod cluster;
mod control_plane;
mod kubectl;
mod member;
mod node;
mod page;
mod program;
mod wait;

pub use api::{Answer, Api};
pub use audit::{Audit, Request};
pub use client::Client;
pub use cluster::{Cluster, Roles};
pub use control_plane::ControlPlane;
pub use kubectl::Kubectl;
pub use node::Node;
pub use program::Program;
pub use wait::eventually;
