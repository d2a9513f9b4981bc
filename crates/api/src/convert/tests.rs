use super::*;

const OLD: &str = "metallb.io/v1beta1";
const NEW: &str = "metallb.io/v1beta2";

fn peer(version: &str, spec: &Value) -> Value {
    let metadata = json!({ "name": "tor", "uid": "u", "managedFields": [{ "manager": "kubectl" }], "finalizers": ["x"] });
    json!({ "apiVersion": version, "kind": "BGPPeer", "metadata": metadata, "spec": spec, "status": { "x": 1 } })
}

fn spec(version: &str, from: &Value, to: &str) -> Value {
    convert(&peer(version, from), to).unwrap()["spec"].clone()
}

#[test]
fn metadata_is_copied_whole_and_the_status_is_not() {
    let old = peer(
        OLD,
        &json!({ "myASN": 1, "peerASN": 2, "peerAddress": "10.0.0.1" }),
    );
    let new = convert(&old, NEW).unwrap();
    assert_eq!(new["metadata"], old["metadata"]);
    assert_eq!(
        (&new["apiVersion"], &new["kind"], &new["status"]),
        (&json!(NEW), &json!("BGPPeer"), &json!({}))
    );
}

#[test]
fn unset_timers_of_the_older_version_become_zero() {
    let old = json!({ "myASN": 1, "peerASN": 2, "peerAddress": "10.0.0.1" });
    let expected = json!({
        "myASN": 1, "peerASN": 2, "peerAddress": "10.0.0.1", "holdTime": "0s", "keepaliveTime": "0s" });
    assert_eq!(spec(OLD, &old, NEW), expected);
}

#[test]
fn every_field_that_both_versions_have_is_copied() {
    let selector = json!({ "matchLabels": { "rack": "a" }, "matchExpressions": [{ "key": "k", "operator": "Odd", "values": ["v"] }] });
    let mut common = json!({
        "myASN": 1, "peerASN": 2, "peerAddress": "10.0.0.1", "sourceAddress": "10.0.0.2", "peerPort": 1179,
        "holdTime": "90s", "keepaliveTime": "30s", "routerID": "10.0.0.3", "nodeSelectors": [selector, {}],
        "password": "p", "bfdProfile": "fast", "ebgpMultiHop": true });
    let converted = spec(OLD, &common, NEW);
    common["holdTime"] = json!("1m30s");
    assert_eq!(converted, common);
    assert_eq!(spec(NEW, &common, OLD), common);
}

#[test]
fn port_zero_is_left_to_the_default_of_the_newer_version() {
    let old = json!({ "myASN": 1, "peerASN": 2, "peerAddress": "10.0.0.1", "peerPort": 0 });
    assert!(spec(OLD, &old, NEW).get("peerPort").is_none());
}

#[test]
fn what_the_older_version_lacks_is_dropped() {
    let new = json!({
        "myASN": 1, "dynamicASN": "external", "interface": "eth1", "localASN": 3, "connectTime": "10s",
        "passwordSecret": { "name": "s" }, "enableGracefulRestart": true, "vrf": "red", "disableMP": true,
        "dualStackAddressFamily": true, "peerASN": 2, "peerAddress": "10.0.0.1" });
    let expected = json!({
        "myASN": 1, "peerASN": 2, "peerAddress": "10.0.0.1", "holdTime": "0s", "keepaliveTime": "0s",
        "nodeSelectors": [] });
    assert_eq!(spec(NEW, &new, OLD), expected);
}

#[test]
fn the_same_version_is_a_copy() {
    let new = peer(NEW, &json!({ "myASN": 1, "unknown": true }));
    assert_eq!(convert(&new, NEW).unwrap(), new);
}

#[test]
fn only_peers_and_known_versions_are_converted() {
    let pool = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool" });
    assert!(matches!(convert(&pool, NEW), Err(ConvertError::Kind { .. })));
    let stranger = json!({ "apiVersion": "example.com/v1beta1", "kind": "BGPPeer" });
    assert!(matches!(convert(&stranger, NEW), Err(ConvertError::Kind { .. })));
    let old = peer(OLD, &json!({}));
    assert_eq!(
        convert(&old, "metallb.io/v1"),
        Err(ConvertError::Version("metallb.io/v1".into()))
    );
    let broken = peer(OLD, &json!({ "myASN": "x" }));
    let error = convert(&broken, NEW).unwrap_err().to_string();
    assert!(error.contains("spec.myASN"), "{error}");
}
