//! L-01 to L-09.

use super::{Row, fine, manifest, row};

fn advertisement(spec: &str) -> String {
    manifest("L2Advertisement", "l2", spec)
}

fn preference(preference: &str) -> String {
    advertisement(&format!("{{preferredNodeSelectors: [{preference}]}}"))
}

fn pool(addresses: &str) -> String {
    manifest("IPAddressPool", "a", &format!("{{addresses: {addresses}}}"))
}

fn lists_name_nothing_twice() -> Vec<Row> {
    vec![
        row(
            "L-01",
            pool("['::/64']") + &advertisement("{ipAddressPools: [a, a]}"),
            &["l2 spec.ipAddressPools[1] DuplicateEntry"],
        ),
        row(
            "L-02",
            advertisement("{ipAddressPoolSelectors: [{matchLabels: {a: b}}, {matchLabels: {a: b}}]}"),
            &["l2 spec.ipAddressPoolSelectors[1] DuplicateEntry"],
        ),
        row(
            "L-03",
            advertisement("{nodeSelectors: [{matchExpressions: [{key: a, operator: In, values: [x, x]}]}]}"),
            &["l2 spec.nodeSelectors[0].matchExpressions[0].values DuplicateEntry"],
        ),
        row(
            "L-04",
            advertisement(
                "{serviceSelectors: [{matchExpressions: [{key: a, operator: Exists}, {key: a, operator: Exists}]}]}",
            ),
            &["l2 spec.serviceSelectors[0].matchExpressions[1] DuplicateEntry"],
        ),
        fine("L-xn", advertisement("{interfaces: [eth0, eth0]}")),
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
            "L-05",
            bad("ipAddressPoolSelectors"),
            &["l2 spec.ipAddressPoolSelectors[0].matchExpressions[0] InvalidSelector"],
        ),
        row(
            "L-06",
            bad("nodeSelectors"),
            &["l2 spec.nodeSelectors[0].matchExpressions[0] InvalidSelector"],
        ),
        row(
            "L-07",
            bad("serviceSelectors"),
            &["l2 spec.serviceSelectors[0].matchExpressions[0] InvalidSelector"],
        ),
        row(
            "L-08",
            preference("{weight: 1, preference: {matchLabels: {a: '-'}}}"),
            &["l2 spec.preferredNodeSelectors[0].preference.matchLabels InvalidSelector"],
        ),
    ]
}

fn preferences_have_a_weight_and_a_selector() -> Vec<Row> {
    const WEIGHT: &[&str] = &["l2 spec.preferredNodeSelectors[0].weight OutOfRange"];
    vec![
        row("L-09", preference("{weight: 0, preference: {}}"), WEIGHT),
        row("L-09", preference("{weight: 101, preference: {}}"), WEIGHT),
        row("L-09", preference("{weight: -1, preference: {}}"), WEIGHT),
        row(
            "L-09",
            preference("{preference: {}}"),
            &["l2 spec.preferredNodeSelectors[0].weight MissingField"],
        ),
        row(
            "L-09",
            preference("{weight: 1}"),
            &["l2 spec.preferredNodeSelectors[0].preference MissingField"],
        ),
        fine(
            "L-09",
            preference("{weight: 100, preference: {}}, {weight: 100, preference: {}}"),
        ),
    ]
}

fn pools_that_do_not_exist_are_warned_of() -> Vec<Row> {
    vec![
        row(
            "L-xn",
            advertisement("{ipAddressPools: [nowhere]}"),
            &["warning: l2 spec.ipAddressPools[0] UnknownPool"],
        ),
        row(
            "a refused pool",
            pool("[x]") + &advertisement("{ipAddressPools: [a]}"),
            &[
                "a spec.addresses[0] InvalidAddress",
                "warning: l2 spec.ipAddressPools[0] PoolRefused",
            ],
        ),
        fine(
            "L-xn",
            advertisement("{ipAddressPoolSelectors: [{matchLabels: {matches: nothing}}]}"),
        ),
        fine(
            "L-xn",
            "{apiVersion: metallb.io/v1beta1, kind: L2Advertisement, metadata: {name: l2}}\n",
        ),
    ]
}

fn identical_advertisements_stand_side_by_side() -> Vec<Row> {
    vec![fine(
        "L-xn",
        ["a", "b"]
            .map(|name| manifest("L2Advertisement", name, "{interfaces: [eth0]}"))
            .concat(),
    )]
}

tables!(
    lists_name_nothing_twice,
    selectors_must_be_valid,
    preferences_have_a_weight_and_a_selector,
    pools_that_do_not_exist_are_warned_of,
    identical_advertisements_stand_side_by_side,
);
