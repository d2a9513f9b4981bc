//! Who may be on one address with whom.

use ferrolb_api::facts::ServiceFacts;

use crate::BOTH;
use crate::support::*;

/// With and without strict requests it must be the same.
fn sharing_pair(first: ServiceFacts, second: ServiceFacts) -> (String, String) {
    let lenient = sharing_pair_by(false, first.clone(), second.clone());
    let strict = sharing_pair_by(true, first, second);
    assert_eq!(strict, lenient);
    strict
}

fn sharing_pair_by(strict: bool, first: ServiceFacts, second: ServiceFacts) -> (String, String) {
    let mut cluster = Cluster::started(strict, &[pool("p", &["1.2.3.4/32"])]);
    cluster.apply(first);
    cluster.apply(second);
    (cluster.status("s1"), cluster.status("s2"))
}

#[test]
pub(crate) fn different_ports_of_one_key_share() {
    let held = "1.2.3.4".to_owned();
    let s1 = || service("s1").sharing("k").ports(&[tcp(80)]);
    let s2 = || service("s2").sharing("k");
    assert_eq!(
        sharing_pair(s1(), s2().ports(&[tcp(443)])),
        (held.clone(), held.clone())
    );
    assert_eq!(
        sharing_pair(s1(), s2().ports(&[udp(80)])),
        (held.clone(), held.clone())
    );
    assert_eq!(sharing_pair(s1(), s2().ports(&[tcp(80)])), (held, String::new()));
}

#[test]
pub(crate) fn different_keys_or_backends_do_not_share() {
    let s1 = || service("s1").sharing("k").ports(&[tcp(80)]);
    for s2 in [
        service("s2").sharing("other").ports(&[tcp(443)]),
        service("s2").ports(&[tcp(443)]),
        service("s2").sharing("k").ports(&[tcp(443)]).local("app=web"),
    ] {
        assert_eq!(sharing_pair(s1(), s2), ("1.2.3.4".into(), String::new()));
    }
}

#[test]
pub(crate) fn own_ports_and_a_key_alone_change_in_place() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["1.2.3.4/31"])]);
        cluster.apply(service("s1").asking("1.2.3.5").sharing("k").ports(&[tcp(80)]));
        cluster.forget();
        cluster.change("s1", |s| s.ports(&[tcp(81)]));
        cluster.change("s1", |s| s.sharing("other"));
        assert_eq!(cluster.status("s1"), "1.2.3.5");
        assert!(cluster.written.is_empty() && cluster.events.is_empty());
    }
}

#[test]
pub(crate) fn a_key_changed_in_company_costs_the_address() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["1.2.3.4/31"])]);
        cluster.apply(service("s1").sharing("k").ports(&[tcp(80)]));
        cluster.apply(service("s2").sharing("k").ports(&[tcp(443)]));
        cluster.change("s1", |s| s.sharing("other"));
        assert_eq!(cluster.status("s1"), "1.2.3.5");
        assert_eq!(cluster.status("s2"), "1.2.3.4");
        assert_eq!(
            cluster.events_of("s1"),
            [
                "Normal IPAllocated",
                "Normal ClearAssignment",
                "Normal IPAllocated"
            ]
        );
    }
}
