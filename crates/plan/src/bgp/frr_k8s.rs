//! The FRRConfiguration of one node: its sessions, routes and profiles in the words of frr-k8s (bgp 4.1).

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::frr_k8s::{
    Advertise, Allowed, BfdProfile, Bgp, CommunityPrefixes, FrrConfiguration, FrrConfigurationSpec,
    LocalPrefPrefixes, Neighbor, NodeSelector, Router as FrrRouter,
};
use ferrolb_api::metallb::SecretReference;
use ferrolb_api::resolved::{self, Password, PeerAsn, Remote};
use ferrolb_api::{GoDuration, ObjectMeta, Redacted};
use ferrolb_types::NodeName;

use super::router::Router;
use super::session::Session;

/// What stands for a password that is not to be shown.
const MASK: &str = "<retracted>";

/// What does not follow from the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exporter {
    /// Where frr-k8s reads its objects.
    pub namespace: Box<str>,
    /// Whether Secrets are named instead of copied: frr-k8s finds them only in its own namespace (bgp 1.7).
    pub refers_to_secrets: bool,
    /// Whether passwords stand in the object in clear, as the daemon needs them, or masked, for reading.
    pub shows_passwords: bool,
}

/// The object of `node`; none without a session or a profile.
#[must_use]
pub fn frr_configuration<'a>(
    exporter: &Exporter,
    node: &NodeName,
    router: &Router,
    profiles: impl Iterator<Item = &'a resolved::BfdProfile>,
) -> Option<FrrConfiguration> {
    let bgp = Bgp {
        bfd_profiles: profiles.map(profile).collect(),
        routers: exporter.routers(router),
    };
    let host = ("kubernetes.io/hostname".to_owned(), node.to_string());
    (bgp != Bgp::default()).then(|| FrrConfiguration {
        metadata: ObjectMeta {
            name: format!("metallb-{node}").into(),
            namespace: (*exporter.namespace).into(),
            ..ObjectMeta::default()
        },
        spec: FrrConfigurationSpec {
            bgp,
            node_selector: NodeSelector {
                match_labels: [host].into(),
            },
        },
    })
}

impl Exporter {
    /// One for each AS, router ID and VRF, in the order of their texts (bgp 3.3).
    fn routers(&self, router: &Router) -> Vec<FrrRouter> {
        let mut routers: BTreeMap<String, (FrrRouter, BTreeMap<String, Neighbor>)> = BTreeMap::new();
        for session in router.sessions() {
            let (_, neighbors) = routers
                .entry(router_key(session))
                .or_insert_with(|| (instance(session), BTreeMap::new()));
            neighbors.insert(identity(session), self.neighbor(session, router));
        }
        let complete = |(mut router, neighbors): (FrrRouter, BTreeMap<String, Neighbor>)| {
            router.neighbors = neighbors.into_values().collect();
            let allowed = router.neighbors.iter().map(|n| &n.to_advertise.allowed.prefixes);
            let prefixes: BTreeSet<String> = allowed.flatten().cloned().collect();
            router.prefixes = prefixes.into_iter().collect();
            router
        };
        routers.into_values().map(complete).collect()
    }

    fn neighbor(&self, session: &Session, router: &Router) -> Neighbor {
        let (password, password_secret) = self.authentication(session.password.as_ref());
        let (address, interface) = match &session.remote {
            Remote::Address(address) => (address.to_string(), String::new()),
            Remote::Interface(interface) => (String::new(), interface.to_string()),
        };
        let (asn, dynamic_asn) = match session.peer_asn {
            PeerAsn::Number(asn) => (Some(asn.get()), ""),
            PeerAsn::Internal => (None, "internal"),
            PeerAsn::External => (None, "external"),
        };
        Neighbor {
            asn,
            dynamic_asn: dynamic_asn.to_owned(),
            local_asn: session.local_asn.map(Into::into),
            address,
            interface,
            source_address: session.source.map(|s| s.to_string()).unwrap_or_default(),
            port: session.port,
            hold_time: session.written_timers.map(|t| text(t.hold)),
            keepalive_time: session.written_timers.map(|t| text(t.keepalive)),
            connect_time: session.connect_time.map(text),
            password,
            password_secret,
            ebgp_multi_hop: session.ebgp_multi_hop,
            bfd_profile: session.bfd_profile.as_deref().unwrap_or_default().to_owned(),
            enable_graceful_restart: session.graceful_restart,
            dual_stack_address_family: session.dual_stack_address_family,
            disable_mp: session.disable_mp,
            to_advertise: advertise(session, router),
        }
    }

    /// A Secret is referred to if it can be; otherwise the password itself is handed over, masked unless it is asked for.
    fn authentication(&self, password: Option<&Password>) -> (Redacted, Option<SecretReference>) {
        match password {
            None => (Redacted::default(), None),
            Some(Password {
                secret: Some(secret), ..
            }) if self.refers_to_secrets => (Redacted::default(), Some(secret.clone())),
            Some(password) if self.shows_passwords => (password.text.clone(), None),
            Some(_) => (MASK.into(), None),
        }
    }
}

fn router_key(session: &Session) -> String {
    let id = session
        .router_id
        .map_or_else(|| "<nil>".to_owned(), |id| id.to_string());
    format!("{}@{id}@{}", session.my_asn.get(), session.vrf)
}

fn instance(session: &Session) -> FrrRouter {
    FrrRouter {
        asn: session.my_asn.get(),
        id: session.router_id.map(|id| id.to_string()).unwrap_or_default(),
        vrf: session.vrf.to_string(),
        ..FrrRouter::default()
    }
}

/// What tells two sessions apart, as the reference writes it.
fn identity(session: &Session) -> String {
    let asn = match session.peer_asn {
        PeerAsn::Number(asn) => asn.get().to_string(),
        PeerAsn::Internal => "internal".to_owned(),
        PeerAsn::External => "external".to_owned(),
    };
    let remote = match &session.remote {
        Remote::Address(address) => address.to_string(),
        Remote::Interface(interface) => interface.to_string(),
    };
    let source = session
        .source
        .map_or_else(|| "<nil>".to_owned(), |s| s.to_string());
    let vrf = if session.vrf.is_empty() {
        String::new()
    } else {
        format!("/{}", session.vrf)
    };
    format!("{asn}@{remote}-{}@{source}{vrf}", session.my_asn.get())
}

fn advertise(session: &Session, router: &Router) -> Advertise {
    let mut allowed = BTreeSet::new();
    let mut by_pref: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
    let mut by_community: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (prefix, attributes) in router.routes(session) {
        let prefix = prefix.to_string();
        if attributes.local_pref != 0 {
            by_pref
                .entry(attributes.local_pref)
                .or_default()
                .insert(prefix.clone());
        }
        for community in &*attributes.communities {
            let prefixes = by_community.entry(community.to_string()).or_default();
            prefixes.insert(prefix.clone());
        }
        allowed.insert(prefix);
    }
    let listed = |prefixes: BTreeSet<String>| prefixes.into_iter().collect();
    Advertise {
        allowed: Allowed {
            prefixes: listed(allowed),
        },
        with_local_pref: by_pref
            .into_iter()
            .map(|(local_pref, prefixes)| LocalPrefPrefixes {
                local_pref,
                prefixes: listed(prefixes),
            })
            .collect(),
        with_community: by_community
            .into_iter()
            .map(|(community, prefixes)| CommunityPrefixes {
                community,
                prefixes: listed(prefixes),
            })
            .collect(),
    }
}

fn profile(profile: &resolved::BfdProfile) -> BfdProfile {
    let millis = |interval: Duration| u32::try_from(interval.as_millis()).unwrap_or(u32::MAX);
    BfdProfile {
        name: profile.name.to_string(),
        receive_interval: profile.receive_interval.map(millis),
        transmit_interval: profile.transmit_interval.map(millis),
        detect_multiplier: profile.detect_multiplier.map(Into::into),
        echo_interval: profile.echo_interval.map(millis),
        echo_mode: profile.echo_mode,
        passive_mode: profile.passive_mode,
        minimum_ttl: profile.minimum_ttl.map(Into::into),
    }
}

/// As Go writes durations, fractions included.
fn text(duration: Duration) -> String {
    GoDuration::from_nanos(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)).to_string()
}
