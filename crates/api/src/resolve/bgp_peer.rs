//! One BGPPeer, with the BFD profile and the Secret that it names (api-and-config 3.6).

use core::fmt::Display;
use core::net::IpAddr;
use core::time::Duration;

use ferrolb_types::address::parse_address;
use ferrolb_types::{Asn, InterfaceName, IpFamily};

use super::report::Report;
use super::rules::BgpMode;
use super::{selector, timers};
use crate::core::{BASIC_AUTH, Secret};
use crate::metallb::{self, BgpPeerSpec, SecretReference};
use crate::resolved::{BgpPeer, Password, PeerAsn, Remote};
use crate::{Redacted, reason};

/// What a peer may name.
pub(super) trait References {
    /// Whether the BFD profile is in force.
    fn bfd_profile(&self, name: &str) -> Reference;
    /// The Secret of this name; the outer `None` when Secrets are not known here.
    #[expect(clippy::option_option, reason = "not known and not there differ")]
    fn secret(&self, name: &str) -> Option<Option<&Secret>>;
}

/// What became of an object that another one names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    InForce,
    Refused,
    Missing,
}

/// Resolves `raw`; `None` if it is refused.
pub(super) fn resolve(
    raw: &metallb::BgpPeer,
    known: &impl References,
    report: &mut Report<'_>,
) -> Option<BgpPeer> {
    let spec = &raw.spec;
    let my_asn = my_asn(spec, report);
    let peer_asn = peer_asn(spec, report);
    let local_asn = spec.local_asn.and_then(|n| asn(n, "spec.localASN", report));
    check_multi_hop(spec, report);
    let remote = remote(spec, report);
    let timers = timers::resolve(spec, report);
    let connect_time = connect_time(spec, report);
    let port = port(spec.peer_port, report);
    let router_id = address(spec.router_id.as_deref(), "spec.routerID", report);
    let source = address(spec.source_address.as_deref(), "spec.sourceAddress", report);
    check_families(source, remote.as_ref(), report);
    let node_selectors = selector::resolve_list(&spec.node_selectors, "spec.nodeSelectors", report);
    let password = password(spec, known, report);
    check_bfd_profile(spec, known, report);
    if spec.disable_mp == Some(true) {
        let message = "the field has no effect; remove it";
        report.warning("spec.disableMP", reason::DEPRECATED_FIELD, message);
    }
    if report.rules().bgp_mode == BgpMode::Native {
        check_native(spec, report);
    }
    if report.is_refused() {
        return None;
    }
    Some(BgpPeer {
        name: (*raw.metadata.name).into(),
        created_at: raw.metadata.creation_timestamp.clone(),
        my_asn: my_asn?,
        local_asn,
        peer_asn: peer_asn?,
        remote: remote?,
        port: port?,
        source,
        timers,
        connect_time,
        router_id,
        node_selectors,
        password,
        bfd_profile: text(spec.bfd_profile.as_deref()).map(Into::into),
        graceful_restart: spec.enable_graceful_restart.unwrap_or(false),
        ebgp_multi_hop: spec.ebgp_multi_hop.unwrap_or(false),
        vrf: spec.vrf.as_deref().unwrap_or_default().into(),
        disable_mp: spec.disable_mp.unwrap_or(false),
        dual_stack_address_family: spec.dual_stack_address_family.unwrap_or(false),
    })
}

/// An empty text is like none.
fn text(field: Option<&str>) -> Option<&str> {
    field.filter(|text| !text.is_empty())
}

fn out_of_range(value: impl Display, bounds: &str, field: &str, report: &mut Report<'_>) {
    report.error(
        field,
        reason::OUT_OF_RANGE,
        format!("`{value}` is out of bounds; use {bounds}"),
    );
}

fn asn(number: i64, field: &str, report: &mut Report<'_>) -> Option<Asn> {
    let asn = u32::try_from(number).ok().and_then(Asn::new);
    if asn.is_none() {
        out_of_range(number, "1 to 4294967295", field, report);
    }
    asn
}

fn my_asn(spec: &BgpPeerSpec, report: &mut Report<'_>) -> Option<Asn> {
    if spec.my_asn == 0 {
        let message = "the AS number of the cluster is missing; use 1 to 4294967295";
        report.error("spec.myASN", reason::MISSING_FIELD, message);
        return None;
    }
    asn(spec.my_asn, "spec.myASN", report)
}

fn peer_asn(spec: &BgpPeerSpec, report: &mut Report<'_>) -> Option<PeerAsn> {
    let number = spec.peer_asn.filter(|n| *n != 0);
    let dynamic = text(spec.dynamic_asn.as_deref());
    if number.is_some() && dynamic.is_some() {
        let message = "`dynamicASN` and `peerASN` exclude each other; keep one of them";
        report.error("spec.dynamicASN", reason::CONFLICTING_FIELDS, message);
    }
    let dynamic = match dynamic {
        None => None,
        Some("internal") => Some(PeerAsn::Internal),
        Some("external") => Some(PeerAsn::External),
        Some(other) => {
            let message = format!("`{other}` is none of the values; use `internal` or `external`");
            report.error("spec.dynamicASN", reason::INVALID_VALUE, message);
            return None;
        }
    };
    match (number, dynamic) {
        (Some(number), _) => asn(number, "spec.peerASN", report).map(PeerAsn::Number),
        (None, Some(dynamic)) => Some(dynamic),
        (None, None) => {
            let message =
                "the AS of the peer is missing; set `peerASN`, or `dynamicASN` to `internal` or `external`";
            report.error("spec.peerASN", reason::MISSING_FIELD, message);
            None
        }
    }
}

fn check_multi_hop(spec: &BgpPeerSpec, report: &mut Report<'_>) {
    if spec.ebgp_multi_hop == Some(true) && spec.peer_asn == Some(spec.my_asn) && spec.my_asn != 0 {
        let message =
            "a peer in the same AS may always be several hops away; remove `ebgpMultiHop` or correct an AS";
        report.error("spec.ebgpMultiHop", reason::CONFLICTING_FIELDS, message);
    }
}

fn remote(spec: &BgpPeerSpec, report: &mut Report<'_>) -> Option<Remote> {
    const ADDRESS: &str = "spec.peerAddress";
    match (
        text(spec.peer_address.as_deref()),
        text(spec.interface.as_deref()),
    ) {
        (Some(_), None) => address(spec.peer_address.as_deref(), ADDRESS, report).map(Remote::Address),
        (None, Some(interface)) => Some(Remote::Interface(InterfaceName::from(interface))),
        (None, None) => {
            let message = "the peer has no address; set `peerAddress`, or `interface` for an unnumbered peer";
            report.error(ADDRESS, reason::MISSING_FIELD, message);
            None
        }
        (Some(_), Some(_)) => {
            let message = "`interface` and `peerAddress` exclude each other; keep one of them";
            report.error("spec.interface", reason::CONFLICTING_FIELDS, message);
            address(spec.peer_address.as_deref(), ADDRESS, report);
            None
        }
    }
}

fn address(field_text: Option<&str>, field: &str, report: &mut Report<'_>) -> Option<IpAddr> {
    match parse_address(text(field_text)?) {
        Ok(addr) => Some(addr),
        Err(error) => {
            report.error(field, reason::INVALID_ADDRESS, error.to_string());
            None
        }
    }
}

fn check_families(source: Option<IpAddr>, remote: Option<&Remote>, report: &mut Report<'_>) {
    let (Some(source), Some(Remote::Address(peer))) = (source, remote) else {
        return;
    };
    if IpFamily::of(source) != IpFamily::of(*peer) {
        let message =
            format!("`{source}` and peer address `{peer}` are of different families; use two of one family");
        report.warning("spec.sourceAddress", reason::FAMILY_MISMATCH, message);
    }
}

fn port(raw: Option<i64>, report: &mut Report<'_>) -> Option<u16> {
    let number = raw.unwrap_or(179);
    let port = u16::try_from(number).ok().filter(|p| (1..=16384).contains(p));
    if port.is_none() {
        out_of_range(number, "1 to 16384", "spec.peerPort", report);
    }
    port
}

/// The CRD has the same rule in CEL (N-23); files are not seen by it.
fn connect_time(spec: &BgpPeerSpec, report: &mut Report<'_>) -> Option<Duration> {
    const FIELD: &str = "spec.connectTime";
    let duration = timers::duration(spec.connect_time.as_deref(), FIELD, report)??;
    if !(1..=65535).contains(&duration.as_secs()) || duration.as_nanos() % 1_000_000_000 != 0 {
        out_of_range(duration, "whole seconds from `1s` to `65535s`", FIELD, report);
    }
    Some(duration.clamped())
}

fn password(spec: &BgpPeerSpec, known: &impl References, report: &mut Report<'_>) -> Option<Password> {
    let literal = spec.password.as_ref().filter(|p| !p.is_empty());
    let secret = spec.password_secret.as_ref().filter(|s| !s.name.is_empty());
    match (literal, secret) {
        (None, None) => None,
        (Some(literal), None) => Some(Password {
            text: literal.clone(),
            secret: None,
        }),
        (None, Some(secret)) => {
            let text = secret_password(secret, known, report).unwrap_or_default();
            Some(Password {
                text,
                secret: Some(secret.clone()),
            })
        }
        (Some(_), Some(_)) => {
            let message = "`passwordSecret` and `password` exclude each other; keep the Secret";
            report.error("spec.passwordSecret", reason::CONFLICTING_FIELDS, message);
            None
        }
    }
}

fn secret_password(
    secret: &SecretReference,
    known: &impl References,
    report: &mut Report<'_>,
) -> Option<Redacted> {
    const FIELD: &str = "spec.passwordSecret";
    if report.rules().secret_passthrough {
        return None;
    }
    let name = &secret.name;
    let Some(found) = known.secret(name)? else {
        let message =
            format!("there is no Secret `{name}` in the namespace of the peer; create it with a `password`");
        report.error(FIELD, reason::SECRET_MISSING, message);
        return None;
    };
    if &*found.kind != BASIC_AUTH {
        let message = format!(
            "Secret `{name}` has type `{}`; create it with type `{BASIC_AUTH}`",
            found.kind
        );
        report.error(FIELD, reason::INVALID_SECRET, message);
        return None;
    }
    let password = found.value("password");
    if password.is_none() {
        let message = format!("Secret `{name}` has no readable key `password`; add it");
        report.error(FIELD, reason::INVALID_SECRET, message);
    }
    password
}

fn check_bfd_profile(spec: &BgpPeerSpec, known: &impl References, report: &mut Report<'_>) {
    let Some(name) = text(spec.bfd_profile.as_deref()) else {
        return;
    };
    let message = match known.bfd_profile(name) {
        Reference::InForce => return,
        Reference::Refused => format!("BFD profile `{name}` is refused; repair it"),
        Reference::Missing => format!("there is no BFD profile `{name}`; create it or correct the name"),
    };
    report.error("spec.bfdProfile", reason::UNKNOWN_BFD_PROFILE, message);
}

/// What the reference's native mode cannot do (M-01 to M-10).
fn check_native(spec: &BgpPeerSpec, report: &mut Report<'_>) {
    let keepalive = spec
        .keepalive_time
        .as_deref()
        .and_then(|t| t.parse::<crate::GoDuration>().ok());
    for (field, is_set) in [
        ("bfdProfile", text(spec.bfd_profile.as_deref()).is_some()),
        (
            "keepaliveTime",
            keepalive.is_some_and(|k| k != crate::GoDuration::ZERO),
        ),
        ("vrf", text(spec.vrf.as_deref()).is_some()),
        ("connectTime", spec.connect_time.is_some()),
        (
            "enableGracefulRestart",
            spec.enable_graceful_restart == Some(true),
        ),
        ("disableMP", spec.disable_mp == Some(true)),
        (
            "dualStackAddressFamily",
            spec.dual_stack_address_family == Some(true),
        ),
        ("dynamicASN", text(spec.dynamic_asn.as_deref()).is_some()),
        ("interface", text(spec.interface.as_deref()).is_some()),
        ("localASN", spec.local_asn.is_some_and(|n| n != 0)),
    ] {
        if is_set {
            report.reference_would_refuse(format!("spec.{field}"), &format!("`{field}` is set"));
        }
    }
}
