//! M-01 to M-21: what the reference's BGP modes refuse (api-and-config 3.9, spec/plan.md "Mode restrictions").

use ferrolb_api::{BgpMode, Rules};

use crate::{Row, check, fine, manifest, manifest_of, nodes, resolve_manifests, row, without_nodes};

fn peer(spec: &str) -> String {
    manifest(
        "BGPPeer",
        "tor",
        &format!("{{myASN: 64512, peerASN: 64513, peerAddress: 198.51.100.1, {spec}}}"),
    )
}

/// Warned of in native mode, refused there under strict, fine in mode frr.
fn native(
    id: &'static str,
    manifests: &str,
    warned: &'static [&'static str],
    refused: &'static [&'static str],
) -> [Row; 3] {
    [
        row(id, manifests, warned).mode(BgpMode::Native),
        row(id, manifests, refused).mode(BgpMode::Native).strict(),
        fine(id, manifests),
    ]
}

macro_rules! native_peer {
    ($id:literal, $field:literal, $manifests:expr) => {
        check(&native(
            $id,
            &$manifests,
            &[concat!("warning: tor spec.", $field, " ReferenceWouldRefuse")],
            &[concat!("tor spec.", $field, " ReferenceWouldRefuse")],
        ));
    };
}

#[test]
fn native_mode_of_the_reference_lacks_fields_of_peers() {
    native_peer!("M-02", "keepaliveTime", peer("keepaliveTime: 30s"));
    native_peer!("M-03", "vrf", peer("vrf: red"));
    native_peer!("M-04", "connectTime", peer("connectTime: 10s"));
    native_peer!(
        "M-05",
        "enableGracefulRestart",
        peer("enableGracefulRestart: true")
    );
    native_peer!(
        "M-07",
        "dualStackAddressFamily",
        peer("dualStackAddressFamily: true")
    );
    native_peer!(
        "M-08",
        "dynamicASN",
        manifest(
            "BGPPeer",
            "tor",
            "{myASN: 1, dynamicASN: external, peerAddress: 10.0.0.1}"
        )
    );
    native_peer!(
        "M-09",
        "interface",
        manifest("BGPPeer", "tor", "{myASN: 1, peerASN: 2, interface: eth0}")
    );
    native_peer!("M-10", "localASN", peer("localASN: 64514"));
    check(&[
        row(
            "M-06",
            peer("disableMP: true"),
            &[
                "warning: tor spec.disableMP DeprecatedField",
                "warning: tor spec.disableMP ReferenceWouldRefuse",
            ],
        )
        .mode(BgpMode::Native),
        fine("M-02", peer("holdTime: 0s, keepaliveTime: 0s")).mode(BgpMode::Native),
        fine(
            "M-05",
            peer("enableGracefulRestart: false, ebgpMultiHop: true, holdTime: 90s"),
        )
        .mode(BgpMode::Native),
    ]);
}

#[test]
fn native_mode_of_the_reference_has_no_bfd() {
    check(&native(
        "M-11",
        &manifest("BFDProfile", "fast", "{}"),
        &["warning: fast  ReferenceWouldRefuse"],
        &["fast  ReferenceWouldRefuse"],
    ));
    check(&[row(
        "M-01",
        peer("bfdProfile: fast") + &manifest("BFDProfile", "fast", "{}"),
        &[
            "warning: fast  ReferenceWouldRefuse",
            "warning: tor spec.bfdProfile ReferenceWouldRefuse",
        ],
    )
    .mode(BgpMode::Native)]);
}

#[test]
fn native_mode_of_the_reference_announces_no_ipv6() {
    let pool = manifest("IPAddressPool", "a", "{addresses: ['2001:db8::/64']}");
    let labelled = pool.replace("{name: a}", "{name: a, labels: {tier: x}}");
    let advertised = |spec| pool.clone() + &manifest("BGPAdvertisement", "adv", spec);
    let warned = &["warning: adv spec.ipAddressPools ReferenceWouldRefuse"];
    let refused = &["adv spec.ipAddressPools ReferenceWouldRefuse"];
    check(&native("M-12", &advertised("{}"), warned, refused));
    check(&native(
        "M-12",
        &advertised("{ipAddressPools: [a]}"),
        warned,
        refused,
    ));
    let selected = "{ipAddressPoolSelectors: [{matchLabels: {tier: x}}]}";
    check(&native(
        "M-12",
        &(labelled + &manifest("BGPAdvertisement", "adv", selected)),
        warned,
        refused,
    ));
    check(&[
        fine("M-12n", &*pool).mode(BgpMode::Native),
        fine(
            "M-12n",
            advertised("{ipAddressPoolSelectors: [{matchLabels: {tier: other}}]}"),
        )
        .mode(BgpMode::Native),
        row(
            "M-13",
            advertised("{ipAddressPoolSelectors: [{matchExpressions: [{key: a, operator: x}]}]}"),
            &["adv spec.ipAddressPoolSelectors[0].matchExpressions[0] InvalidSelector"],
        )
        .mode(BgpMode::Native),
        row(
            "M-14",
            manifest("IPAddressPool", "a", "{addresses: [x]}") + &manifest("BGPAdvertisement", "adv", "{}"),
            &["a spec.addresses[0] InvalidAddress"],
        )
        .mode(BgpMode::Native),
    ]);
}

#[test]
fn native_mode_of_the_reference_has_no_large_communities() {
    check(&native(
        "M-15",
        &manifest("BGPAdvertisement", "adv", "{communities: ['large:1:2:3']}"),
        &["warning: adv spec.communities[0] ReferenceWouldRefuse"],
        &["adv spec.communities[0] ReferenceWouldRefuse"],
    ));
    check(&native(
        "M-16",
        &manifest(
            "Community",
            "c",
            "{communities: [{name: x, value: 'large:1:2:3'}]}",
        ),
        &["warning: c spec.communities[0].value ReferenceWouldRefuse"],
        &["c spec.communities[0].value ReferenceWouldRefuse"],
    ));
}

/// Peers `z` (older) and `b` on nodes n1 and n2.
fn pair(first: &str, second: &str) -> String {
    let one = |name, year, spec: &str| {
        manifest_of(
            "BGPPeer",
            name,
            year,
            &format!("{{myASN: 64512, peerASN: 64513, {spec}}}"),
        )
    };
    nodes(&["n1", "n2"]) + &one("z", 2024, first) + &one("b", 2025, second)
}

/// A rule of the FRR daemon: an error with frr-k8s, a warning with frr (an error under strict), nothing in native mode.
fn daemon(
    id: &'static str,
    manifests: &str,
    refused: &'static [&'static str],
    warned: &'static [&'static str],
    strict: &'static [&'static str],
) -> [Row; 4] {
    [
        row(id, manifests, refused).mode(BgpMode::FrrK8s),
        row(id, manifests, warned),
        row(id, manifests, strict).strict(),
        fine(id, manifests).mode(BgpMode::Native),
    ]
}

macro_rules! daemon {
    ($id:literal, $field:literal, $manifests:expr) => {
        check(&daemon(
            $id,
            &$manifests,
            &[concat!("b spec.", $field, " ConflictingPeers")],
            &[concat!("warning: b spec.", $field, " ReferenceWouldRefuse")],
            &[concat!("b spec.", $field, " ReferenceWouldRefuse")],
        ));
    };
}

const N1: &str = "nodeSelectors: [{matchLabels: {host: n1}}]";
const N2: &str = "nodeSelectors: [{matchLabels: {host: n2}}]";

#[test]
fn one_daemon_has_one_router_id() {
    daemon!(
        "M-17",
        "routerID",
        pair(
            "peerAddress: 10.0.0.1, routerID: 1.1.1.1",
            "peerAddress: 10.0.0.2, routerID: 1.1.1.2"
        )
    );
    daemon!(
        "M-17",
        "routerID",
        pair(
            "peerAddress: 10.0.0.1",
            "peerAddress: 10.0.0.2, routerID: 1.1.1.2"
        )
    );
    check(&[
        fine(
            "M-2xn",
            pair(
                "peerAddress: 10.0.0.1, routerID: 1.1.1.1",
                "peerAddress: 10.0.0.2, routerID: 1.1.1.1",
            ),
        ),
        fine(
            "M-2xn",
            pair(
                &format!("peerAddress: 10.0.0.1, {N1}"),
                &format!("peerAddress: 10.0.0.2, routerID: 1.1.1.2, {N2}"),
            ),
        ),
    ]);
}

#[test]
fn one_daemon_has_each_peer_once() {
    daemon!(
        "M-18",
        "peerAddress",
        pair("peerAddress: 10.0.0.1", "peerAddress: 10.0.0.1, peerPort: 1179")
    );
    daemon!(
        "M-18",
        "peerAddress",
        pair(
            "peerAddress: '2001:db8::1'",
            "peerAddress: '2001:DB8::1', peerPort: 1179"
        )
    );
    daemon!(
        "M-18",
        "peerAddress",
        pair(
            &format!("peerAddress: 10.0.0.1, {N1}"),
            "peerAddress: 10.0.0.1, peerPort: 1179"
        )
    );
    let apart = pair(
        &format!("peerAddress: 10.0.0.1, {N1}"),
        &format!("peerAddress: 10.0.0.1, peerPort: 1179, {N2}"),
    );
    daemon!("M-18", "peerAddress", without_nodes(&apart));
    check(&[
        fine(
            "M-2xn",
            pair(
                &format!("peerAddress: 10.0.0.1, {N1}"),
                &format!("peerAddress: 10.0.0.1, {N2}"),
            ),
        ),
        fine(
            "M-2xn",
            pair("peerAddress: 10.0.0.1", "peerAddress: 10.0.0.1, vrf: red"),
        ),
        fine("M-2xn", pair("interface: eth0", "interface: eth0, vrf: red")),
        fine("M-2xn", pair("interface: eth0-red", "interface: eth0, vrf: red")),
    ]);
}

#[test]
fn one_daemon_has_one_as_in_a_vrf() {
    let mine = |more: &str| pair("peerAddress: 10.0.0.1", &format!("peerAddress: 10.0.0.2{more}"));
    let other = |text: String| {
        let at = text.rfind("myASN: 64512").unwrap();
        format!("{}myASN: 64999{}", &text[..at], &text[at + 12..])
    };
    daemon!("M-20", "myASN", other(mine("")));
    check(&[fine("M-2xn", other(mine(", vrf: red"))), fine("M-2xn", mine(""))]);
}

#[test]
fn the_same_session_twice_on_a_node_is_refused_in_every_mode() {
    const ADDRESS: &[&str] = &["b spec.peerAddress DuplicatePeer"];
    const INTERFACE: &[&str] = &["b spec.interface DuplicatePeer"];
    for mode in [BgpMode::Native, BgpMode::Frr, BgpMode::FrrK8s] {
        check(&[
            row(
                "M-18",
                pair("peerAddress: 10.0.0.1", "peerAddress: 10.0.0.1"),
                ADDRESS,
            )
            .mode(mode),
            fine(
                "M-18",
                pair(
                    &format!("peerAddress: 10.0.0.1, {N1}"),
                    &format!("peerAddress: 10.0.0.1, {N2}"),
                ),
            )
            .mode(mode),
        ]);
    }
    check(&[
        row("M-19", pair("interface: eth0", "interface: eth0"), INTERFACE),
        row("M-19", pair("interface: eth0", "interface: eth0"), INTERFACE).mode(BgpMode::FrrK8s),
        fine(
            "N-xn",
            pair(
                "peerAddress: 10.0.0.1",
                "peerAddress: 10.0.0.1, sourceAddress: 10.0.0.9",
            ),
        )
        .mode(BgpMode::Native),
    ]);
}

#[test]
fn an_invalid_node_selector_is_found_before_peers_are_compared() {
    check(&[row(
        "M-21",
        pair(
            "peerAddress: 10.0.0.1",
            "peerAddress: 10.0.0.1, nodeSelectors: [{matchLabels: {a: '-'}}]",
        ),
        &["b spec.nodeSelectors[0].matchLabels InvalidSelector"],
    )]);
}

#[test]
fn what_only_the_reference_refuses_is_in_force() {
    let text = peer("vrf: red, interface: ''") + &manifest("BFDProfile", "fast", "{}");
    let native = resolve_manifests(&text, &Rules::default());
    assert!(native.config.bgp_peers.contains_key("tor") && native.config.bfd_profiles.contains_key("fast"));
    let strict = resolve_manifests(
        &text,
        &Rules {
            strict: true,
            ..Rules::default()
        },
    );
    assert!(strict.config.bgp_peers.is_empty() && strict.config.bfd_profiles.is_empty());
}
