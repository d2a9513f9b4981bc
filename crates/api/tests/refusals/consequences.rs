//! What is in force of a configuration that is refused in part, and what accepted values mean.

use core::time::Duration;

use ferrolb_api::Rules;

use crate::resolve_manifests;
use crate::tables::manifest;
use crate::tables::{bgp_advertisements, bgp_modes, pools, timers};

#[test]
fn an_alias_hides_a_literal_and_merges_with_its_value() {
    let communities = |list: &str, alias: &str, value: &str| {
        let text = bgp_advertisements::advertisement(&format!("{{communities: {list}}}"))
            + &bgp_advertisements::aliased(alias, value);
        let config = resolve_manifests(&text, &Rules::default()).config;
        config.bgp_advertisements["adv"]
            .communities
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(communities("['1:1']", "1:1", "2:2"), ["2:2"]);
    assert_eq!(communities("['1:1', mine]", "mine", "1:1"), ["1:1"]);
}

#[test]
fn only_the_pool_that_does_not_fit_is_left_out() {
    let pools =
        bgp_advertisements::pool("a", "[10.0.0.0/24]") + &bgp_advertisements::pool("b", "[10.0.1.0/28]");
    let text = pools + &bgp_advertisements::advertisement("{aggregationLength: 24}");
    let config = resolve_manifests(&text, &Rules::default()).config;
    let advertisement = &config.bgp_advertisements["adv"];
    assert!(advertisement.reaches(&config.pools["a"]) && !advertisement.reaches(&config.pools["b"]));
}

#[test]
fn what_only_the_reference_refuses_is_in_force() {
    let text = bgp_modes::peer("vrf: red, interface: ''") + &manifest("BFDProfile", "fast", "{}");
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

#[test]
fn of_pools_with_one_name_the_older_stands() {
    let pool = &resolve_manifests(pools::TWO, &Rules::default()).config.pools["a"];
    assert_eq!(&*pool.entries[0].text, "198.51.100.0/24");
}

#[test]
fn what_contradicts_only_refused_pools_is_in_force() {
    let config = resolve_manifests(&pools::of_five(), &Rules::default()).config;
    let names: Vec<&str> = config.pools.keys().map(|n| n.as_str()).collect();
    assert_eq!(names, ["a", "c", "e"]);
}

/// A pool with an annotation that only FerroLB knows.
fn annotated(annotation: &str, value: &str) -> String {
    let metadata =
        format!("{{name: a, namespace: metallb-system, annotations: {{{annotation}: '{value}'}}}}");
    format!(
        "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {metadata}\nspec: {{addresses: [192.0.2.0/24]}}\n"
    )
}

#[test]
fn annotations_beyond_metallb_are_refused_where_they_cannot_be_read() {
    const DELAY: &str = "ferrolb.io/release-delay";
    const MOST: &str = "ferrolb.io/max-per-namespace";
    const LIST: &str = "ferrolb.io/reservations";
    let is_refused = |annotation: &str, value: &str, reason: &str| {
        let resolved = resolve_manifests(&annotated(annotation, value), &Rules::default());
        let found: Vec<_> = resolved
            .problems
            .iter()
            .map(|p| (p.field.as_str(), &*p.reason))
            .collect();
        assert_eq!(
            found,
            [(&*format!("metadata.annotations[{annotation}]"), reason)],
            "{value}"
        );
        assert!(resolved.config.pools.is_empty());
    };
    is_refused(DELAY, "90", "InvalidDuration");
    is_refused(DELAY, "", "InvalidDuration");
    is_refused(DELAY, "-1s", "OutOfRange");
    is_refused(DELAY, "169h", "OutOfRange");
    is_refused(MOST, "0", "InvalidValue");
    is_refused(MOST, "-1", "InvalidValue");
    is_refused(MOST, "many", "InvalidValue");
    is_refused(LIST, "front", "InvalidValue");
    is_refused(LIST, r#"{"a/b":["192.0.2.1","192.0.2.2"]}"#, "InvalidValue");
}

#[test]
fn annotations_beyond_metallb_are_read() {
    let pool = |annotation, value| {
        let resolved = resolve_manifests(&annotated(annotation, value), &Rules::default());
        assert!(resolved.problems.is_empty(), "{:?}", resolved.problems);
        resolved.config.pools["a"].clone()
    };
    assert_eq!(
        pool("ferrolb.io/release-delay", "1m30s").release_delay.as_secs(),
        90
    );
    assert_eq!(
        pool("ferrolb.io/max-per-namespace", "5").max_per_namespace,
        Some(5)
    );
    let plain = pool("ferrolb.io/reservations", r#"{"a/b":["192.0.2.1"]}"#);
    assert!(plain.release_delay.is_zero() && plain.max_per_namespace.is_none());
}

#[test]
fn a_missing_timer_follows_from_the_other() {
    for (timers, expected) in [
        ("", None),
        ("holdTime: 180s", Some((180_000, 60_000))),
        ("keepaliveTime: 30s", Some((90_000, 30_000))),
        ("holdTime: 0s, keepaliveTime: 0s", Some((0, 0))),
        ("holdTime: 500ms", Some((500, 166))),
        ("holdTime: 65535s", Some((65_535_000, 21_845_000))),
        ("holdTime: 3.5s, keepaliveTime: 0s", Some((3500, 0))),
    ] {
        let config = resolve_manifests(&timers::peer(timers), &Rules::default()).config;
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap();
        let found = config.bgp_peers["tor"]
            .timers
            .map(|t| (millis(t.hold), millis(t.keepalive)));
        assert_eq!(found, expected, "{timers}");
    }
}
