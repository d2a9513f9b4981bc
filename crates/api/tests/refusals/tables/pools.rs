//! P-01 to P-16.

use super::{Row, fine, manifest, row};

fn pool(name: &str, spec: &str) -> String {
    manifest("IPAddressPool", name, spec)
}

fn addresses(list: &str) -> String {
    pool("a", &format!("{{addresses: {list}}}"))
}

fn allocation(allocation: &str) -> String {
    pool(
        "a",
        &format!("{{addresses: [192.0.2.0/24], serviceAllocation: {allocation}}}"),
    )
}

/// Pools `a` and `b`.
fn pools(a: &str, b: &str) -> String {
    format!(
        "{}---\n{}",
        addresses(a),
        pool("b", &format!("{{addresses: {b}}}"))
    )
}

fn addresses_that_do_not_parse_are_refused() -> Vec<Row> {
    const BAD: &[&str] = &["a spec.addresses[0] InvalidAddress"];
    vec![
        row(
            "P-01",
            pool("''", "{addresses: [192.0.2.0/24]}"),
            &[" metadata.name MissingField"],
        ),
        row("P-02", addresses("[]"), &["a spec.addresses NoAddresses"]),
        row("P-02", addresses("null"), &["a spec.addresses NoAddresses"]),
        row("P-03", addresses("[100.200.300.400/24]"), BAD),
        row("P-03", addresses("[1.2.3.4]"), BAD),
        row("P-03", addresses("[' 1.2.3.0/24']"), BAD),
        row("P-03", addresses("['']"), BAD),
        row("P-03", addresses("[text]"), BAD),
        row("P-03", addresses("['fe80::%eth0/64']"), BAD),
        row("P-04", addresses("[1.2.3.0/33]"), BAD),
        row("P-04", addresses("['2001:db8::/129']"), BAD),
        row("P-05", addresses("['-1.2.3.4']"), BAD),
        row("P-05", addresses("['1.2.3.04-1.2.3.5']"), BAD),
        row("P-06", addresses("['1.2.3.4-']"), BAD),
        row("P-06", addresses("[1.2.3.1-1.2.3.5-1.2.3.9]"), BAD),
    ]
}

fn ranges_must_run_upwards_in_one_family() -> Vec<Row> {
    const BAD: &[&str] = &["a spec.addresses[0] InvalidRange"];
    vec![
        row("P-07", addresses("[1.2.3.10-1.2.3.1]"), BAD),
        row("P-08", addresses("['1.2.3.4-2001:db8::1']"), BAD),
        row("P-08", addresses("['2001:db8::1-1.2.3.4']"), BAD),
        row("P-08", addresses("['::1-1.2.3.4']"), BAD),
        fine("P-08", addresses("['::ffff:1.2.3.4-1.2.3.9']")),
    ]
}

fn every_problem_of_a_pool_is_reported_at_once() -> Vec<Row> {
    vec![row(
        "P-03 P-07 P-09",
        pool(
            "a",
            "{addresses: [x, 192.0.2.0/24, 1.2.3.9-1.2.3.1], serviceAllocation: {namespaces: [x, x]}}",
        ),
        &[
            "a spec.addresses[0] InvalidAddress",
            "a spec.addresses[2] InvalidRange",
            "a spec.serviceAllocation.namespaces[1] DuplicateEntry",
        ],
    )]
}

fn service_allocation_names_nothing_twice() -> Vec<Row> {
    vec![
        row(
            "P-09",
            allocation("{namespaces: [x, z, x]}"),
            &["a spec.serviceAllocation.namespaces[2] DuplicateEntry"],
        ),
        row(
            "P-10",
            allocation("{namespaceSelectors: [{matchLabels: {a: b}}, {matchLabels: {a: b}}]}"),
            &["a spec.serviceAllocation.namespaceSelectors[1] DuplicateEntry"],
        ),
        row(
            "P-10",
            allocation(
                "{namespaceSelectors: [{matchExpressions: [{key: a, operator: In, values: [z, x, z]}]}]}",
            ),
            &["a spec.serviceAllocation.namespaceSelectors[0].matchExpressions[0].values DuplicateEntry"],
        ),
        row(
            "P-11",
            allocation(
                "{serviceSelectors: [{matchExpressions: [{key: a, operator: In, values: [x, z]}, {key: a, operator: In, values: [z, x]}]}]}",
            ),
            &["a spec.serviceAllocation.serviceSelectors[0].matchExpressions[1] DuplicateEntry"],
        ),
        row(
            "P-11",
            allocation("{serviceSelectors: [{}, {}]}"),
            &["a spec.serviceAllocation.serviceSelectors[1] DuplicateEntry"],
        ),
        fine(
            "P-11",
            allocation(
                "{serviceSelectors: [{matchExpressions: [{key: a, operator: Exists}, {key: b, operator: Exists}]}, {matchExpressions: [{key: b, operator: Exists}, {key: a, operator: Exists}]}]}",
            ),
        ),
    ]
}

fn service_allocation_takes_valid_selectors_only() -> Vec<Row> {
    vec![
        row(
            "P-12",
            allocation("{namespaceSelectors: [{matchExpressions: [{key: a, operator: Equals}]}]}"),
            &["a spec.serviceAllocation.namespaceSelectors[0].matchExpressions[0] InvalidSelector"],
        ),
        row(
            "P-12",
            allocation("{namespaceSelectors: [{matchExpressions: [{key: a, operator: In}]}]}"),
            &["a spec.serviceAllocation.namespaceSelectors[0].matchExpressions[0] InvalidSelector"],
        ),
        row(
            "P-13",
            allocation("{serviceSelectors: [{matchLabels: {'-bad': x}}]}"),
            &["a spec.serviceAllocation.serviceSelectors[0].matchLabels InvalidSelector"],
        ),
        row(
            "P-13",
            allocation("{serviceSelectors: [{matchExpressions: [{operator: Exists, values: [x]}]}]}"),
            &["a spec.serviceAllocation.serviceSelectors[0].matchExpressions[0] InvalidSelector"],
        ),
    ]
}

pub(crate) const TWO: &str = concat!(
    "{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, spec: {addresses: [192.0.2.0/24]}, ",
    "metadata: {name: a, creationTimestamp: '2024-02-01T00:00:00Z'}}\n---\n",
    "{apiVersion: metallb.io/v1beta1, kind: IPAddressPool, spec: {addresses: [198.51.100.0/24]}, ",
    "metadata: {name: a, creationTimestamp: '2024-01-01T00:00:00Z'}}\n"
);

fn a_name_is_given_once() -> Vec<Row> {
    vec![row("P-14", TWO, &["a metadata.name DuplicateName"])]
}

fn no_address_is_in_two_entries() -> Vec<Row> {
    const SECOND: &[&str] = &["a spec.addresses[1] OverlappingAddresses"];
    const NEWER: &[&str] = &["b spec.addresses[0] OverlappingAddresses"];
    vec![
        row("P-15", pools("[192.0.2.0/24]", "[192.0.2.0/24]"), NEWER),
        row("P-15", addresses("[192.0.2.0/24, 192.0.2.7/24]"), SECOND),
        row("P-16", pools("[10.0.0.0/8]", "[10.1.0.0/16]"), NEWER),
        row("P-16", pools("[10.1.0.0/16]", "[10.0.0.0/8]"), NEWER),
        row("P-16", pools("[10.0.0.0/24]", "[10.0.0.5-10.0.0.6]"), NEWER),
        row("P-16", addresses("['10.0.0.0/24', '10.0.0.5-10.0.0.6']"), SECOND),
        row("P-16", addresses("['10.0.0.5-10.0.0.6', '10.0.0.0/24']"), SECOND),
        row(
            "P-16",
            addresses("[10.0.0.0/8, 10.0.0.1/32, 10.0.0.2/32]"),
            &[
                "a spec.addresses[1] OverlappingAddresses",
                "a spec.addresses[2] OverlappingAddresses",
            ],
        ),
        fine("P-16", pools("[10.0.0.0/8]", "['::/0']")),
        fine(
            "P-16",
            addresses("[10.0.0.0/25, 10.0.0.128/25, '::ffff:10.0.1.0/120']"),
        ),
    ]
}

/// Of each pair that shares addresses the first is older.
pub(crate) fn of_five() -> String {
    [
        pool("a", "{addresses: [10.0.0.0/24]}"),
        pool("b", "{addresses: [10.0.0.0/16]}"),
        pool("c", "{addresses: [10.0.1.0/24]}"),
        pool("d", "{addresses: [10.0.2.0/24, x]}"),
        pool("e", "{addresses: [10.0.2.0/24]}"),
    ]
    .concat()
}

fn a_refused_pool_contradicts_nobody() -> Vec<Row> {
    vec![row(
        "P-16",
        of_five(),
        &[
            "b spec.addresses[0] OverlappingAddresses",
            "d spec.addresses[1] InvalidAddress",
        ],
    )]
}

fn values_of_another_type_are_refused_with_their_field() -> Vec<Row> {
    vec![row(
        "W-02",
        pool("a", "{addresses: [10.0.0.0/24], autoAssign: perhaps}"),
        &["a spec.autoAssign InvalidField"],
    )]
}

tables!(
    a_name_is_given_once,
    a_refused_pool_contradicts_nobody,
    addresses_that_do_not_parse_are_refused,
    ranges_must_run_upwards_in_one_family,
    every_problem_of_a_pool_is_reported_at_once,
    service_allocation_names_nothing_twice,
    service_allocation_takes_valid_selectors_only,
    no_address_is_in_two_entries,
    values_of_another_type_are_refused_with_their_field,
);
