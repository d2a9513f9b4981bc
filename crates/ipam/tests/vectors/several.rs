//! Several Services and one address.

use ferrolb_ipam::Reason;

use crate::BOTH;
use crate::pools;
use crate::support::*;

#[test]
pub(crate) fn the_only_address_goes_to_the_second_when_the_first_is_deleted_or_changes_type() {
    for strict in BOTH {
        for delete in [true, false] {
            let mut cluster = Cluster::started(strict, &[pool("p", &["1.2.3.4/32"])]);
            cluster.apply(service("s1"));
            cluster.apply(service("s2"));
            assert_eq!(cluster.status("s2"), "");
            assert_eq!(cluster.outcome("s2").reason, Some(Reason::PoolExhausted));
            if delete {
                cluster.delete("s1");
            } else {
                cluster.change("s1", |mut s| {
                    s.is_load_balancer = false;
                    s
                });
                assert_eq!(cluster.status("s1"), "");
                assert_eq!(cluster.annotation("s1"), None);
            }
            assert_eq!(cluster.status("s2"), "1.2.3.4");
        }
    }
}

#[test]
pub(crate) fn without_pools_every_status_is_emptied_once() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &pools());
        cluster.apply(service("s"));
        cluster.forget();
        cluster.pools(&[]);
        assert_eq!(cluster.status("s"), "");
        assert_eq!(cluster.annotation("s"), None);
        assert_eq!(cluster.written.len(), 1);
    }
}

#[test]
pub(crate) fn backends_decide_who_may_stay_on_a_shared_address() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["1.2.3.4/32"])]);
        cluster.apply(service("s1").sharing("k").ports(&[tcp(80)]));
        cluster.apply(service("s2").sharing("k").ports(&[tcp(443)]));
        let have = |cluster: &Cluster| (cluster.status("s1"), cluster.status("s2"));
        let (none, held) = (String::new(), "1.2.3.4".to_owned());
        assert_eq!(have(&cluster), (held.clone(), held.clone()));
        cluster.change("s2", |s| s.local("app=web"));
        assert_eq!(have(&cluster), (held.clone(), none.clone()));
        cluster.change("s1", |s| s.local("app=web"));
        assert_eq!(have(&cluster), (held.clone(), held.clone()));
        cluster.change("s1", |s| s.local("app=api"));
        assert_eq!(have(&cluster), (none, held.clone()));
        cluster.change("s2", |s| s.local("app=api"));
        assert_eq!(have(&cluster), (held.clone(), held));
    }
}
