//! Peers: with a peer config, or as neighbours of the older policy.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Library;
use crate::convert::{Fields, Out, spec};

/// What a peer config says.
#[derive(Default)]
pub(super) struct Session {
    peer_port: Option<i64>,
    hold_time: Option<String>,
    keepalive_time: Option<String>,
    connect_time: Option<String>,
    secret: Option<String>,
    graceful_restart: Option<bool>,
    multi_hop: Option<bool>,
    dual_stack: Option<bool>,
    /// Names of the advertisements that go to such peers.
    pub(super) advertisements: BTreeSet<String>,
}

impl Library {
    /// What a peer config says.
    pub(super) fn session(&self, object: &Value, out: &mut Out<'_>) -> Session {
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
}

/// Adds a neighbour of the older policy, and tells whether it could be.
pub(super) fn add_neighbor(
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

pub(super) fn add_peer(
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
