//! Pools that only some Services may use.

use crate::BOTH;
use crate::support::*;
use crate::{gets_with_warning, result_with};

#[test]
pub(crate) fn the_pinned_pool_of_best_priority_is_taken_first() {
    let pools = [
        pool("open", &["9.0.0.0/32"]),
        pinned(pool("b", &["1.0.0.0/32"]), 11, for_namespace("n")),
        pinned(pool("c", &["2.0.0.0/32"]), 10, for_namespace("n")),
    ];
    assert_eq!(result_with(&pools, service("n/s")).0, "2.0.0.0");
    assert_eq!(result_with(&pools, service("other/s")).0, "9.0.0.0");
}

#[test]
pub(crate) fn selectors_rank_by_priority_too() {
    let pools = [
        pinned(pool("a", &["1.0.0.0/32"]), 9, for_labels("app", "x")),
        pinned(pool("b", &["2.0.0.0/32"]), 8, for_labels("app", "x")),
    ];
    assert_eq!(
        result_with(&pools, service("s").labelled(&[("app", "x")])).0,
        "2.0.0.0"
    );
    assert_eq!(result_with(&pools, service("s")), gets_with_warning(""));
}

#[test]
pub(crate) fn namespace_and_selector_together_must_both_match() {
    let mut both = for_namespace("n");
    both.service_selectors = vec![selector("app", "x")];
    let pools = [
        pinned(pool("a", &["1.0.0.0/32"]), 6, for_namespace("n")),
        pinned(pool("b", &["2.0.0.0/32"]), 5, both),
    ];
    assert_eq!(
        result_with(&pools, service("n/s").labelled(&[("app", "x")])).0,
        "2.0.0.0"
    );
    assert_eq!(result_with(&pools, service("n/s")).0, "1.0.0.0");
}

#[test]
pub(crate) fn a_pinned_pool_without_priority_comes_before_unpinned_ones() {
    let pools = [
        pool("a", &["9.0.0.0/32"]),
        pinned(pool("z", &["1.0.0.0/32"]), 0, for_namespace("n")),
    ];
    assert_eq!(result_with(&pools, service("n/s")).0, "1.0.0.0");
}

#[test]
pub(crate) fn a_pool_with_only_a_priority_is_pinned_to_every_service() {
    for strict in BOTH {
        let everyone = || ferrolb_api::resolved::ServiceAllocation {
            service_selectors: vec![ferrolb_types::Selector::everything()],
            ..Default::default()
        };
        let pools = [
            pinned(pool("a", &["1.0.0.0/32"]), 20, everyone()),
            pinned(pool("b", &["2.0.0.0/32"]), 10, everyone()),
            pool("c", &["3.0.0.0/32"]),
        ];
        let mut cluster = Cluster::started(strict, &pools);
        for name in ["s1", "s2", "s3"] {
            cluster.apply(service(name));
        }
        assert_eq!(cluster.status("s1"), "2.0.0.0");
        assert_eq!(cluster.status("s2"), "1.0.0.0");
        assert_eq!(cluster.status("s3"), "3.0.0.0");
    }
}
