//! What every measurement has: a cluster, somebody who asks and somebody who looks.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use ferrolb_bench::Program;
use ferrolb_bench::report::say;
use ferrolb_driver::clock::Stopwatch;
use ferrolb_tests_cluster::{Cluster, Request};
use http::Method;
use serde_json::{Value, json};

use crate::plain::{Plain, request};
use crate::sight::Sight;

/// The collection of Services in namespace `default`.
pub(crate) const SERVICES: &str = "/api/v1/namespaces/default/services";
/// After so long without a write, nothing is left to be written: counters of pools wait a second.
const QUIET: Duration = Duration::from_millis(1500);

/// A cluster without a controller.
pub(crate) struct Lab<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) clock: Stopwatch,
    pub(crate) plain: Plain,
    pub(crate) sight: Sight,
}

impl<'a> Lab<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> Result<Self> {
        let clock = Stopwatch::start();
        let plain = Plain::start(cluster.plane.namespace(), cluster.plane.kubectl.kubeconfig())?;
        let sight = Sight::open(&plain, clock);
        Ok(Self {
            cluster,
            clock,
            plain,
            sight,
        })
    }

    /// Creates the only pool.
    pub(crate) fn create_pool(&self, addresses: &str) -> Result<()> {
        let pool = json!({
            "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": { "name": "large", "namespace": "metallb-system" }, "spec": { "addresses": [addresses] } });
        self.cluster.plane.kubectl.apply_text(&pool.to_string())?;
        Ok(())
    }

    /// Creates Services as fast as the server takes them.
    pub(crate) fn create(&self, services: impl IntoIterator<Item = Value>) -> Result<()> {
        let requests = services.into_iter().map(|service| creation(&service));
        self.plain.send_all(requests.collect::<Result<_>>()?)
    }

    /// Starts the controller and does not wait.
    pub(crate) fn start_controller(&self) -> Result<Program> {
        let plane = &self.cluster.plane;
        let kubeconfig = plane.account_kubeconfig("controller")?;
        Program::start(plane.namespace(), &kubeconfig, &["controller"])
    }

    /// What the controller has written by now and still does, until it writes nothing more.
    pub(crate) fn settled_writes(&self) -> Result<Writes> {
        let mut writes = self.writes()?;
        loop {
            self.plain.run(async { tokio::time::sleep(QUIET).await })?;
            let later = self.writes()?;
            if later.0.len() == writes.0.len() {
                return Ok(later);
            }
            writes = later;
        }
    }

    /// What the controller has written so far, the Lease aside.
    pub(crate) fn writes(&self) -> Result<Writes> {
        Ok(Writes(self.cluster.plane.audit.writes_of("controller")?))
    }
}

/// Writes of the controller.
pub(crate) struct Writes(pub(crate) Vec<Request>);

impl Writes {
    /// Those after the ones that were known `before`.
    pub(crate) fn since(self, before: &Self) -> Self {
        Self(self.0.into_iter().skip(before.0.len()).collect())
    }

    /// How many there are to this resource.
    pub(crate) fn to(&self, resource: &str) -> usize {
        self.0.iter().filter(|w| w.resource == resource).count()
    }

    /// How many there are to the object of this resource that has most.
    pub(crate) fn most_to_one(&self, resource: &str) -> usize {
        let mut counts = BTreeMap::<&str, usize>::new();
        for write in self.0.iter().filter(|w| w.resource == resource) {
            *counts.entry(&write.object).or_default() += 1;
        }
        counts.into_values().max().unwrap_or(0)
    }

    /// Tells what was written how often, for people.
    pub(crate) fn tell(&self) {
        let mut counts = BTreeMap::<String, usize>::new();
        for Request {
            verb, resource, code, ..
        } in &self.0
        {
            *counts.entry(format!("{verb} {resource} {code}")).or_default() += 1;
        }
        say(format_args!("  writes: {counts:?}"));
    }
}

/// The request that creates this Service.
pub(crate) fn creation(service: &Value) -> Result<http::Request<Vec<u8>>> {
    request(Method::POST, SERVICES, "application/json", service)
}

/// Services `PREFIX-0` and so on.
pub(crate) fn services(prefix: &str, count: usize) -> impl Iterator<Item = Value> {
    (0..count).map(move |number| service(&format!("{prefix}-{number}")))
}

/// Without node ports, of which there are fewer than Services.
pub(crate) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
        "spec": { "type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": [{ "port": 80 }] } })
}
