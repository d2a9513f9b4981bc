//! Budget: a BGPPeer with all its fields is held against its schema and its rules, as part of a dry run, in 500 µs; so a
//! writer sees little of it, and 1000 peers are applied in half a second.

#![expect(clippy::unwrap_used, reason = "a panic is how a benchmark fails")]

use divan::{Bencher, black_box};
use ferrolb_apiserver::{ApiServer, Options};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

fn peer() -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta2", "kind": "BGPPeer",
        "metadata": {"name": "rack-1", "namespace": "metallb-system"},
        "spec": {
            "myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.1", "sourceAddress": "192.0.2.2", "peerPort": 179,
            "holdTime": "90s", "keepaliveTime": "30s", "connectTime": "10s", "routerID": "192.0.2.2",
            "ebgpMultiHop": true, "bfdProfile": "fast", "vrf": "red", "enableGracefulRestart": true,
            "nodeSelectors": [{"matchLabels": {"rack": "1"},
                "matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}],
        },
    })
}

/// A new object: every bound and every rule that is not about changes.
#[divan::bench]
fn bgp_peer(bencher: Bencher<'_, '_>) {
    let server = ApiServer::new(Options::default()).unwrap();
    let (_, refused) = server.review(peer());
    assert_eq!(refused, None);
    bencher
        .with_inputs(peer)
        .bench_values(|peer| black_box(server.review(peer)));
}

/// The definitions of all kinds: schemas read, rules parsed. The start of `standalone` waits for it.
#[divan::bench(sample_count = 20)]
fn definitions() -> ApiServer {
    ApiServer::new(Options::default()).unwrap()
}
