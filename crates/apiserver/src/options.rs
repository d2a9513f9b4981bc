//! What a server is started with.

use core::ops::RangeInclusive;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use ferrolb_types::IpNet;
use serde_json::Value;

/// Reads the wall clock; tests may hand in their own.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Settings of a server. Bounds are for what comes from outside.
#[derive(Clone)]
pub struct Options {
    /// Reads the wall clock for timestamps and the expiry of Events.
    pub clock: Clock,
    /// Networks that cluster addresses come from, at most one of each family; the first is the default family.
    /// Default `10.96.0.0/16` and `fd00:96::/112`.
    pub service_cidrs: Vec<IpNet>,
    /// Node ports. Default 30000 to 32767.
    pub node_ports: RangeInclusive<u16>,
    /// Namespaces that exist from the start.
    pub namespaces: Vec<String>,
    /// CustomResourceDefinition documents that exist from the start. Default: those of `metallb.io`.
    pub crds: Vec<Value>,
    /// Changes remembered per collection; a watch that asks for older ones gets 410. Default 16384.
    pub history: usize,
    /// Largest request body. Default 3 MiB, as on a real server.
    pub max_body_bytes: usize,
    /// Connections served at the same time. Default 512.
    pub max_connections: usize,
    /// How often a watch that allows bookmarks gets one. Default 60 s.
    pub bookmark_interval: Duration,
    /// Longest life of a watch without `timeoutSeconds`. Default 30 min.
    pub max_watch: Duration,
    /// Requests remembered for [`crate::ApiServer::requests`]. Default 20000.
    pub request_log: usize,
    /// Where webhooks are that are named by a `service`: there are no Services to route to. Default `127.0.0.1:9443`,
    /// where the controller serves its own.
    pub webhook_address: SocketAddr,
    /// Bearer tokens; without any, everybody may do everything.
    pub tokens: Option<crate::auth::Tokens>,
}

impl Options {
    /// The defaults, with the namespaces of a fresh cluster and `metallb-system`.
    ///
    /// `clock` reads the wall clock: applications pass the one of their driver.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let namespaces = [
            "default",
            "kube-node-lease",
            "kube-public",
            "kube-system",
            "metallb-system",
        ];
        let cidrs = ["10.96.0.0/16", "fd00:96::/112"];
        Self {
            clock,
            service_cidrs: cidrs.iter().filter_map(|c| c.parse().ok()).collect(),
            node_ports: 30_000..=32_767,
            namespaces: namespaces.map(str::to_owned).to_vec(),
            crds: bundled_crds(),
            history: 16_384,
            max_body_bytes: 3 * 1024 * 1024,
            max_connections: 512,
            bookmark_interval: Duration::from_secs(60),
            max_watch: Duration::from_secs(30 * 60),
            request_log: 20_000,
            webhook_address: SocketAddr::from(([127, 0, 0, 1], 9443)),
            tokens: None,
        }
    }
}

/// The definitions of all `metallb.io` kinds.
fn bundled_crds() -> Vec<Value> {
    let parse = |crd: &ferrolb_api::crds::Crd| {
        serde_saphyr::from_str(crd.yaml).expect("the bundled definitions are well-formed YAML")
    };
    ferrolb_api::crds::all().iter().map(parse).collect()
}

impl Default for Options {
    /// As [`Options::new`] with the system's clock.
    fn default() -> Self {
        Self::new(Arc::new(ferrolb_driver::clock::wall))
    }
}

impl core::fmt::Debug for Options {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Options")
            .field("service_cidrs", &self.service_cidrs)
            .field("node_ports", &self.node_ports)
            .field("namespaces", &self.namespaces)
            .field("history", &self.history)
            .finish_non_exhaustive()
    }
}
