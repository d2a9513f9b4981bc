//! What keeps each pool from serving a Service, for `explain`. The same rules as the decision, asked pool by pool.

use core::fmt;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use ferrolb_api::facts::Fence;
use ferrolb_types::{IpFamily, NamespaceName, ObjectKey, PoolName};

use crate::allocate::Applicant;
use crate::engine::Engine;
use crate::family::{ClusterFamily, Demand};
use crate::pool::{self, PoolState};
use crate::record::ServiceId;
use crate::request::{Wish, reservation_of};
use crate::sharing::Claim;

/// What a pool could do for a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fitness {
    /// The pool.
    pub pool: PoolName,
    /// What is in the way; empty if nothing is.
    pub obstacles: Vec<Obstacle>,
}

/// One thing that keeps a pool from serving a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obstacle {
    /// The Service asks for another pool.
    OtherPoolAsked(PoolName),
    /// The pool is only for Services that ask for it.
    NotAutomatic,
    /// `serviceAllocation` does not name the namespace of the Service.
    Namespace,
    /// The fence of the Namespace (annotation `ferrolb.io/pools`) leaves the pool out.
    Fence,
    /// The fence of the Namespace is malformed at this text, so that it lets nobody through.
    MalformedFence(Box<str>),
    /// The Services of the namespace have as many of its addresses as they may (annotation `ferrolb.io/max-per-namespace`).
    Quota,
    /// `serviceAllocation` selects Services by labels that this one has not.
    ServiceLabels,
    /// The pool has no address of a family that the Service needs.
    WithoutFamily(IpFamily),
    /// Every address of a family that the Service needs is taken.
    Exhausted(IpFamily),
    /// An address that the Service asks for is not in the pool.
    WithoutAddress(IpAddr),
    /// An address that the Service asks for is taken.
    AddressHeld {
        /// The address.
        address: IpAddr,
        /// The Services that have it.
        by: Vec<ObjectKey>,
        /// Why it cannot be shared with them.
        why: String,
    },
}

/// What is in the way and who can change it, in one line.
impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherPoolAsked(pool) => write!(f, "the Service asks for pool `{pool}`"),
            Self::NotAutomatic => f.write_str(
                "it has `autoAssign: false`, and the Service does not ask for it with annotation `metallb.io/address-pool`",
            ),
            Self::Namespace => f.write_str("its `serviceAllocation` does not cover the namespace of the Service"),
            Self::Fence => f.write_str("annotation `ferrolb.io/pools` of the Namespace leaves it out"),
            Self::MalformedFence(wrong) => write!(
                f,
                "annotation `ferrolb.io/pools` of the Namespace is malformed at `{wrong}`, so it admits no pool"
            ),
            Self::Quota => f.write_str("the namespace has as many of its addresses as `ferrolb.io/max-per-namespace` allows"),
            Self::ServiceLabels => f.write_str("its `serviceAllocation.serviceSelectors` do not match the labels of the Service"),
            Self::WithoutFamily(family) => write!(f, "it has no {family} addresses"),
            Self::Exhausted(family) => write!(f, "none of its {family} addresses is free"),
            Self::WithoutAddress(address) => write!(f, "`{address}`, which the Service asks for, is not in it"),
            Self::AddressHeld { why, .. } => f.write_str(why),
        }
    }
}

impl Obstacle {
    /// What would take it out of the way, if `pool` is the pool that it is about and `service` the Service.
    #[must_use]
    pub fn remedy(&self, pool: &PoolName, service: &ObjectKey) -> String {
        match self {
            Self::OtherPoolAsked(asked) => format!(
                "let the Service ask for pool `{pool}` instead of `{asked}` (annotation `metallb.io/address-pool`)"
            ),
            Self::NotAutomatic => format!(
                "let the Service ask for it with annotation `metallb.io/address-pool: {pool}`, or set `autoAssign: true` in pool `{pool}`"
            ),
            Self::Namespace => format!(
                "add namespace `{}` to `serviceAllocation.namespaces` of pool `{pool}`",
                service.namespace
            ),
            Self::Fence => format!(
                "add `{pool}` to annotation `ferrolb.io/pools` of Namespace `{}`",
                service.namespace
            ),
            Self::MalformedFence(_) => format!(
                "correct annotation `ferrolb.io/pools` of Namespace `{}`: names of pools separated by commas",
                service.namespace
            ),
            Self::Quota => format!(
                "raise `ferrolb.io/max-per-namespace` of pool `{pool}`, or delete a Service of namespace `{}` that has an address of it",
                service.namespace
            ),
            Self::ServiceLabels => {
                format!("label the Service as `serviceAllocation.serviceSelectors` of pool `{pool}` have it")
            }
            Self::WithoutFamily(family) => format!("add {family} addresses to pool `{pool}`"),
            Self::Exhausted(family) => {
                format!("add {family} addresses to pool `{pool}`, or delete a Service that has one")
            }
            Self::WithoutAddress(address) => format!("add `{address}` to pool `{pool}`"),
            Self::AddressHeld { address, .. } => format!(
                "ask for another address than `{address}`, or share it: the same `metallb.io/allow-shared-ip` on both, different ports"
            ),
        }
    }
}

impl Engine {
    /// Says of every pool, by name, what keeps it from serving a Service. Empty for a Service that is not known, or whose
    /// cluster addresses or request cannot be read: then no pool can help.
    #[must_use]
    pub fn fitness(&self, key: &ObjectKey) -> Vec<Fitness> {
        let Some(id) = self.directory.find(key) else {
            return Vec::new();
        };
        self.fitness_of(id).unwrap_or_default()
    }

    fn fitness_of(&self, id: ServiceId) -> Option<Vec<Fitness>> {
        let facts = &*self.directory[id].facts;
        let cluster = ClusterFamily::of(facts).ok()?;
        let wish = Wish::parse(&facts.request).ok()?;
        let claim = Claim::of(facts);
        let reservation = reservation_of(facts).ok()?;
        let claim = claim.as_ref();
        let who = Applicant {
            id,
            facts,
            cluster,
            claim,
            reservation: reservation.as_ref(),
        };
        let demand = who.demand().ok()?;
        let fitness = |(name, state): (&PoolName, &PoolState)| Fitness {
            pool: name.clone(),
            obstacles: self.obstacles(who, &wish, demand, state),
        };
        Some(self.pools.iter().map(fitness).collect())
    }

    fn obstacles(&self, who: Applicant<'_>, wish: &Wish, demand: Demand, state: &PoolState) -> Vec<Obstacle> {
        let mut found = Vec::new();
        match wish {
            Wish::Anything if !state.pool.auto_assign => found.push(Obstacle::NotAutomatic),
            Wish::Anything => {}
            Wish::Pool(asked)
            | Wish::Addresses {
                pool: Some(asked), ..
            } if *asked != state.pool.name => {
                found.push(Obstacle::OtherPoolAsked(asked.clone()));
            }
            Wish::Pool(_) | Wish::Addresses { .. } => {}
        }
        let (namespace, labels) = (
            &who.facts.key.namespace,
            self.directory.labels(&who.facts.key.namespace),
        );
        if !pool::allows_namespace(&state.pool, namespace, labels) {
            found.push(Obstacle::Namespace);
        }
        if let Some(fence) = self.fence_before(namespace, &state.pool.name) {
            found.push(fence);
        } else if !self.is_within_limits(who, state) {
            found.push(Obstacle::Quota);
        }
        if !pool::allows_labels(&state.pool, who.facts) {
            found.push(Obstacle::ServiceLabels);
        }
        match wish {
            Wish::Addresses { wanted, .. } => {
                let taken = wanted
                    .as_slice()
                    .iter()
                    .filter_map(|addr| self.taken(who, *addr, state));
                found.extend(taken);
            }
            Wish::Anything | Wish::Pool(_) => found.extend(lacking(demand, state, who.claim)),
        }
        found
    }

    fn fence_before(&self, namespace: &NamespaceName, pool: &PoolName) -> Option<Obstacle> {
        match &self.directory.namespace(namespace)?.fence {
            Fence::Malformed(wrong) => Some(Obstacle::MalformedFence(wrong.clone())),
            fence => (!fence.admits(pool)).then_some(Obstacle::Fence),
        }
    }

    fn taken(&self, who: Applicant<'_>, address: IpAddr, state: &PoolState) -> Option<Obstacle> {
        if !state.owns(address) {
            return Some(Obstacle::WithoutAddress(address));
        }
        let refusal = self.holders.admits(address, who.id, who.claim).err()?;
        Some(Obstacle::AddressHeld {
            address,
            by: self
                .holders(address)
                .into_iter()
                .filter(|key| *key != who.facts.key)
                .collect(),
            why: self.refused(address, refusal, who.claim).message,
        })
    }
}

/// Families that the pool cannot give; with a mere preference only if it can give neither.
fn lacking(demand: Demand, state: &PoolState, claim: Option<&Claim>) -> Vec<Obstacle> {
    let lack = |family| {
        if !state.has_family(family) {
            Some(Obstacle::WithoutFamily(family))
        } else if state.lowest(family, claim).is_none() {
            Some(Obstacle::Exhausted(family))
        } else {
            None
        }
    };
    let both = || {
        [IpFamily::V4, IpFamily::V6]
            .into_iter()
            .filter_map(lack)
            .collect::<Vec<_>>()
    };
    match demand {
        Demand::Single(family) => lack(family).into_iter().collect(),
        Demand::Both => both(),
        Demand::Prefer { .. } => Some(both()).filter(|lacks| lacks.len() == 2).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use ferrolb_api::core::{Namespace, Service};
    use ferrolb_api::metallb::IpAddressPool;
    use ferrolb_api::{RawConfig, Rules, decode, resolve};
    use ferrolb_types::Instant;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Event, Options, Pools};

    /// An engine with these pools that has decided on these Services.
    fn engine(pools: &[Value], services: &[Value]) -> Engine {
        engine_with(&json!({}), pools, services)
    }

    /// Like `engine`, where Namespace `default` and the pools, by name, have these annotations.
    fn engine_with(annotations: &Value, pools: &[Value], services: &[Value]) -> Engine {
        let mut raw = RawConfig {
            rules: Rules {
                namespace: "lb".into(),
                ..Rules::default()
            },
            ..RawConfig::default()
        };
        for (name, spec) in pools.iter().enumerate().map(|(i, spec)| (format!("p{i}"), spec)) {
            let pool = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
                               "metadata": { "name": name, "namespace": "lb", "annotations": annotations[&name] },
                               "spec": spec });
            let pool: IpAddressPool = decode(&pool).unwrap();
            raw.pools.push(pool);
        }
        let pools = Pools {
            accepted: resolve(&raw).config.pools,
            refused: BTreeMap::new(),
        };
        let mut engine = Engine::new(Options::default());
        let mut events = vec![Event::PoolsResolved(pools)];
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace",
                                "metadata": { "name": "default", "annotations": annotations["default"] } });
        let namespace: Namespace = decode(&namespace).unwrap();
        events.push(Event::NamespaceApplied(namespace.observe()));
        for service in services {
            let service: Service = decode(service).unwrap();
            events.push(Event::ServiceApplied(Arc::new(service.observe())));
        }
        events.push(Event::Synced);
        for event in events {
            engine.handle(Instant::ZERO, event, &mut Vec::new());
        }
        engine
    }

    fn service(name: &str, annotations: &Value, mut spec: Value) -> Value {
        spec["type"] = json!("LoadBalancer");
        spec["ports"] = json!([{ "port": 80 }]);
        if spec["clusterIPs"].is_null() {
            spec["clusterIPs"] = json!(["10.0.0.1"]);
        }
        json!({ "apiVersion": "v1", "kind": "Service", "spec": spec,
                "metadata": { "name": name, "namespace": "default", "annotations": annotations } })
    }

    fn obstacles(engine: &Engine, name: &str) -> Vec<Vec<String>> {
        let fitness = engine.fitness(&ObjectKey::new("default", name));
        fitness
            .iter()
            .map(|f| f.obstacles.iter().map(ToString::to_string).collect())
            .collect()
    }

    #[test]
    fn each_pool_says_what_keeps_it_from_serving_a_service() {
        let pools = [
            json!({ "addresses": ["192.0.2.1/32"] }),
            json!({ "addresses": ["198.51.100.0/24"], "autoAssign": false }),
            json!({ "addresses": ["203.0.113.0/24"], "serviceAllocation": { "namespaces": ["other"] } }),
            json!({ "addresses": ["2001:db8::/64"] }),
            json!({ "addresses": ["203.0.114.0/24"],
                    "serviceAllocation": { "serviceSelectors": [{ "matchLabels": { "app": "x" } }] } }),
        ];
        let services = [
            service("a", &json!({}), json!({})),
            service("b", &json!({}), json!({})),
        ];
        let engine = engine(&pools, &services);
        assert_eq!(
            obstacles(&engine, "b"),
            [
                vec!["none of its IPv4 addresses is free"],
                vec![
                    "it has `autoAssign: false`, and the Service does not ask for it with annotation `metallb.io/address-pool`"
                ],
                vec!["its `serviceAllocation` does not cover the namespace of the Service"],
                vec!["it has no IPv4 addresses"],
                vec!["its `serviceAllocation.serviceSelectors` do not match the labels of the Service"],
            ]
        );
    }

    #[test]
    fn a_fence_is_in_the_way_of_the_pools_that_it_leaves_out_alone() {
        let pools = [
            json!({ "addresses": ["192.0.2.0/24"] }),
            json!({ "addresses": ["198.51.100.0/24"] }),
        ];
        let fence = json!({ "default": { "ferrolb.io/pools": "p1" } });
        let engine = engine_with(&fence, &pools, &[service("a", &json!({}), json!({}))]);
        assert_eq!(
            obstacles(&engine, "a"),
            [
                vec!["annotation `ferrolb.io/pools` of the Namespace leaves it out"],
                vec![]
            ]
        );
        let remedy = Obstacle::Fence.remedy(&"p0".into(), &ObjectKey::new("default", "a"));
        assert_eq!(
            remedy,
            "add `p0` to annotation `ferrolb.io/pools` of Namespace `default`"
        );
    }

    #[test]
    fn a_fence_that_cannot_be_read_is_in_the_way_of_every_pool_and_is_to_be_corrected() {
        let pools = [json!({ "addresses": ["192.0.2.0/24"] })];
        let fence = json!({ "default": { "ferrolb.io/pools": "p0,B!" } });
        let engine = engine_with(&fence, &pools, &[service("a", &json!({}), json!({}))]);
        assert_eq!(
            obstacles(&engine, "a"),
            [["annotation `ferrolb.io/pools` of the Namespace is malformed at `B!`, so it admits no pool"]]
        );
        let remedy =
            Obstacle::MalformedFence("B!".into()).remedy(&"p0".into(), &ObjectKey::new("default", "a"));
        assert_eq!(
            remedy,
            "correct annotation `ferrolb.io/pools` of Namespace `default`: names of pools separated by commas"
        );
    }

    #[test]
    fn a_quota_is_in_the_way_of_the_next_service_but_not_of_those_that_count() {
        let pools = [json!({ "addresses": ["192.0.2.0/24"] })];
        let services = ["a", "b"].map(|name| service(name, &json!({}), json!({})));
        let quota = json!({ "p0": { "ferrolb.io/max-per-namespace": "1" } });
        let limited = engine_with(&quota, &pools, &services);
        assert_eq!(obstacles(&limited, "a"), [[""; 0]]);
        assert_eq!(
            obstacles(&limited, "b"),
            [["the namespace has as many of its addresses as `ferrolb.io/max-per-namespace` allows"]]
        );
        let remedy = Obstacle::Quota.remedy(&"p0".into(), &ObjectKey::new("default", "b"));
        assert!(
            remedy.contains("`ferrolb.io/max-per-namespace` of pool `p0`"),
            "{remedy}"
        );
    }

    #[test]
    fn behind_a_fence_the_quota_does_not_matter() {
        let pools = [
            json!({ "addresses": ["192.0.2.0/24"] }),
            json!({ "addresses": ["198.51.100.0/24"] }),
        ];
        let services = ["a", "b"].map(|name| service(name, &json!({}), json!({})));
        let both = json!({ "default": { "ferrolb.io/pools": "p1" }, "p0": { "ferrolb.io/max-per-namespace": "1" },
                           "p1": { "ferrolb.io/max-per-namespace": "1" } });
        let engine = engine_with(&both, &pools, &services);
        let found: Vec<_> = engine
            .fitness(&ObjectKey::new("default", "b"))
            .into_iter()
            .map(|fitness| fitness.obstacles)
            .collect();
        assert_eq!(found, [vec![Obstacle::Fence], vec![Obstacle::Quota]]);
    }

    #[test]
    fn an_address_that_is_asked_for_says_who_has_it() {
        let pools = [
            json!({ "addresses": ["192.0.2.0/24"] }),
            json!({ "addresses": ["198.51.100.0/24"] }),
        ];
        let wish = json!({ "metallb.io/loadBalancerIPs": "192.0.2.0" });
        let services = [service("a", &wish, json!({})), service("b", &wish, json!({}))];
        assert_eq!(
            obstacles(&engine(&pools, &services), "b"),
            [
                vec!["`192.0.2.0` is held by Service `default/a`"],
                vec!["`192.0.2.0`, which the Service asks for, is not in it"],
            ]
        );
    }

    #[test]
    fn a_pool_without_obstacles_is_one_that_serves() {
        let pools = [json!({ "addresses": ["192.0.2.0/24"] })];
        let dual = json!({ "clusterIPs": ["10.0.0.1", "fd00::1"], "ipFamilyPolicy": "PreferDualStack" });
        let engine = engine(&pools, &[service("a", &json!({}), dual)]);
        assert_eq!(obstacles(&engine, "a"), [[""; 0]]);
    }

    #[test]
    fn a_request_that_cannot_be_read_is_no_matter_of_pools() {
        let pools = [json!({ "addresses": ["192.0.2.0/24"] })];
        let wish = json!({ "metallb.io/loadBalancerIPs": "web" });
        let engine = engine(&pools, &[service("a", &wish, json!({}))]);
        assert_eq!(
            (obstacles(&engine, "a"), obstacles(&engine, "unknown")),
            (vec![], vec![])
        );
    }
}
