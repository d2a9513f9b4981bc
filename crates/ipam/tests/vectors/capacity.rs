//! Counters, and the addresses that `avoidBuggyIPs` leaves out.

use ferrolb_api::resolved::Pool;
use ferrolb_ipam::Reason;

use crate::BOTH;
use crate::support::*;

#[test]
pub(crate) fn capacity_counts_what_can_be_handed_out() {
    for strict in BOTH {
        let capacity = |pool: Pool| {
            let cluster = Cluster::started(strict, &[pool]);
            let usage = *cluster.usage.values().next().unwrap();
            (usage.capacity(), usage.capacity_ipv4, usage.capacity_ipv6)
        };
        let max = i64::MAX;
        assert_eq!(capacity(pool("p", &["1.2.3.0/24"])), (256, 256, 0));
        assert_eq!(
            capacity(pool("p", &["1.2.3.0/24", "2.3.4.128/25"])),
            (384, 384, 0)
        );
        let avoiding = |addresses: &[&str]| avoiding_buggy(pool("p", addresses));
        assert_eq!(capacity(avoiding(&["1.2.3.0/24", "2.3.4.128/25"])), (381, 381, 0));
        assert_eq!(
            capacity(avoiding(&["1.2.3.0/24", "2.3.4.128/25", "1000::/64"])),
            (max, 381, max)
        );
        assert_eq!(
            capacity(pool("p", &["1000::/64", "2000::/127", "1.2.3.0/24"])),
            (max, 256, max)
        );
        assert_eq!(capacity(avoiding(&["1.2.3.0/31", "1000::/127"])), (3, 1, 2));
        assert_eq!(capacity(avoiding(&["1.2.3.0/32", "1.2.3.255/32"])), (0, 0, 0));
    }
}

#[test]
pub(crate) fn buggy_addresses_are_not_given_out() {
    for strict in BOTH {
        let pools = [
            avoiding_buggy(pool("a", &["1.2.4.0/31"])),
            avoiding_buggy(pool("b", &["1.2.4.254/31"])),
        ];
        let mut cluster = Cluster::started(strict, &pools);
        for name in ["s1", "s2", "s3"] {
            cluster.apply(service(name));
        }
        assert_eq!(cluster.status("s1"), "1.2.4.1");
        assert_eq!(cluster.status("s2"), "1.2.4.254");
        assert_eq!(cluster.status("s3"), "");
        cluster.apply(service("s4").asking("1.2.4.0"));
        assert_eq!(cluster.outcome("s4").reason, Some(Reason::NoMatchingPool));
    }
}
