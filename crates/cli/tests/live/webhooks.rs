//! The embedded API server asks the webhooks of the same process.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use crate::standalone::{Standalone, until};

const CONFIGURATION: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/metallb-webhook-configuration";
const DEFINITION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/bgppeers.metallb.io";
const POOLS: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools";
const OLD_PEERS: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/bgppeers";

/// Both sides must know the port, so it cannot be left to the system.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// That of the installation.
fn configuration() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/parts/60-webhooks.yaml");
    fs::read_to_string(path).unwrap()
}

fn pool(name: &str, addresses: &str) -> Value {
    json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": {"name": name},
        "spec": {"addresses": [addresses]}})
}

#[test]
fn its_webhooks_refuse_a_bad_pool_and_convert_an_old_peer() {
    let port = format!("--webhook-port={}", free_port());
    let flags = ["--webhook-mode=enabled", &port];
    let standalone = Standalone::start("api,controller", &configuration(), &flags);
    let bundles = || {
        let (configuration, definition) = (standalone.get(CONFIGURATION), standalone.get(DEFINITION));
        json!([
            configuration.pointer("/webhooks/0/clientConfig/caBundle"),
            definition.pointer("/spec/conversion/webhook/clientConfig/caBundle"),
        ])
    };
    until(bundles, |bundles| {
        let is_there = |bundle: &Value| bundle.as_str().is_some_and(|bundle| !bundle.is_empty());
        bundles.as_array().unwrap().iter().all(is_there)
    });

    // The schema takes any text, and the policy is `Ignore`: who refuses is the webhook, once it serves.
    let create_bad = || {
        let answer = standalone.send("POST", POOLS, &pool("bad", "192.168.20.1-192.168.20.300"));
        standalone.send("DELETE", &format!("{POOLS}/bad"), &json!({}));
        answer
    };
    let refused = until(create_bad, |answer| answer["kind"] == "Status");
    let message = refused["message"].as_str().unwrap();
    let begins = "admission webhook \"ipaddresspoolvalidationwebhook.metallb.io\" denied the request: ";
    assert!(
        message.starts_with(begins) && message.contains("192.168.20.300"),
        "{message}"
    );
    let taken = standalone.send("POST", POOLS, &pool("good", "192.168.20.1-192.168.20.30"));
    assert_eq!(taken["kind"], "IPAddressPool", "{taken}");

    let peer = json!({"apiVersion": "metallb.io/v1beta1", "kind": "BGPPeer", "metadata": {"name": "old"},
        "spec": {"myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.1", "peerPort": 1179}});
    let made = standalone.send("POST", OLD_PEERS, &peer);
    assert_eq!(made["spec"]["peerPort"], 1179, "{made}");
    let stored = standalone.get(&format!("{}/old", OLD_PEERS.replace("v1beta1", "v1beta2")));
    assert_eq!(stored["apiVersion"], "metallb.io/v1beta2", "{stored}");
}
