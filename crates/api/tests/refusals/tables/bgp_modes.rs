//! M-01 to M-21, R-04: what the reference's BGP modes refuse (api-and-config 3.9, spec/plan.md "Mode restrictions").

use ferrolb_api::BgpMode;

use super::{Row, fine, manifest, manifest_of, nodes, row, without_nodes};

pub(crate) fn peer(spec: &str) -> String {
    manifest(
        "BGPPeer",
        "tor",
        &format!("{{myASN: 64512, peerASN: 64513, peerAddress: 198.51.100.1, {spec}}}"),
    )
}

/// Warned of in native mode, refused there under strict, fine in mode frr.
fn native(id: &'static str, manifests: &str, problem: &str) -> Vec<Row> {
    vec![
        row(id, manifests, &[&format!("warning: {problem}")]).mode(BgpMode::Native),
        row(id, manifests, &[problem]).mode(BgpMode::Native).strict(),
        fine(id, manifests),
    ]
}

fn native_mode_of_the_reference_lacks_fields_of_peers() -> Vec<Row> {
    let mut rows = Vec::new();
    for (id, field, manifests) in [
        ("M-02", "keepaliveTime", peer("keepaliveTime: 30s")),
        ("M-03", "vrf", peer("vrf: red")),
        ("M-04", "connectTime", peer("connectTime: 10s")),
        (
            "M-05",
            "enableGracefulRestart",
            peer("enableGracefulRestart: true"),
        ),
        (
            "M-07",
            "dualStackAddressFamily",
            peer("dualStackAddressFamily: true"),
        ),
        (
            "M-08",
            "dynamicASN",
            manifest(
                "BGPPeer",
                "tor",
                "{myASN: 1, dynamicASN: external, peerAddress: 10.0.0.1}",
            ),
        ),
        (
            "M-09",
            "interface",
            manifest("BGPPeer", "tor", "{myASN: 1, peerASN: 2, interface: eth0}"),
        ),
        ("M-10", "localASN", peer("localASN: 64514")),
    ] {
        rows.extend(native(
            id,
            &manifests,
            &format!("tor spec.{field} ReferenceWouldRefuse"),
        ));
    }
    rows
}

fn native_mode_of_the_reference_takes_what_changes_nothing() -> Vec<Row> {
    vec![
        row(
            "M-06",
            peer("disableMP: true"),
            &[
                "warning: tor spec.disableMP DeprecatedField",
                "warning: tor spec.disableMP ReferenceWouldRefuse",
            ],
        )
        .mode(BgpMode::Native),
        fine("M-06", peer("disableMP: false")).mode(BgpMode::Native),
        fine("M-02", peer("holdTime: 0s, keepaliveTime: 0s")).mode(BgpMode::Native),
        fine(
            "M-05",
            peer("enableGracefulRestart: false, ebgpMultiHop: true, holdTime: 90s"),
        )
        .mode(BgpMode::Native),
    ]
}

fn native_mode_of_the_reference_has_no_bfd() -> Vec<Row> {
    let profile = manifest("BFDProfile", "fast", "{}");
    let mut rows = native("M-11", &profile, "fast  ReferenceWouldRefuse");
    rows.push(
        row(
            "M-01 R-04",
            peer("bfdProfile: fast") + &profile,
            &[
                "warning: fast  ReferenceWouldRefuse",
                "warning: tor spec.bfdProfile ReferenceWouldRefuse",
            ],
        )
        .mode(BgpMode::Native),
    );
    rows
}

fn native_mode_of_the_reference_announces_no_ipv6() -> Vec<Row> {
    const PROBLEM: &str = "adv spec.ipAddressPools ReferenceWouldRefuse";
    let pool = manifest("IPAddressPool", "a", "{addresses: ['2001:db8::/64']}");
    let labelled = pool.replace("{name: a}", "{name: a, labels: {tier: x}}");
    let advertised = |spec| pool.clone() + &manifest("BGPAdvertisement", "adv", spec);
    let selected = "{ipAddressPoolSelectors: [{matchLabels: {tier: x}}]}";
    let by_label = labelled + &manifest("BGPAdvertisement", "adv", selected);
    let mut rows = native("M-12", &advertised("{}"), PROBLEM);
    rows.extend(native("M-12", &advertised("{ipAddressPools: [a]}"), PROBLEM));
    rows.extend(native("M-12", &by_label, PROBLEM));
    let of_others = "{ipAddressPoolSelectors: [{matchLabels: {tier: other}}]}";
    rows.extend([
        fine("M-12n", &*pool).mode(BgpMode::Native),
        fine("M-12n", advertised(of_others)).mode(BgpMode::Native),
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
    rows
}

fn native_mode_of_the_reference_has_no_large_communities() -> Vec<Row> {
    let literal = manifest("BGPAdvertisement", "adv", "{communities: ['large:1:2:3']}");
    let alias = manifest(
        "Community",
        "c",
        "{communities: [{name: x, value: 'large:1:2:3'}]}",
    );
    let mut rows = native("M-15", &literal, "adv spec.communities[0] ReferenceWouldRefuse");
    rows.extend(native(
        "M-16",
        &alias,
        "c spec.communities[0].value ReferenceWouldRefuse",
    ));
    rows
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
fn daemon(id: &'static str, field: &str, manifests: &str) -> Vec<Row> {
    let refused = format!("b spec.{field} ReferenceWouldRefuse");
    vec![
        row(id, manifests, &[&format!("b spec.{field} ConflictingPeers")]).mode(BgpMode::FrrK8s),
        row(id, manifests, &[&format!("warning: {refused}")]),
        row(id, manifests, &[&refused]).strict(),
        fine(id, manifests).mode(BgpMode::Native),
    ]
}

const N1: &str = "nodeSelectors: [{matchLabels: {host: n1}}]";
const N2: &str = "nodeSelectors: [{matchLabels: {host: n2}}]";

fn one_daemon_has_one_router_id() -> Vec<Row> {
    const ONE: &str = "peerAddress: 10.0.0.1, routerID: 1.1.1.1";
    const TWO: &str = "peerAddress: 10.0.0.2, routerID: 1.1.1.2";
    let mut rows = daemon("M-17", "routerID", &pair(ONE, TWO));
    rows.extend(daemon("M-17", "routerID", &pair("peerAddress: 10.0.0.1", TWO)));
    rows.extend([
        fine("M-2xn", pair(ONE, "peerAddress: 10.0.0.2, routerID: 1.1.1.1")),
        fine("M-2xn", pair(&format!("{ONE}, {N1}"), &format!("{TWO}, {N2}"))),
    ]);
    rows
}

fn one_daemon_has_each_peer_once() -> Vec<Row> {
    const ONE: &str = "peerAddress: 10.0.0.1";
    const OTHER_PORT: &str = "peerAddress: 10.0.0.1, peerPort: 1179";
    let here = format!("{ONE}, {N1}");
    let mut rows = Vec::new();
    for manifests in [
        pair(ONE, OTHER_PORT),
        pair(
            "peerAddress: '2001:db8::1'",
            "peerAddress: '2001:DB8::1', peerPort: 1179",
        ),
        pair(&here, OTHER_PORT),
        without_nodes(&pair(&here, &format!("{OTHER_PORT}, {N2}"))),
    ] {
        rows.extend(daemon("M-18", "peerAddress", &manifests));
    }
    // The fourth row does not hold: in native mode the reference refuses the field itself (M-09).
    let interfaces = pair("interface: eth0", "interface: eth0, peerPort: 1179");
    rows.extend(daemon("M-19", "interface", &interfaces).into_iter().take(3));
    rows.extend([
        fine("M-2xn", pair(&here, &format!("{ONE}, {N2}"))),
        fine("M-2xn", pair(ONE, "peerAddress: 10.0.0.1, vrf: red")),
        fine("M-2xn", pair("interface: eth0", "interface: eth0, vrf: red")),
        fine("M-2xn", pair("interface: eth0-red", "interface: eth0, vrf: red")),
    ]);
    rows
}

fn one_daemon_has_one_as_in_a_vrf() -> Vec<Row> {
    let mine = |more: &str| pair("peerAddress: 10.0.0.1", &format!("peerAddress: 10.0.0.2{more}"));
    let other = |text: String| {
        let at = text.rfind("myASN: 64512").unwrap();
        format!("{}myASN: 64999{}", &text[..at], &text[at + 12..])
    };
    let mut rows = daemon("M-20", "myASN", &other(mine("")));
    rows.extend([fine("M-2xn", other(mine(", vrf: red"))), fine("M-2xn", mine(""))]);
    rows
}

fn the_same_session_twice_on_a_node_is_refused_in_every_mode() -> Vec<Row> {
    const ONE: &str = "peerAddress: 10.0.0.1";
    let apart = pair(&format!("{ONE}, {N1}"), &format!("{ONE}, {N2}"));
    let mut rows = Vec::new();
    for mode in [BgpMode::Native, BgpMode::Frr, BgpMode::FrrK8s] {
        let addresses = pair(ONE, ONE);
        rows.extend([
            row("M-18", addresses, &["b spec.peerAddress DuplicatePeer"]).mode(mode),
            fine("M-2xn", &*apart).mode(mode),
        ]);
    }
    for mode in [BgpMode::Frr, BgpMode::FrrK8s] {
        let interfaces = pair("interface: eth0", "interface: eth0");
        rows.push(row("M-19", interfaces, &["b spec.interface DuplicatePeer"]).mode(mode));
    }
    let other_source = pair(ONE, "peerAddress: 10.0.0.1, sourceAddress: 10.0.0.9");
    rows.push(fine("N-xn", other_source).mode(BgpMode::Native));
    rows
}

fn an_invalid_node_selector_is_found_before_peers_are_compared() -> Vec<Row> {
    vec![row(
        "M-21",
        pair(
            "peerAddress: 10.0.0.1",
            "peerAddress: 10.0.0.1, nodeSelectors: [{matchLabels: {a: '-'}}]",
        ),
        &["b spec.nodeSelectors[0].matchLabels InvalidSelector"],
    )]
}

tables!(
    native_mode_of_the_reference_lacks_fields_of_peers,
    native_mode_of_the_reference_takes_what_changes_nothing,
    native_mode_of_the_reference_has_no_bfd,
    native_mode_of_the_reference_announces_no_ipv6,
    native_mode_of_the_reference_has_no_large_communities,
    one_daemon_has_one_router_id,
    one_daemon_has_each_peer_once,
    one_daemon_has_one_as_in_a_vrf,
    the_same_session_twice_on_a_node_is_refused_in_every_mode,
    an_invalid_node_selector_is_found_before_peers_are_compared,
);
