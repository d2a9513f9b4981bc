//! Cilium's BGP: the older peering policy, and cluster configs with peer configs and advertisements.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_types::Labels;
use ferrolb_types::selector::{Requirement, Selector};
use serde_json::{Value, json};

use super::cilium_pool::selects;
use super::selector::ServiceSelector;
use super::{Fields, Out, name, spec, text};

/// Peer configs and advertisements by name, for the cluster configs that refer to them.
#[derive(Debug, Default)]
pub(super) struct Library {
    peer_configs: BTreeMap<String, Value>,
    advertisements: BTreeMap<String, Value>,
    /// Peer configs that a cluster config names.
    used: BTreeSet<String>,
}

/// What a peer config says.
#[derive(Default)]
struct Session {
    peer_port: Option<i64>,
    hold_time: Option<String>,
    keepalive_time: Option<String>,
    connect_time: Option<String>,
    secret: Option<String>,
    graceful_restart: Option<bool>,
    multi_hop: Option<bool>,
    dual_stack: Option<bool>,
    /// Names of the advertisements that go to such peers.
    advertisements: BTreeSet<String>,
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

    fn session(&self, object: &Value, out: &mut Out<'_>) -> Session {
        let mut fields = Fields::of(object.get("spec").cloned().unwrap_or_default(), "spec", out);
        let mut session = Session::default();
        if let Some(mut timers) = fields.inner("timers", out) {
            session.connect_time = timers.number("connectRetryTimeSeconds", out).map(seconds);
            session.hold_time = timers.number("holdTimeSeconds", out).map(seconds);
            session.keepalive_time = timers.number("keepAliveTimeSeconds", out).map(seconds);
            timers.finish(out);
        }
        if let Some(mut transport) = fields.inner("transport", out) {
            session.peer_port = transport.number("peerPort", out);
            transport.finish(out);
        }
        session.secret = secret(&mut fields, "authSecretRef", out);
        session.graceful_restart = graceful_restart(&mut fields, out);
        session.multi_hop = fields
            .number("ebgpMultihop", out)
            .filter(|hops| *hops > 1)
            .map(|_| true);
        let mut afis = BTreeSet::new();
        for mut family in fields.items("families", out) {
            afis.extend(unicast(&mut family, out));
            if let Some(selector) = family.take("advertisements") {
                session.advertisements.extend(self.selected(&selector));
            }
            family.finish(out);
        }
        session.dual_stack = (afis.len() > 1).then_some(true);
        fields.finish(out);
        session
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

/// The spec of what one entry of a CiliumBGPAdvertisement advertises, if it is addresses of load balancers.
fn advertised(mut entry: Fields, out: &mut Out<'_>) -> Option<Value> {
    let kind = entry.text("advertisementType", out).unwrap_or_default();
    let path = entry.path("advertisementType");
    let mut service = entry.inner("service", out);
    let addresses = service
        .as_mut()
        .map(|service| service.texts("addresses", out))
        .unwrap_or_default();
    let selector = entry.take("selector");
    let (mut communities, mut local_pref) = (Vec::new(), None);
    if let Some(mut attributes) = entry.inner("attributes", out) {
        communities = attributes
            .inner("communities", out)
            .map(|c| communities_of(c, out))
            .unwrap_or_default();
        local_pref = attributes.number("localPreference", out);
        attributes.finish(out);
    }
    let lengths = service.as_mut().map(|service| {
        (
            service.number("aggregationLengthIPv4", out),
            service.number("aggregationLengthIPv6", out),
        )
    });
    if let Some(service) = service {
        service.finish(out);
    }
    let selector_path = entry.path("selector");
    entry.finish(out);
    if kind != "Service" {
        out.note(
            path,
            format!("`{kind}` is not advertised: only addresses of Services of type LoadBalancer are"),
        );
        return None;
    }
    if addresses.iter().any(|kind| kind != "LoadBalancerIP") {
        out.note(
            path,
            "of the addresses of Services only those of load balancers are advertised",
        );
    }
    if !addresses.iter().any(|kind| kind == "LoadBalancerIP") {
        return None;
    }
    let service_selectors = services(selector.as_ref(), &selector_path, out)?;
    let mut lengths = lengths.unwrap_or_default();
    if !service_selectors.is_empty() && lengths != (None, None) {
        out.note(
            selector_path,
            "an advertisement that selects Services has no aggregation length, since a wider route would draw the traffic \
             of others too",
        );
        lengths = (None, None);
    }
    let (v4, v6) = lengths;
    Some(spec([
        ("serviceSelectors", json!(service_selectors)),
        ("aggregationLength", json!(v4)),
        ("aggregationLengthV6", json!(v6)),
        ("localPref", json!(local_pref)),
        ("communities", json!(communities)),
    ]))
}

/// Selectors of Services; none at all if no Service is selected or they cannot be selected so.
fn services(selector: Option<&Value>, path: &str, out: &mut Out<'_>) -> Option<Vec<Value>> {
    let Some(selector) = selector else {
        out.note(
            path,
            "without a selector no Service is selected, so nothing is advertised",
        );
        return None;
    };
    let taken = ServiceSelector::of(selector);
    if taken.is_beyond || taken.namespaces.is_some() {
        out.error(
            path,
            "advertisements select Services by labels only; label them, or give their namespaces a pool and select that",
        );
        return None;
    }
    Some(taken.labels.into_iter().collect())
}

fn communities_of(mut fields: Fields, out: &mut Out<'_>) -> Vec<String> {
    let mut communities = fields.texts("standard", out);
    let path = fields.path("wellKnown");
    for name in fields.texts("wellKnown", out) {
        match well_known(&name) {
            Some(value) => communities.push(value.to_owned()),
            None => out.error(
                &*path,
                format!("`{name}` is no well-known community; write its number"),
            ),
        }
    }
    communities.extend(
        fields
            .texts("large", out)
            .into_iter()
            .map(|value| format!("large:{value}")),
    );
    fields.finish(out);
    communities
}

/// IANA, "BGP Well-known Communities".
fn well_known(name: &str) -> Option<&'static str> {
    Some(match name {
        "internet" => "0:0",
        "planned-shut" => "65535:0",
        "accept-own" => "65535:1",
        "route-filter-translated-v4" => "65535:2",
        "route-filter-v4" => "65535:3",
        "route-filter-translated-v6" => "65535:4",
        "route-filter-v6" => "65535:5",
        "llgr-stale" => "65535:6",
        "no-llgr" => "65535:7",
        "blackhole" => "65535:666",
        "no-export" => "65535:65281",
        "no-advertise" => "65535:65282",
        "no-export-subconfed" => "65535:65283",
        "no-peer" => "65535:65284",
        _ => return None,
    })
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

fn add_neighbor(
    name: &str,
    my_asn: Option<i64>,
    mut fields: Fields,
    nodes: Option<&Value>,
    out: &mut Out<'_>,
) -> bool {
    let address = fields.text("peerAddress", out);
    let peer_asn = fields.number("peerASN", out);
    let session = Session {
        peer_port: fields.number("peerPort", out),
        hold_time: fields.number("holdTimeSeconds", out).map(seconds),
        keepalive_time: fields.number("keepAliveTimeSeconds", out).map(seconds),
        connect_time: fields.number("connectRetryTimeSeconds", out).map(seconds),
        secret: secret(&mut fields, "authSecretRef", out),
        graceful_restart: graceful_restart(&mut fields, out),
        multi_hop: fields
            .number("eBGPMultihopTTL", out)
            .filter(|hops| *hops > 1)
            .map(|_| true),
        dual_stack: dual_stack(&mut fields, out),
        advertisements: BTreeSet::new(),
    };
    let path = fields.path("peerAddress");
    fields.finish(out);
    let Some(address) = address else {
        out.error(path, "a neighbour without an address is not converted");
        return false;
    };
    // The address is written as a prefix of one address.
    let address = address
        .split_once('/')
        .map_or(&*address, |(address, _)| address)
        .to_owned();
    add_peer(name, (my_asn, peer_asn), &address, session, nodes, out);
    true
}

fn dual_stack(fields: &mut Fields, out: &mut Out<'_>) -> Option<bool> {
    let mut afis = BTreeSet::new();
    for mut family in fields.items("families", out) {
        afis.extend(unicast(&mut family, out));
        family.finish(out);
    }
    (afis.len() > 1).then_some(true)
}

fn add_peer(
    name: &str,
    (my_asn, peer_asn): (Option<i64>, Option<i64>),
    address: &str,
    session: Session,
    nodes: Option<&Value>,
    out: &mut Out<'_>,
) {
    let spec = spec([
        ("myASN", json!(my_asn)),
        ("peerASN", json!(peer_asn)),
        ("peerAddress", json!(address)),
        ("peerPort", json!(session.peer_port)),
        ("holdTime", json!(session.hold_time)),
        ("keepaliveTime", json!(session.keepalive_time)),
        ("connectTime", json!(session.connect_time)),
        (
            "passwordSecret",
            json!(session.secret.map(|name| json!({ "name": name }))),
        ),
        ("enableGracefulRestart", json!(session.graceful_restart)),
        ("ebgpMultiHop", json!(session.multi_hop)),
        ("dualStackAddressFamily", json!(session.dual_stack)),
        ("nodeSelectors", json!(nodes.map(|nodes| [nodes]))),
    ]);
    out.add("v1beta2", "BGPPeer", name, spec);
}

fn seconds(number: i64) -> String {
    format!("{number}s")
}

fn secret(fields: &mut Fields, key: &str, out: &mut Out<'_>) -> Option<String> {
    let name = fields.text(key, out)?;
    out.note(
        fields.path(key),
        format!(
            "Secret `{name}` must be in namespace `{}`, of type kubernetes.io/basic-auth, with key password",
            out.namespace
        ),
    );
    Some(name)
}

fn graceful_restart(fields: &mut Fields, out: &mut Out<'_>) -> Option<bool> {
    let mut restart = fields.inner("gracefulRestart", out)?;
    let enabled = restart.boolean("enabled", out).filter(|enabled| *enabled);
    restart.finish(out);
    enabled
}

/// `ipv4` or `ipv6`, if it is the unicast family; Cilium's only other value is none that carries addresses of Services.
fn unicast(family: &mut Fields, out: &mut Out<'_>) -> Option<String> {
    let (afi, safi) = (
        family.text("afi", out)?,
        family.text("safi", out).unwrap_or_default(),
    );
    if safi == "unicast" && matches!(&*afi, "ipv4" | "ipv6") {
        return Some(afi);
    }
    out.note(
        family.path("afi"),
        format!("family `{afi}`/`{safi}` is not spoken"),
    );
    None
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
