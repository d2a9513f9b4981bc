//! Every error id of api-and-config section 6 has a row, or a test elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::tables::rows;

/// What the resolver decides: refusals, and (ending in `n`) what is no refusal.
const HERE: &[&str] = &[
    "M-01", "M-02", "M-03", "M-04", "M-05", "M-06", "M-07", "M-08", "M-09", "M-10", "M-11", "M-12", "M-12n",
    "M-13", "M-14", "M-15", "M-16", "M-17", "M-18", "M-19", "M-20", "M-21", "M-2xn", "B-01", "B-02", "B-03",
    "B-04", "B-05", "B-06", "B-07", "N-01", "N-02", "N-03", "N-04", "N-05", "N-06", "N-07", "N-08", "N-09",
    "N-10", "N-11", "N-12", "N-13", "N-14", "N-15", "N-16", "N-17", "N-18", "N-19", "N-20", "N-21", "N-22",
    "N-23", "N-xn", "C-01", "C-02", "C-03", "C-04", "C-05", "C-06", "P-01", "P-02", "P-03", "P-04", "P-05",
    "P-06", "P-07", "P-08", "P-09", "P-10", "P-11", "P-12", "P-13", "P-14", "P-15", "P-16", "L-01", "L-02",
    "L-03", "L-04", "L-05", "L-06", "L-07", "L-08", "L-09", "L-xn", "A-01", "A-02", "A-03", "A-04", "A-05",
    "A-06", "A-07", "A-08", "A-09", "A-10", "A-11", "A-12", "A-13", "A-14", "A-15", "A-16", "A-17", "A-18",
    "A-19", "A-xn", "X-01", "X-01n", "R-04", "R-06", "W-02", "W-05",
];

/// What is decided where it happens, with the test that shows it.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    (
        "N-24",
        "crates/api/tests/crds/main.rs",
        "rules_that_only_an_api_server_can_check_are_there",
    ),
    (
        "R-01",
        "crates/plan/src/node/tests.rs",
        "a_pool_that_goes_takes_its_announcements_along_and_no_others",
    ),
    (
        "R-02",
        "crates/plan/src/node/tests.rs",
        "nothing_is_announced_before_facts_are_complete_or_without_configuration",
    ),
    (
        "R-03",
        "crates/speaker/src/feed/tests.rs",
        "raw_configuration_for_frr_is_warned_of_once_it_is_there",
    ),
    (
        "R-07",
        "crates/plan/src/bgp/tests.rs",
        "a_service_at_which_preferences_conflict_is_not_announced_and_the_newer_advertisement_is_named",
    ),
    (
        "R-08",
        "crates/plan/src/node/tests.rs",
        "sharing_with_service_selectors_is_refused_even_when_they_cover_other_nodes_only",
    ),
    (
        "W-01",
        "crates/admission/src/judge/tests.rs",
        "w_01_creation_elsewhere_is_refused_for_every_kind",
    ),
    (
        "W-03",
        "crates/webhook/tests/serving.rs",
        "w_03_where_the_stored_objects_cannot_be_read_the_failure_policy_decides",
    ),
    (
        "W-04",
        "crates/admission/src/judge/tests.rs",
        "w_04_a_profile_in_use_is_not_deleted",
    ),
    (
        "W-06",
        "crates/admission/src/judge/tests.rs",
        "w_06_another_bad_object_does_not_stand_in_the_way",
    ),
    (
        "W-07",
        "crates/admission/src/judge/tests.rs",
        "w_07_an_edit_takes_the_place_of_its_object",
    ),
    (
        "S-01",
        "crates/ipam/tests/vectors/single.rs",
        "field_and_annotation_together_are_refused",
    ),
    (
        "S-02",
        "crates/ipam/src/request.rs",
        "malformed_requests_are_refused",
    ),
    (
        "S-03",
        "crates/ipam/tests/vectors/single.rs",
        "two_addresses_of_one_family_are_refused",
    ),
    (
        "S-04",
        "crates/ipam/tests/vectors/single.rs",
        "an_address_of_another_family_is_refused",
    ),
    (
        "S-05",
        "crates/ipam/tests/vectors/single.rs",
        "an_address_outside_the_pool_asked_for_is_refused",
    ),
    (
        "S-06",
        "crates/ipam/tests/vectors/single.rs",
        "a_pool_asked_for_that_does_not_exist_is_refused",
    ),
    (
        "S-07",
        "crates/ipam/tests/vectors/single.rs",
        "an_address_of_no_pool_that_the_service_may_use_is_refused",
    ),
    (
        "S-08",
        "crates/ipam/tests/vectors/single.rs",
        "require_dual_stack_on_a_single_stack_cluster_is_refused",
    ),
];

/// What nothing decides yet: BGP sessions.
const LATER: &[&str] = &["R-05"];

/// How many ids each family of section 6 has, those that are no errors aside.
const FAMILIES: &[(char, usize)] = &[
    ('M', 21),
    ('B', 7),
    ('N', 24),
    ('C', 6),
    ('P', 16),
    ('L', 9),
    ('A', 19),
    ('X', 1),
    ('R', 8),
    ('W', 7),
    ('S', 8),
];

#[test]
fn the_lists_hold_every_id_once() {
    let elsewhere = ELSEWHERE.iter().map(|(id, _, _)| *id);
    let ids: Vec<&str> = HERE
        .iter()
        .copied()
        .chain(elsewhere)
        .chain(LATER.iter().copied())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    for (family, count) in FAMILIES {
        for number in 1..=*count {
            let id = format!("{family}-{number:02}");
            assert!(ids.contains(&&*id), "{id} is in no list");
        }
    }
}

#[test]
fn every_error_id_has_a_row() {
    let mut refuses: BTreeMap<&str, bool> = BTreeMap::new();
    for row in rows() {
        for id in row.ids.split(' ') {
            *refuses.entry(id).or_default() |= !row.problems.is_empty();
        }
    }
    for id in HERE {
        let refuses = refuses.get(id);
        assert!(refuses.is_some(), "{id} has no row");
        assert!(
            id.ends_with('n') || refuses == Some(&true),
            "{id} has no row with a problem"
        );
    }
}

#[test]
fn no_row_names_an_id_that_there_is_not() {
    let known: BTreeSet<&str> = HERE.iter().copied().collect();
    for row in rows() {
        for id in row.ids.split(' ').filter(|id| id.contains('-')) {
            assert!(known.contains(id), "{id}");
        }
    }
}

#[test]
fn what_is_no_error_is_accepted() {
    for row in rows().iter().filter(|row| row.ids.ends_with('n')) {
        let refused: Vec<&String> = row
            .problems
            .iter()
            .filter(|p| !p.starts_with("warning: "))
            .collect();
        assert_eq!(refused, [""; 0], "{}", row.ids);
    }
}

#[test]
fn tests_elsewhere_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (id, file, test) in ELSEWHERE {
        let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(
            text.contains(&format!("fn {test}(")),
            "{id}: no `{test}` in {file}"
        );
    }
}
