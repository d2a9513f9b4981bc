//! N-08, N-09 and what timers mean when they are accepted (section 9).

use core::time::Duration;

use ferrolb_api::Rules;

use crate::{Row, manifest, resolve_manifests, row};

fn peer(timers: &str) -> String {
    manifest(
        "BGPPeer",
        "tor",
        &format!("{{myASN: 1, peerASN: 2, peerAddress: 198.51.100.1, {timers}}}"),
    )
}

fn timers_that_do_not_fit_are_refused() -> Vec<Row> {
    const HOLD: &[&str] = &["tor spec.holdTime InvalidTimers"];
    const KEEPALIVE: &[&str] = &["tor spec.keepaliveTime InvalidTimers"];
    vec![
        row("N-08", peer("holdTime: 2s"), HOLD),
        row("N-08", peer("holdTime: 2.9s"), HOLD),
        row("N-08", peer("holdTime: 1s"), HOLD),
        row("N-08", peer("holdTime: 65536s"), HOLD),
        row("N-08", peer("keepaliveTime: 500ms"), KEEPALIVE),
        row("N-08", peer("keepaliveTime: 2000000h"), KEEPALIVE),
        row(
            "N-08 N-09",
            peer("holdTime: -5s"),
            &[
                "tor spec.holdTime InvalidTimers",
                "tor spec.keepaliveTime InvalidTimers",
            ],
        ),
        row("N-09", peer("holdTime: 90s, keepaliveTime: 120s"), KEEPALIVE),
        row("N-09", peer("holdTime: 0s, keepaliveTime: 10s"), KEEPALIVE),
        row(
            "N-08",
            peer("holdTime: ninety"),
            &["tor spec.holdTime InvalidDuration"],
        ),
        row(
            "N-08",
            peer("holdTime: '90'"),
            &["tor spec.holdTime InvalidDuration"],
        ),
    ]
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
        let config = resolve_manifests(&peer(timers), &Rules::default()).config;
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap();
        let found = config.bgp_peers["tor"]
            .timers
            .map(|t| (millis(t.hold), millis(t.keepalive)));
        assert_eq!(found, expected, "{timers}");
    }
}

tables!(timers_that_do_not_fit_are_refused,);
