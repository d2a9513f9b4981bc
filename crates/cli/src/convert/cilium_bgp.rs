//! Cilium's BGP: the older peering policy, and cluster configs with peer configs and advertisements.

mod advertisement;
mod peer;

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_types::Labels;
use ferrolb_types::selector::{Requirement, Selector};
use serde_json::{Value, json};

use super::cilium_pool::selects;
use super::{Fields, Out, name, spec, text};
use advertisement::{advertised, services};
use peer::{Session, add_neighbor, add_peer};

/// Peer configs and advertisements by name, for the cluster configs that refer to them.
#[derive(Debug, Default)]
pub(super) struct Library {
    peer_configs: BTreeMap<String, Value>,
    advertisements: BTreeMap<String, Value>,
    /// Peer configs that a cluster config names.
    used: BTreeSet<String>,
}

impl Library {
    pub(super) fn new(objects: &[&Value]) -> Self {
        let of_kind = |kind: &str| {
            let objects = objects
                .iter()
                .copied()
                .filter(|object| text(object, "/kind") == kind);
            objects
                .map(|object| (text(object, "/metadata/name").to_owned(), object.clone()))
                .collect()
        };
        let clusters = objects
            .iter()
            .copied()
            .filter(|object| text(object, "/kind") == "CiliumBGPClusterConfig");
        let instances = clusters
            .filter_map(|object| object.pointer("/spec/bgpInstances")?.as_array())
            .flatten();
        let peers = instances
            .filter_map(|instance| instance.get("peers")?.as_array())
            .flatten();
        let used = peers
            .map(|peer| text(peer, "/peerConfigRef/name").to_owned())
            .collect();
        Self {
            peer_configs: of_kind("CiliumBGPPeerConfig"),
            advertisements: of_kind("CiliumBGPAdvertisement"),
            used,
        }
    }

    /// Tells what of a peer config does not carry over; the rest is part of the peers that name it.
    pub(super) fn check_peer_config(&self, object: &Value, out: &mut Out<'_>) {
        if !self.used.contains(text(object, "/metadata/name")) {
            return out.note(
                "",
                "no CiliumBGPClusterConfig among the input names it, so nothing is made of it",
            );
        }
        self.session(object, out);
    }

    /// Names of the advertisements whose labels match.
    fn selected(&self, selector: &Value) -> Vec<String> {
        let Some(selector) = parse(selector) else {
            return Vec::new();
        };
        let matches = |object: &Value| {
            let labels = object
                .pointer("/metadata/labels")
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            let labels: Labels = labels
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect();
            selector.matches(&labels)
        };
        let matching = self.advertisements.iter().filter(|(_, object)| matches(object));
        matching.map(|(name, _)| name.clone()).collect()
    }

    /// Tells that nobody gets an advertisement; else it is part of the cluster config.
    pub(super) fn check_advertisement(&self, object: &Value, out: &mut Out<'_>) {
        let name = text(object, "/metadata/name");
        let families = self
            .peer_configs
            .iter()
            .filter(|(name, _)| self.used.contains(*name));
        let families = families
            .filter_map(|(_, config)| config.pointer("/spec/families")?.as_array())
            .flatten();
        let mut selectors = families.filter_map(|family| family.get("advertisements"));
        if !selectors.any(|selector| self.selected(selector).iter().any(|selected| selected == name)) {
            return out.note(
                "",
                "no CiliumBGPPeerConfig that is in use selects it, so nothing is made of it",
            );
        }
        let mut fields = Fields::of(object.get("spec").cloned().unwrap_or_default(), "spec", out);
        for advertisement in fields.items("advertisements", out) {
            advertised(advertisement, out);
        }
        fields.finish(out);
    }
}

/// CiliumBGPClusterConfig: a BGPPeer for each peer of each instance, and what is advertised to them.
pub(super) fn cluster_config(object: &Value, library: &Library, out: &mut Out<'_>) {
    let cluster = text(object, "/metadata/name").to_owned();
    let mut fields = Fields::of(object.get("spec").cloned().unwrap_or_default(), "spec", out);
    let nodes = fields.take("nodeSelector").filter(selects);
    let mut getting = BTreeMap::new();
    for mut instance in fields.items("bgpInstances", out) {
        let instance_name = instance.text("name", out).unwrap_or_default();
        let my_asn = instance.number("localASN", out);
        for mut peer in instance.items("peers", out) {
            let peer_name = peer.text("name", out).unwrap_or_default();
            let name = name::join(&[&cluster, &instance_name, &peer_name]);
            let reference = peer
                .take("peerConfigRef")
                .map(|r| text(&r, "/name").to_owned())
                .unwrap_or_default();
            let session = match library.peer_configs.get(&reference) {
                Some(config) => library.session(config, &mut silent(out)),
                None => {
                    out.note(
                        peer.path("peerConfigRef"),
                        format!("there is no CiliumBGPPeerConfig `{reference}` in the input"),
                    );
                    Session::default()
                }
            };
            let (peer_asn, address) = (peer.number("peerASN", out), peer.text("peerAddress", out));
            let path = peer.path("peerAddress");
            peer.finish(out);
            let Some(address) = address else {
                out.error(
                    path,
                    "a peer without an address is not converted; write a BGPPeer with address or interface",
                );
                continue;
            };
            getting.insert(name.clone(), session.advertisements.clone());
            add_peer(&name, (my_asn, peer_asn), &address, session, nodes.as_ref(), out);
        }
        instance.finish(out);
    }
    fields.finish(out);
    let wanted: BTreeSet<&String> = getting.values().flatten().collect();
    for advertisement in wanted {
        let peers = peers_of(advertisement, &getting);
        add_advertisements(
            &cluster,
            advertisement,
            &library.advertisements[advertisement],
            &peers,
            out,
        );
    }
}

/// The peers that get an advertisement.
fn peers_of(advertisement: &str, peers: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let getting = peers.iter().filter(|(_, of)| of.contains(advertisement));
    getting.map(|(peer, _)| peer.clone()).collect()
}

/// Notes about an object that is used several times are told once, where it stands itself.
fn silent<'a>(out: &Out<'a>) -> Out<'a> {
    Out {
        objects: Vec::new(),
        notes: Vec::new(),
        source: out.source,
        object: String::new(),
        namespace: out.namespace.clone(),
    }
}

fn add_advertisements(cluster: &str, name: &str, object: &Value, peers: &[String], out: &mut Out<'_>) {
    let mut quiet = silent(out);
    let mut fields = Fields::of(
        object.get("spec").cloned().unwrap_or_default(),
        "spec",
        &mut quiet,
    );
    for (index, advertisement) in fields.items("advertisements", &mut quiet).into_iter().enumerate() {
        if let Some(mut spec) = advertised(advertisement, &mut quiet) {
            spec["peers"] = json!(peers);
            out.add(
                "v1beta1",
                "BGPAdvertisement",
                &name::join(&[cluster, name, &index.to_string()]),
                spec,
            );
        }
    }
}

/// CiliumBGPPeeringPolicy: a BGPPeer for each neighbour, and a BGPAdvertisement for each virtual router.
pub(super) fn peering_policy(object: &Value, out: &mut Out<'_>) {
    let policy = text(object, "/metadata/name").to_owned();
    let mut fields = Fields::of(object.get("spec").cloned().unwrap_or_default(), "spec", out);
    let nodes = fields.take("nodeSelector").filter(selects);
    for (number, mut router) in fields.items("virtualRouters", out).into_iter().enumerate() {
        let my_asn = router.number("localASN", out);
        if router.boolean("exportPodCIDR", out) == Some(true) {
            out.note(
                router.path("exportPodCIDR"),
                "networks of pods are not advertised",
            );
        }
        let kinds = router.texts("serviceAdvertisements", out);
        if kinds.iter().any(|kind| kind != "LoadBalancerIP") {
            out.note(
                router.path("serviceAdvertisements"),
                "of the addresses of Services only those of load balancers are advertised",
            );
        }
        let selector = router.take("serviceSelector");
        let selector_path = router.path("serviceSelector");
        let mut peers = Vec::new();
        for (index, neighbor) in router.items("neighbors", out).into_iter().enumerate() {
            let name = name::join(&[&policy, &number.to_string(), &index.to_string()]);
            if add_neighbor(&name, my_asn, neighbor, nodes.as_ref(), out) {
                peers.push(name);
            }
        }
        router.finish(out);
        let advertises = kinds.is_empty() || kinds.iter().any(|kind| kind == "LoadBalancerIP");
        if advertises && let Some(selectors) = services(selector.as_ref(), &selector_path, out) {
            let spec = spec([("serviceSelectors", json!(selectors)), ("peers", json!(peers))]);
            out.add(
                "v1beta1",
                "BGPAdvertisement",
                &name::join(&[&policy, &number.to_string()]),
                spec,
            );
        }
    }
    fields.finish(out);
}

fn parse(selector: &Value) -> Option<Selector> {
    let labels = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let mut requirements: Vec<Requirement> = Vec::new();
    for (key, value) in labels {
        requirements.push(Requirement::parse(key, "In", &[value.as_str()?.to_owned()]).ok()?);
    }
    for expression in selector
        .get("matchExpressions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let values = expression["values"].as_array().into_iter().flatten();
        let values: Vec<String> = values.filter_map(|v| Some(v.as_str()?.to_owned())).collect();
        let (key, operator) = (expression["key"].as_str()?, expression["operator"].as_str()?);
        requirements.push(Requirement::parse(key, operator, &values).ok()?);
    }
    Selector::new(requirements).ok()
}
