//! N-01 to N-24.

use super::{Row, fine, manifest, row};

/// A peer that is fine but for `spec`.
fn peer(spec: &str) -> String {
    manifest(
        "BGPPeer",
        "tor",
        &format!("{{myASN: 64512, peerASN: 64513, peerAddress: 198.51.100.1, {spec}}}"),
    )
}

fn bare(spec: &str) -> String {
    manifest("BGPPeer", "tor", spec)
}

fn as_numbers_are_given_once() -> Vec<Row> {
    vec![
        fine("N-xn", peer("")),
        row(
            "N-01",
            bare("{myASN: 0, peerASN: 1, peerAddress: 10.0.0.1}"),
            &["tor spec.myASN MissingField"],
        ),
        row(
            "N-01",
            bare("{peerASN: 1, peerAddress: 10.0.0.1}"),
            &["tor spec.myASN MissingField"],
        ),
        row(
            "N-01",
            bare("{myASN: 4294967296, peerASN: 1, peerAddress: 10.0.0.1}"),
            &["tor spec.myASN OutOfRange"],
        ),
        row(
            "N-02",
            bare("{myASN: 1, peerAddress: 10.0.0.1}"),
            &["tor spec.peerASN MissingField"],
        ),
        row(
            "N-02",
            bare("{myASN: 1, peerASN: 0, peerAddress: 10.0.0.1}"),
            &["tor spec.peerASN MissingField"],
        ),
        row(
            "N-03",
            peer("dynamicASN: internal"),
            &["tor spec.dynamicASN ConflictingFields"],
        ),
        row(
            "N-04",
            bare("{myASN: 1, dynamicASN: any, peerAddress: 10.0.0.1}"),
            &["tor spec.dynamicASN InvalidValue"],
        ),
        row(
            "N-05",
            bare("{myASN: 1, peerASN: 1, ebgpMultiHop: true, peerAddress: 10.0.0.1}"),
            &["tor spec.ebgpMultiHop ConflictingFields"],
        ),
        fine("N-05", peer("ebgpMultiHop: true")),
        fine(
            "N-04",
            bare("{myASN: 1, dynamicASN: external, peerAddress: 10.0.0.1}"),
        ),
        row("localASN", peer("localASN: 0"), &["tor spec.localASN OutOfRange"]),
    ]
}

fn the_peer_has_one_address() -> Vec<Row> {
    vec![
        row(
            "N-06",
            bare("{myASN: 1, peerASN: 2}"),
            &["tor spec.peerAddress MissingField"],
        ),
        row(
            "N-06",
            bare("{myASN: 1, peerASN: 2, peerAddress: ''}"),
            &["tor spec.peerAddress MissingField"],
        ),
        row(
            "N-07",
            peer("interface: eth0"),
            &["tor spec.interface ConflictingFields"],
        ),
        fine("N-07", bare("{myASN: 1, peerASN: 2, interface: eth0}")),
        row(
            "N-10",
            bare("{myASN: 1, peerASN: 2, peerAddress: router}"),
            &["tor spec.peerAddress InvalidAddress"],
        ),
        row(
            "N-10",
            bare("{myASN: 1, peerASN: 2, peerAddress: 'fe80::1%eth0'}"),
            &["tor spec.peerAddress InvalidAddress"],
        ),
        row(
            "N-11",
            peer("routerID: '1'"),
            &["tor spec.routerID InvalidAddress"],
        ),
        fine("N-11", peer("routerID: '2001:db8::1'")),
        row(
            "N-12",
            peer("sourceAddress: x"),
            &["tor spec.sourceAddress InvalidAddress"],
        ),
        row(
            "N-12",
            peer("sourceAddress: '2001:db8::1'"),
            &["warning: tor spec.sourceAddress FamilyMismatch"],
        ),
        row("schema", peer("peerPort: 0"), &["tor spec.peerPort OutOfRange"]),
        row(
            "schema",
            peer("peerPort: 16385"),
            &["tor spec.peerPort OutOfRange"],
        ),
    ]
}

fn node_selectors_are_valid_and_not_repeated() -> Vec<Row> {
    vec![
        row(
            "N-13",
            peer("nodeSelectors: [{matchExpressions: [{key: a, operator: In, values: [x, x]}]}]"),
            &["tor spec.nodeSelectors[0].matchExpressions[0].values DuplicateEntry"],
        ),
        row(
            "N-14",
            peer(
                "nodeSelectors: [{matchExpressions: [{key: a, operator: Exists}, {key: a, operator: Exists}]}]",
            ),
            &["tor spec.nodeSelectors[0].matchExpressions[1] DuplicateEntry"],
        ),
        row(
            "N-15",
            peer("nodeSelectors: [{}, {}]"),
            &["tor spec.nodeSelectors[1] DuplicateEntry"],
        ),
        row(
            "N-16 R-06",
            peer("nodeSelectors: [{matchExpressions: [{operator: Exists}]}]"),
            &["tor spec.nodeSelectors[0].matchExpressions[0] InvalidSelector"],
        ),
        row(
            "N-16 R-06",
            peer("nodeSelectors: [{matchExpressions: [{key: a}]}]"),
            &["tor spec.nodeSelectors[0].matchExpressions[0] InvalidSelector"],
        ),
        row(
            "N-16 R-06",
            peer(
                "nodeSelectors: [{matchExpressions: [{key: a, operator: Exists, values: [x]}]}, {matchLabels: {a: b c}}]",
            ),
            &[
                "tor spec.nodeSelectors[0].matchExpressions[0] InvalidSelector",
                "tor spec.nodeSelectors[1].matchLabels InvalidSelector",
            ],
        ),
    ]
}

fn secret(body: &str) -> String {
    format!("---\n{{apiVersion: v1, kind: Secret, metadata: {{name: s}}, {body}}}\n")
}

fn passwords_come_from_one_place_that_holds_one() -> Vec<Row> {
    const NAMED: &str = "passwordSecret: {name: s}";
    const FIELD: &[&str] = &["tor spec.passwordSecret InvalidSecret"];
    vec![
        row(
            "N-17",
            peer("password: x, passwordSecret: {name: s}"),
            &["tor spec.passwordSecret ConflictingFields"],
        ),
        row("N-18", peer(NAMED), &["tor spec.passwordSecret SecretMissing"]),
        row(
            "N-19",
            peer(NAMED) + &secret("type: Opaque, data: {password: eA==}"),
            FIELD,
        ),
        row(
            "N-20",
            peer(NAMED) + &secret("type: kubernetes.io/basic-auth, data: {username: eA==}"),
            FIELD,
        ),
        fine(
            "N-20",
            peer(NAMED) + &secret("type: kubernetes.io/basic-auth, data: {password: ''}"),
        ),
        fine("N-17", peer("password: x, passwordSecret: {}")),
        fine("N-xn", peer(NAMED)).passthrough(),
        fine("N-xn", peer(NAMED) + &secret("type: Opaque")).passthrough(),
        row(
            "N-17",
            peer("password: x, passwordSecret: {name: s}"),
            &["tor spec.passwordSecret ConflictingFields"],
        )
        .passthrough(),
    ]
}

fn profiles_that_peers_name_exist() -> Vec<Row> {
    const UNKNOWN: &str = "tor spec.bfdProfile UnknownBFDProfile";
    vec![
        row("N-21", peer("bfdProfile: fast"), &[UNKNOWN]),
        row(
            "N-21",
            peer("bfdProfile: fast") + &manifest("BFDProfile", "fast", "{detectMultiplier: 0}"),
            &["fast spec.detectMultiplier OutOfRange", UNKNOWN],
        ),
        fine(
            "N-21",
            peer("bfdProfile: fast") + &manifest("BFDProfile", "fast", "{}"),
        ),
        fine("N-21", peer("bfdProfile: ''")),
    ]
}

fn of_peers_with_one_name_one_stands() -> Vec<Row> {
    vec![row(
        "N-22",
        peer("") + &peer(""),
        &["tor metadata.name DuplicateName"],
    )]
}

fn connect_time_is_whole_seconds() -> Vec<Row> {
    const BAD: &[&str] = &["tor spec.connectTime OutOfRange"];
    vec![
        row("N-23", peer("connectTime: 0s"), BAD),
        row("N-23", peer("connectTime: 65536s"), BAD),
        row("N-23", peer("connectTime: 1500ms"), BAD),
        row(
            "N-23",
            peer("connectTime: soon"),
            &["tor spec.connectTime InvalidDuration"],
        ),
        fine("N-23", peer("connectTime: 1m5s")),
    ]
}

fn a_deprecated_field_is_warned_of() -> Vec<Row> {
    vec![
        row(
            "W-05",
            peer("disableMP: true"),
            &["warning: tor spec.disableMP DeprecatedField"],
        ),
        fine("W-05", peer("disableMP: false")),
        row(
            "W-02",
            peer("peerPort: http"),
            &["tor spec.peerPort InvalidField"],
        ),
    ]
}

fn the_older_version_means_what_its_conversion_means() -> Vec<Row> {
    let old = |spec: &str| {
        let spec = format!("{{myASN: 64512, peerASN: 64513, peerAddress: 198.51.100.1, {spec}}}");
        manifest("BGPPeer", "tor", &spec).replace("v1beta2", "v1beta1")
    };
    vec![
        fine("1.10", old("peerPort: 0")),
        row(
            "1.10",
            old("keepaliveTime: 10s"),
            &["tor spec.keepaliveTime InvalidTimers"],
        ),
        row(
            "1.10",
            old("holdTime: soon"),
            &["tor spec.holdTime InvalidDuration"],
        ),
    ]
}

tables!(
    as_numbers_are_given_once,
    the_peer_has_one_address,
    node_selectors_are_valid_and_not_repeated,
    passwords_come_from_one_place_that_holds_one,
    profiles_that_peers_name_exist,
    of_peers_with_one_name_one_stands,
    connect_time_is_whole_seconds,
    a_deprecated_field_is_warned_of,
    the_older_version_means_what_its_conversion_means,
);
