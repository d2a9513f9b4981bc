//!

use super::{Row, fine, manifest, manifest_of, nodes, row, without_nodes};

pub(crate) fn advertisement(spec: &str) -> String {
    manifest("BGPAdvertisement", "adv", spec)
}

pub(crate) fn pool(name: &str, addresses: &str) -> String {
    manifest("IPAddressPool", name, &format!("{{addresses: {addresses}}}"))
}

pub(crate) fn aliased(name: &str, value: &str) -> String {
    manifest(
        "Community",
        "c",
        &format!("{{communities: [{{name: '{name}', value: '{value}'}}]}}"),
    )
}

fn lists_name_nothing_twice() -> Vec<Row> {
    vec![
        row(
            "A-01",
            advertisement("{}") + &advertisement("{}"),
            &["adv metadata.name DuplicateName"],
        ),
        row(
            "A-02",
            pool("a", "[10.0.0.0/24]") + &advertisement("{ipAddressPools: [a, a]}"),
            &["adv spec.ipAddressPools[1] DuplicateEntry"],
        ),
        row(
            "A-03",
            advertisement("{communities: ['1:1', '2:2', '1:1']}"),
            &["adv spec.communities[2] DuplicateEntry"],
        ),
        row(
            "A-04",
            advertisement("{peers: [tor, tor]}") + &peer("tor", "198.51.100.1", ""),
            &["adv spec.peers[1] DuplicateEntry"],
        ),
        row(
            "A-05",
            advertisement("{ipAddressPoolSelectors: [{}, {}]}"),
            &["adv spec.ipAddressPoolSelectors[1] DuplicateEntry"],
        ),
        row(
            "A-06",
            advertisement("{nodeSelectors: [{}, {}]}"),
            &["adv spec.nodeSelectors[1] DuplicateEntry"],
        ),
        row(
            "A-07",
            advertisement("{serviceSelectors: [{}, {}]}"),
            &["adv spec.serviceSelectors[1] DuplicateEntry"],
        ),
    ]
}

fn numbers_stay_within_their_bounds() -> Vec<Row> {
    const V4: &[&str] = &["adv spec.aggregationLength OutOfRange"];
    const V6: &[&str] = &["adv spec.aggregationLengthV6 OutOfRange"];
    vec![
        row(
            "A-08",
            advertisement("{serviceSelectors: [{}], aggregationLength: 24}"),
            &["adv spec.aggregationLength ConflictingFields"],
        ),
        row(
            "A-09",
            advertisement("{serviceSelectors: [{}], aggregationLengthV6: 64}"),
            &["adv spec.aggregationLengthV6 ConflictingFields"],
        ),
        fine(
            "A-08",
            advertisement("{serviceSelectors: [{}], aggregationLength: 32, aggregationLengthV6: 128}"),
        ),
        row("A-10", advertisement("{aggregationLength: 33}"), V4),
        row("A-10", advertisement("{aggregationLength: 0}"), V4),
        row("A-11", advertisement("{aggregationLengthV6: 129}"), V6),
        row("A-11", advertisement("{aggregationLengthV6: -1}"), V6),
        row(
            "W-02",
            advertisement("{localPref: -1}"),
            &["adv spec.localPref OutOfRange"],
        ),
        fine(
            "A-11",
            advertisement("{aggregationLengthV6: 0, localPref: 2147483647}"),
        ),
    ]
}

fn communities_are_literals_or_aliases() -> Vec<Row> {
    const INVALID: &[&str] = &["adv spec.communities[0] InvalidCommunity"];
    const UNKNOWN: &[&str] = &["adv spec.communities[0] UnknownCommunity"];
    let with = |text: &str| advertisement(&format!("{{communities: ['{text}']}}"));
    vec![
        row("A-12", with("99999999:1"), INVALID),
        row("A-12", with("1:99999999"), INVALID),
        row("A-12", with("11111:11aaaa"), INVALID),
        row("A-12", with("larg:1:2:3"), INVALID),
        row("A-13", with("1234"), UNKNOWN),
        row("A-13", with("community"), UNKNOWN),
        row("A-13", with("a:b:c"), UNKNOWN),
        row("A-13", with("no-export"), UNKNOWN),
        fine("A-13", with("community") + &aliased("community", "1:1")),
        fine("A-13", with("a:b:c") + &aliased("a:b:c", "1:1")),
        fine("A-12", with("65535:65282")),
        fine("A-12", with("large:1:2:3")),
        fine("A-03", advertisement("{communities: ['64512:1', '064512:1']}")),
        row(
            "A-13",
            with("mine") + &aliased("mine", "nonsense"),
            &[
                "adv spec.communities[0] UnknownCommunity",
                "c spec.communities[0].value InvalidCommunity",
            ],
        ),
    ]
}

fn selectors_must_be_valid() -> Vec<Row> {
    let bad = |field| {
        advertisement(&format!(
            "{{{field}: [{{matchExpressions: [{{key: a, operator: Like, values: [x]}}]}}]}}"
        ))
    };
    vec![
        row(
            "A-14",
            bad("ipAddressPoolSelectors"),
            &["adv spec.ipAddressPoolSelectors[0].matchExpressions[0] InvalidSelector"],
        ),
        row(
            "A-15",
            bad("nodeSelectors"),
            &["adv spec.nodeSelectors[0].matchExpressions[0] InvalidSelector"],
        ),
        row(
            "A-16",
            bad("serviceSelectors"),
            &["adv spec.serviceSelectors[0].matchExpressions[0] InvalidSelector"],
        ),
    ]
}

fn routes_are_no_wider_than_the_entries_of_the_pool() -> Vec<Row> {
    const V4: &[&str] = &["adv spec.aggregationLength AggregationTooShort"];
    const V6: &[&str] = &["adv spec.aggregationLengthV6 AggregationTooShort"];
    let with = |addresses: &str, spec: &str| pool("a", addresses) + &advertisement(spec);
    vec![
        row("A-17", with("[10.0.0.0/24]", "{aggregationLength: 23}"), V4),
        fine("A-17", with("[10.0.0.0/24]", "{aggregationLength: 24}")),
        row(
            "A-17",
            with("[10.0.0.0/24, 10.0.1.0/28]", "{aggregationLength: 26}"),
            V4,
        ),
        fine(
            "A-17",
            with("[10.0.0.0/24, 10.0.1.0/28]", "{aggregationLength: 28}"),
        ),
        row("A-17", with("['2001:db8::/64']", "{aggregationLengthV6: 63}"), V6),
        fine(
            "A-17",
            with(
                "['2001:db8::/64']",
                "{aggregationLength: 1, aggregationLengthV6: 64}",
            ),
        ),
        fine("A-17", with("['::ffff:1.2.3.0/120']", "{aggregationLength: 24}")),
        row(
            "A-17",
            pool("a", "[10.0.0.0/24]")
                + &with("[10.0.1.0/28]", "{aggregationLength: 24}").replace("name: a}", "name: b}"),
            V4,
        ),
        row("A-18", with("[3.3.3.2-3.3.3.254]", "{aggregationLength: 24}"), V4),
        fine("A-18", with("[3.3.3.2-3.3.3.254]", "{aggregationLength: 26}")),
    ]
}

/// Two advertisements of pool `a`, the first one older.
fn two(addresses: &str, first: &str, second: &str) -> String {
    let one = |name, year, spec: &str| manifest_of("BGPAdvertisement", name, year, &format!("{{{spec}}}"));
    nodes(&["n1", "n2"]) + &pool("a", addresses) + &one("z", 2024, first) + &one("b", 2025, second)
}

fn conflict(manifests: String) -> Row {
    row("A-19", manifests, &["b spec.localPref ConflictingLocalPref"])
}

fn one_route_has_one_local_preference() -> Vec<Row> {
    const V4: &str = "[10.0.0.0/16]";
    const DUAL: &str = "[10.0.0.0/16, '2001:db8::/48']";
    const N1: &str = "nodeSelectors: [{matchLabels: {host: n1}}]";
    const N2: &str = "nodeSelectors: [{matchLabels: {host: n2}}]";
    let peers = peer("p", "198.51.100.1", "") + &peer("q", "198.51.100.2", "");
    vec![
        conflict(two(V4, "localPref: 100", "localPref: 200")),
        conflict(two(V4, "localPref: 100", "")),
        fine("A-xn", two(V4, "localPref: 100", "localPref: 100")),
        fine(
            "A-xn",
            two(V4, "localPref: 100, aggregationLength: 24", "localPref: 200"),
        ),
        conflict(two(
            V4,
            "localPref: 100, aggregationLengthV6: 64",
            "localPref: 200",
        )),
        conflict(two(
            DUAL,
            "localPref: 100, aggregationLength: 24",
            "localPref: 200",
        )),
        fine(
            "A-xn",
            two(
                DUAL,
                "localPref: 100, aggregationLength: 24, aggregationLengthV6: 64",
                "localPref: 200",
            ),
        ),
        fine(
            "A-xn",
            two(V4, "localPref: 100, peers: [p]", "localPref: 200, peers: [q]") + &peers,
        ),
        conflict(two(V4, "localPref: 100, peers: [p]", "localPref: 200") + &peers),
        conflict(two(V4, "localPref: 100, peers: [p]", "localPref: 200, peers: [q, p]") + &peers),
        fine(
            "A-xn",
            two(
                V4,
                &format!("localPref: 100, {N1}"),
                &format!("localPref: 200, {N2}"),
            ),
        ),
        conflict(two(V4, &format!("localPref: 100, {N1}"), "localPref: 200")),
        fine(
            "A-xn",
            two(V4, "localPref: 100, serviceSelectors: [{}]", "localPref: 200"),
        ),
        fine(
            "A-xn",
            two(V4, "localPref: 100", "localPref: 200, serviceSelectors: [{}]"),
        ),
        fine(
            "A-xn",
            without_nodes(&two(V4, "localPref: 100", "localPref: 200")),
        ),
    ]
}

fn peer(name: &str, address: &str, more: &str) -> String {
    manifest(
        "BGPPeer",
        name,
        &format!("{{myASN: 64512, peerASN: 64513, peerAddress: {address}, {more}}}"),
    )
}

fn echo_mode_does_not_meet_ipv6() -> Vec<Row> {
    const ECHO: &[&str] = &["adv spec.peers EchoWithIPv6"];
    let profile = manifest("BFDProfile", "echo", "{echoMode: true}");
    let echoing = peer("p", "198.51.100.1", "bfdProfile: echo") + &peer("q", "198.51.100.2", "") + &profile;
    let v6 = pool("a", "['2001:db8::/64']");
    vec![
        row("X-01", v6.clone() + &advertisement("{}") + &echoing, ECHO),
        row(
            "X-01",
            v6.clone() + &advertisement("{peers: [p]}") + &echoing,
            ECHO,
        ),
        fine("X-01n", v6 + &advertisement("{peers: [q]}") + &echoing),
        fine(
            "X-01n",
            pool("a", "[10.0.0.0/24]") + &advertisement("{}") + &echoing,
        ),
    ]
}

fn names_that_mean_nothing_are_warned_of() -> Vec<Row> {
    vec![row(
        "A-xn",
        advertisement("{ipAddressPools: [nowhere], peers: [nobody]}"),
        &[
            "warning: adv spec.ipAddressPools[0] UnknownPool",
            "warning: adv spec.peers[0] UnknownPeer",
        ],
    )]
}

tables!(
    lists_name_nothing_twice,
    numbers_stay_within_their_bounds,
    communities_are_literals_or_aliases,
    selectors_must_be_valid,
    routes_are_no_wider_than_the_entries_of_the_pool,
    one_route_has_one_local_preference,
    echo_mode_does_not_meet_ipv6,
    names_that_mean_nothing_are_warned_of,
);
