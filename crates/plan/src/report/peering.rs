//! What each node tells its peers: the same router that a speaker has, filled at once.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use std::collections::BTreeMap;

use ferrolb_api::facts::NodeFacts;
use ferrolb_api::frr_k8s::FrrConfiguration;
use ferrolb_api::resolved::{self, Config, PeerAsn, Remote};
use ferrolb_api::{Community, NodeView, Object as _, Problem, Severity, metallb, node_view, reason};
use ferrolb_types::{IpNet, NodeName, ObjectKey};

use super::Options;
use super::document::{BfdProfile, Bgp, NotAnnounced, Route, Session};
use crate::bgp::{self, Attributes, Bar, Contradiction, Exporter, Router, frr_configuration, router_id};
use crate::cluster::Cluster;
use crate::event::Protocol;
use crate::silence::{Reason, Silence};

/// BGP of one node.
pub(super) struct Peering<'a> {
    node: NodeName,
    router: Router,
    /// What is wrong with peers and advertisements on this node.
    pub(super) problems: Vec<Problem>,
    /// Services that are not announced, in the order of their keys.
    silences: Vec<(&'a ObjectKey, Silence)>,
    has_speaker: bool,
}

/// What a node decides from: Services that have addresses, and everything else that speakers know.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) services: &'a [ObjectKey],
    pub(super) cluster: &'a Cluster,
    pub(super) config: &'a Config,
    pub(super) options: &'a Options,
}

impl<'a> Peering<'a> {
    /// Decides about all Services.
    pub(super) fn new(node: &NodeFacts, scene: Scene<'a>) -> Self {
        let options = scene.options;
        let has_speaker = options.speakers.as_ref().is_none_or(|s| s.contains(&node.name));
        let view = node_view(scene.config, Some(node), &options.rules());
        let mut peering = Self {
            node: node.name.clone(),
            router: Router::new(options.bgp_mode),
            problems: Vec::new(),
            silences: Vec::new(),
            has_speaker,
        };
        if has_speaker {
            peering.decide(node, &view, scene);
        } else {
            let silent = |key| (key, Silence::of(Reason::NoSpeaker));
            peering.silences = scene.services.iter().map(silent).collect();
        }
        peering.problems.extend(view.problems);
        peering
    }

    fn decide(&mut self, node: &NodeFacts, view: &NodeView, scene: Scene<'a>) {
        self.router
            .set_bar(Bar::of(Some(node), scene.options.ignore_exclude_lb));
        let _all_are_decided_below = self.router.set_advertisements(scene.config, view);
        let mut contradictions: BTreeMap<Contradiction, Vec<String>> = BTreeMap::new();
        for key in scene.services {
            let Some(candidate) = scene.cluster.candidate(&node.name, key) else {
                continue;
            };
            let decided = candidate.and_then(|candidate| {
                if let Some(c) = self.router.contradiction(&candidate) {
                    contradictions
                        .entry(c)
                        .or_default()
                        .push(format!("Service `{key}`"));
                }
                self.router.decide(key, &candidate)
            });
            if let Err(reason) = decided {
                self.silences.push((key, Silence::of(reason)));
            }
        }
        self.router.set_peers(&view.bgp_peers, &mut Vec::new());
        for (prefix, c) in self.router.contradictions() {
            contradictions
                .entry(c)
                .or_default()
                .push(format!("route `{prefix}`"));
        }
        let problem = |(c, what): (Contradiction, Vec<String>)| contradiction(&c, what, scene.options);
        self.problems = contradictions.into_iter().map(problem).collect();
    }

    /// As the document has it.
    pub(super) fn document(&self, local: Option<Ipv4Addr>, config: &Config) -> Bgp {
        let configured = self.router.sessions().find_map(|s| s.router_id);
        let id = self
            .router
            .sessions()
            .next()
            .map(|_| router_id(configured, local, self.node.as_str()));
        Bgp {
            router_id: id.map(|id| id.to_string()).unwrap_or_default(),
            sessions: self
                .router
                .sessions()
                .map(|s| session(s, self.router.routes(s).map(|(p, a)| route(p, &a)).collect()))
                .collect(),
            bfd_profiles: config.bfd_profiles.values().map(|p| profile(p)).collect(),
        }
    }

    pub(super) fn not_announced(&self) -> impl Iterator<Item = (&'a ObjectKey, NotAnnounced)> + '_ {
        self.silences.iter().map(|(key, silence)| {
            let not_announced = NotAnnounced {
                service: key.to_string(),
                protocol: Protocol::Bgp,
                reason: silence.reason.word(),
                owner: None,
                message: silence.to_string(),
            };
            (*key, not_announced)
        })
    }

    /// The object that the node's speaker would write for an frr-k8s daemon.
    pub(super) fn frr_configuration(&self, exporter: &Exporter, config: &Config) -> Option<FrrConfiguration> {
        let profiles = config.bfd_profiles.values().map(|p| &**p);
        let exported = frr_configuration(exporter, &self.node, &self.router, profiles);
        exported.filter(|_| self.has_speaker)
    }
}

/// The newer advertisement is at fault.
fn contradiction(c: &Contradiction, mut what: Vec<String>, options: &Options) -> Problem {
    what.dedup();
    let others = what.len() - 1;
    let more = if others > 0 {
        format!(" and {others} more")
    } else {
        String::new()
    };
    Problem {
        severity: Severity::Error,
        kind: metallb::BgpAdvertisement::KIND.into(),
        namespace: options.namespace.to_string(),
        name: c.newer.to_string(),
        field: "spec.localPref".to_owned(),
        value: Some(c.newer_local_pref.to_string().into()),
        reason: reason::CONFLICTING_LOCAL_PREF.word().into(),
        message: format!(
            "{}{more} would get local preference {} of this advertisement and {} of the older one `{}`; use one value, \
             or other service selectors, peers or nodes",
            what[0], c.newer_local_pref, c.older_local_pref, c.older
        ),
    }
}

fn session(session: &bgp::Session, routes: Vec<Route>) -> Session {
    let (peer_address, interface) = match &session.remote {
        Remote::Address(address) => (address.to_string(), String::new()),
        Remote::Interface(name) => (String::new(), name.to_string()),
    };
    let (peer_asn, dynamic_asn) = match session.peer_asn {
        PeerAsn::Number(asn) => (Some(asn.get()), ""),
        PeerAsn::Internal => (None, "internal"),
        PeerAsn::External => (None, "external"),
    };
    let or_empty = |address: Option<IpAddr>| address.map(|a| a.to_string()).unwrap_or_default();
    Session {
        peer: session.peer.to_string(),
        peer_address,
        interface,
        peer_port: session.port,
        my_asn: session.my_asn.get(),
        local_asn: session.seen_asn().get(),
        peer_asn,
        dynamic_asn,
        source_address: or_empty(session.source),
        vrf: session.vrf.to_string(),
        router_id: or_empty(session.router_id),
        hold_time_seconds: session.timers.map(|t| t.hold_seconds),
        keepalive_time_seconds: session.timers.map(|t| t.keepalive_seconds),
        connect_time_seconds: session.connect_time.map(|t| t.as_secs()),
        has_password: session.password.is_some(),
        bfd_profile: session.bfd_profile.as_deref().unwrap_or_default().to_owned(),
        ebgp_multi_hop: session.ebgp_multi_hop,
        graceful_restart: session.graceful_restart,
        dual_stack_address_family: session.dual_stack_address_family,
        routes,
    }
}

fn route(prefix: IpNet, attributes: &Attributes) -> Route {
    let communities = || attributes.communities.iter();
    let large = |c: &Community| match c {
        Community::Large([a, b, c]) => Some(format!("{a}:{b}:{c}")),
        Community::Standard(_) => None,
    };
    let is_standard = |c: &&Community| matches!(c, Community::Standard(_));
    Route {
        prefix: prefix.to_string(),
        local_pref: attributes.local_pref,
        communities: communities()
            .filter(is_standard)
            .map(ToString::to_string)
            .collect(),
        large_communities: communities().filter_map(large).collect(),
    }
}

fn profile(profile: &resolved::BfdProfile) -> BfdProfile {
    let millis = |interval: Duration| u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    BfdProfile {
        name: profile.name.to_string(),
        receive_interval_ms: profile.receive_interval.map(millis),
        transmit_interval_ms: profile.transmit_interval.map(millis),
        detect_multiplier: profile.detect_multiplier,
        echo_interval_ms: profile.echo_interval.map(millis),
        echo_mode: profile.echo_mode,
        passive_mode: profile.passive_mode,
        minimum_ttl: profile.minimum_ttl,
    }
}
