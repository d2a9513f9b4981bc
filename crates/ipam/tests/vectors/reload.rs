//! A new configuration while `s1` has `1.2.3.0` and `s2` has `1000::`.

use ferrolb_api::resolved::Pool;

use crate::BOTH;
use crate::support::*;

/// With strict requests and without.
fn reloaded(pools: &[Pool]) -> [Cluster; 2] {
    BOTH.map(|strict| reloaded_by(strict, pools))
}

fn reloaded_by(strict: bool, pools: &[Pool]) -> Cluster {
    let before = [pool("p", &["1.2.3.0/31", "1000::/127"])];
    let mut cluster = Cluster::started(strict, &before);
    cluster.apply(service("s1"));
    cluster.apply(service("s2").cluster(&["3000::1"]));
    assert_eq!(cluster.status("s1"), "1.2.3.0");
    assert_eq!(cluster.status("s2"), "1000::");
    cluster.forget();
    cluster.pools(pools);
    cluster
}

#[test]
pub(crate) fn the_same_expanded_or_still_covering_pool_changes_nothing() {
    for addresses in [
        &["1.2.3.0/31", "1000::/127"][..],
        &["1.2.3.0/24", "1000::/64"],
        &["1.2.3.0/32", "1000::/128"],
    ] {
        for cluster in reloaded(&[pool("p", addresses)]) {
            assert!(cluster.written.is_empty() && cluster.events.is_empty());
            assert_eq!(cluster.usage["p"].assigned(), 2);
        }
    }
}

#[test]
pub(crate) fn a_pool_that_shrinks_away_from_a_service_moves_it() {
    for cluster in reloaded(&[pool("p", &["1.2.3.2/31", "1000::/127"])]) {
        assert_eq!(cluster.status("s1"), "1.2.3.2");
        assert_eq!(cluster.status("s2"), "1000::");
        assert_eq!(cluster.events_of("s2"), Vec::<String>::new());
    }
}

#[test]
pub(crate) fn services_follow_a_renamed_pool() {
    for cluster in reloaded(&[pool("q", &["1.2.3.0/31", "1000::/127"])]) {
        for (name, address) in [("s1", "1.2.3.0"), ("s2", "1000::")] {
            assert_eq!(cluster.status(name), address);
            assert_eq!(cluster.annotation(name), Some("q"));
        }
        assert_eq!(cluster.usage.len(), 1);
    }
}

#[test]
pub(crate) fn services_follow_the_parts_of_a_split_pool() {
    for cluster in reloaded(&[pool("q4", &["1.2.3.0/31"]), pool("q6", &["1000::/127"])]) {
        assert_eq!(cluster.annotation("s1"), Some("q4"));
        assert_eq!(cluster.annotation("s2"), Some("q6"));
        assert_eq!(cluster.status("s1"), "1.2.3.0");
        assert_eq!(cluster.status("s2"), "1000::");
    }
}

#[test]
pub(crate) fn avoiding_buggy_addresses_later_moves_those_on_one() {
    for cluster in reloaded(&[avoiding_buggy(pool("p", &["1.2.3.0/31", "1000::/127"]))]) {
        assert_eq!(cluster.status("s1"), "1.2.3.1");
        assert_eq!(cluster.status("s2"), "1000::");
    }
}
