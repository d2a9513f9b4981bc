//! Peers that cannot be on one node together (spec/plan.md, "Mode restrictions"; M-17 to M-20).

use std::collections::BTreeMap;
use std::sync::Arc;

use core::net::IpAddr;

use crate::resolve::Rules;
use crate::resolve::report::Report;
use crate::resolve::rules::BgpMode;
use crate::resolved::{BgpPeer, Remote};
use crate::{Object, Problem, metallb, reason};

/// The peers that can be together, by name; of two that cannot the older one stays.
pub(super) fn without_rivals(
    mut peers: Vec<Arc<BgpPeer>>,
    rules: &Rules,
    problems: &mut Vec<Problem>,
) -> Vec<Arc<BgpPeer>> {
    peers.sort_by(|a, b| (&a.created_at, &a.name).cmp(&(&b.created_at, &b.name)));
    let mut seen = Seen::default();
    peers.retain(|peer| {
        let mut report = Report::about(metallb::BgpPeer::KIND, &rules.namespace, &peer.name, rules);
        check_duplicate(peer, &seen, &mut report);
        if !report.is_refused() && rules.bgp_mode != BgpMode::Native {
            check_daemon(peer, &seen, &mut report);
        }
        let stays = !report.is_refused();
        if stays {
            seen.add(peer);
        }
        problems.extend(report.into_problems());
        stays
    });
    peers.sort_by(|a, b| a.name.cmp(&b.name));
    peers
}

/// The endpoints of a session: peer, port, VRF, source.
type Endpoints = (Remote, u16, Box<str>, Option<IpAddr>);

/// What the older peers are, by what must be unique or equal.
#[derive(Default)]
struct Seen {
    oldest: Option<Arc<BgpPeer>>,
    sessions: BTreeMap<Endpoints, Box<str>>,
    remotes: BTreeMap<(Remote, Box<str>), Box<str>>,
    by_vrf: BTreeMap<Box<str>, Arc<BgpPeer>>,
}

impl Seen {
    fn add(&mut self, peer: &Arc<BgpPeer>) {
        self.oldest.get_or_insert_with(|| peer.clone());
        self.sessions.insert(endpoints(peer), peer.name.clone());
        self.remotes
            .entry((peer.remote.clone(), peer.vrf.clone()))
            .or_insert_with(|| peer.name.clone());
        self.by_vrf
            .entry(peer.vrf.clone())
            .or_insert_with(|| peer.clone());
    }
}

fn endpoints(peer: &BgpPeer) -> Endpoints {
    (peer.remote.clone(), peer.port, peer.vrf.clone(), peer.source)
}

const fn remote_field(peer: &BgpPeer) -> &'static str {
    match peer.remote {
        Remote::Address(_) => "spec.peerAddress",
        Remote::Interface(_) => "spec.interface",
    }
}

fn remote_text(peer: &BgpPeer) -> String {
    match &peer.remote {
        Remote::Address(address) => address.to_string(),
        Remote::Interface(interface) => interface.to_string(),
    }
}

fn check_duplicate(peer: &BgpPeer, seen: &Seen, report: &mut Report<'_>) {
    if let Some(older) = seen.sessions.get(&endpoints(peer)) {
        let message = format!(
            "the older peer `{older}` on the same node has the same address or interface, port, VRF and source; remove \
             one of them or restrict them to different nodes"
        );
        report.error(remote_field(peer), reason::DUPLICATE_PEER, message);
        report.quote(&remote_text(peer));
    }
}

/// What one FRR daemon cannot do.
fn check_daemon(peer: &BgpPeer, seen: &Seen, report: &mut Report<'_>) {
    if let Some(oldest) = seen.oldest.as_ref().filter(|o| o.router_id != peer.router_id) {
        let message = format!(
            "the router ID differs from that of the older peer `{}` on the same node",
            oldest.name
        );
        report_rule("spec.routerID", &message, report);
        report.quote(&peer.router_id.map_or_else(String::new, |id| id.to_string()));
    }
    if let Some(older) = seen.remotes.get(&(peer.remote.clone(), peer.vrf.clone())) {
        let message = format!(
            "the older peer `{older}` on the same node has the same address or interface in this VRF"
        );
        report_rule(remote_field(peer), &message, report);
        report.quote(&remote_text(peer));
    }
    if let Some(older) = seen.by_vrf.get(&peer.vrf).filter(|o| o.my_asn != peer.my_asn) {
        let message = format!(
            "`myASN` differs from that of the older peer `{}` on the same node in this VRF",
            older.name
        );
        report_rule("spec.myASN", &message, report);
        report.quote(&peer.my_asn);
    }
}

/// The daemon of frr-k8s would refuse, so that is an error; the built-in stack can do it.
fn report_rule(field: &str, message: &str, report: &mut Report<'_>) {
    if report.rules().bgp_mode == BgpMode::FrrK8s {
        let message = format!("{message}; make them equal or restrict the two to different nodes");
        report.error(field, reason::CONFLICTING_PEERS, message);
    } else {
        report.reference_would_refuse(field, message);
    }
}
