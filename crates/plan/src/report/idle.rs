//! What is accepted and comes to nothing: pools that nobody announces, advertisements that select nothing.

use serde_json::Value;

use ferrolb_api::core::Node;
use ferrolb_api::metallb::{BgpAdvertisement, IpAddressPool, L2Advertisement};
use ferrolb_api::resolved::{Config, PoolSelection, any_or_empty};
use ferrolb_api::{Object, Problem, Reason, Severity, reason, resolve};
use ferrolb_types::{Labels, Selector};

use super::Options;
use super::objects::Objects;

/// Finds them among `manifests`, as warnings, by kind and name. Nothing is wrong with them as they are written, so a plan does
/// not complain of them.
#[must_use]
pub fn idle(manifests: Vec<Value>, options: &Options) -> Vec<Problem> {
    let mut objects = Objects::read(manifests, &options.namespace);
    objects.raw.rules = options.rules();
    let config = resolve(&objects.raw).config;
    let nodes: Vec<&Labels> = objects
        .nodes
        .values()
        .map(|node: &Node| &node.metadata.labels)
        .collect();
    let search = Search {
        config: &config,
        nodes,
        namespace: &options.namespace,
    };
    let mut found = search.pools();
    found.extend(search.advertisements());
    found
}

struct Search<'a> {
    config: &'a Config,
    nodes: Vec<&'a Labels>,
    namespace: &'a str,
}

impl Search<'_> {
    fn pools(&self) -> Vec<Problem> {
        let config = self.config;
        let is_reached = |pool: &ferrolb_api::resolved::Pool| {
            let layer2 = config.l2_advertisements.values().any(|ad| ad.pools.reaches(pool));
            let bgp = config
                .bgp_advertisements
                .values()
                .any(|ad| ad.pools.reaches(pool));
            layer2 || (bgp && !config.bgp_peers.is_empty())
        };
        let unreached = config.pools.values().filter(|pool| !is_reached(pool));
        unreached
            .map(|pool| {
                let message = "no advertisement announces its addresses: they are given to Services, and nobody can reach them; \
                               create an L2Advertisement, or a BGPAdvertisement and a BGPPeer";
                self.problem::<IpAddressPool>(pool.name.as_str(), "", reason::NO_ADVERTISEMENT, message)
            })
            .collect()
    }

    fn advertisements(&self) -> Vec<Problem> {
        let layer2 = self.config.l2_advertisements.values();
        let layer2 = layer2
            .filter_map(|ad| self.advertisement::<L2Advertisement>(&ad.name, &ad.pools, &ad.node_selectors));
        let bgp = self.config.bgp_advertisements.values();
        let bgp = bgp
            .filter_map(|ad| self.advertisement::<BgpAdvertisement>(&ad.name, &ad.pools, &ad.node_selectors));
        layer2.chain(bgp).collect()
    }

    fn advertisement<T: Object>(
        &self,
        name: &str,
        pools: &PoolSelection,
        nodes: &[Selector],
    ) -> Option<Problem> {
        let (field, message) = if !self.config.pools.values().any(|pool| pools.reaches(pool)) {
            (
                "spec.ipAddressPools",
                "selects no pool, so it announces nothing; correct the names or the selectors",
            )
        } else if !self.nodes.is_empty() && !self.nodes.iter().any(|labels| any_or_empty(nodes, labels)) {
            (
                "spec.nodeSelectors",
                "selects no node, so it announces nothing; correct the selectors or label nodes",
            )
        } else {
            return None;
        };
        Some(self.problem::<T>(name, field, reason::SELECTS_NOTHING, message))
    }

    fn problem<T: Object>(&self, name: &str, field: &str, reason: Reason, message: &str) -> Problem {
        Problem {
            severity: Severity::Warning,
            kind: T::KIND.into(),
            namespace: self.namespace.to_owned(),
            name: name.to_owned(),
            field: field.to_owned(),
            value: None,
            reason: reason.word().into(),
            message: message.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(kind: &str, name: &str, spec: &Value) -> Value {
        json!({ "apiVersion": "metallb.io/v1beta1", "kind": kind, "metadata": { "name": name }, "spec": spec })
    }

    fn found(objects: &[Value]) -> Vec<(String, String, String)> {
        let pool = object("IPAddressPool", "lan", &json!({ "addresses": ["192.0.2.0/28"] }));
        let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n1", "labels": { "zone": "a" } } });
        let options = Options {
            namespace: "metallb-system".into(),
            ..Options::default()
        };
        let idle = idle([&[pool, node], objects].concat(), &options);
        idle.into_iter()
            .map(|p| (p.kind.to_string(), p.name, p.reason.to_string()))
            .collect()
    }

    fn entry(kind: &str, name: &str, reason: &str) -> (String, String, String) {
        (kind.to_owned(), name.to_owned(), reason.to_owned())
    }

    #[test]
    fn a_pool_without_any_advertisement_is_found_and_one_with_is_not() {
        assert_eq!(found(&[]), [entry("IPAddressPool", "lan", "NoAdvertisement")]);
        assert_eq!(found(&[object("L2Advertisement", "all", &json!({}))]), []);
    }

    #[test]
    fn bgp_announces_nothing_without_a_peer() {
        let advertisement = object("BGPAdvertisement", "all", &json!({}));
        assert_eq!(
            found(std::slice::from_ref(&advertisement)),
            [entry("IPAddressPool", "lan", "NoAdvertisement")]
        );
        let mut peer = object(
            "BGPPeer",
            "tor",
            &json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.254" }),
        );
        peer["apiVersion"] = "metallb.io/v1beta2".into();
        assert_eq!(found(&[advertisement, peer]), []);
    }

    #[test]
    fn an_advertisement_that_selects_no_pool_or_no_node_is_found() {
        let all = object("L2Advertisement", "all", &json!({}));
        let pools = json!({ "ipAddressPoolSelectors": [{ "matchLabels": { "no": "pool" } }] });
        let nodes = json!({ "nodeSelectors": [{ "matchLabels": { "zone": "b" } }] });
        let idle = [
            all,
            object("L2Advertisement", "pools", &pools),
            object("L2Advertisement", "nodes", &nodes),
        ];
        let expected = ["nodes", "pools"].map(|name| entry("L2Advertisement", name, "SelectsNothing"));
        assert_eq!(found(&idle), expected);
    }
}
