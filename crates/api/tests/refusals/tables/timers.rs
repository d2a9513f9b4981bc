//! N-08, N-09.

use super::{Row, manifest, row};

pub(crate) fn peer(timers: &str) -> String {
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

tables!(timers_that_do_not_fit_are_refused,);
