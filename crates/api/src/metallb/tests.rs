use serde::Serialize;
use serde_json::{Value, json};

use super::*;
use crate::{Object, decode};

/// Decodes and encodes again: what comes back is what the types know.
fn round_trip<T: Object + Serialize>(value: &Value) -> Value {
    serde_json::to_value(decode::<T>(value).unwrap()).unwrap()
}

#[test]
fn absent_and_empty_service_allocation_stay_different() {
    let absent = json!({ "metadata": { "name": "a" }, "spec": { "addresses": ["192.0.2.0/24"] } });
    let empty = json!({ "metadata": { "name": "a" }, "spec": { "addresses": [], "serviceAllocation": {} } });
    assert_eq!(round_trip::<IpAddressPool>(&absent), absent);
    assert_eq!(round_trip::<IpAddressPool>(&empty), empty);
}

#[test]
fn both_versions_of_a_peer_keep_what_they_know() {
    let old = json!({ "metadata": { "name": "tor" }, "spec": {
        "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.1", "holdTime": "90s", "ebgpMultiHop": true,
        "nodeSelectors": [{ "matchExpressions": [{ "key": "rack", "operator": "In", "values": ["a"] }] }] } });
    assert_eq!(round_trip::<BgpPeerV1Beta1>(&old), old);
    let new = json!({ "metadata": { "name": "tor" }, "spec": {
        "myASN": 4_200_000_000_u32, "dynamicASN": "external", "interface": "eth1", "passwordSecret": { "name": "s" },
        "keepaliveTime": "0s", "disableMP": false, "nodeSelectors": [{}] } });
    assert_eq!(round_trip::<BgpPeer>(&new), new);
    assert_eq!(
        (BgpPeerV1Beta1::api_version(), BgpPeer::api_version()),
        ("metallb.io/v1beta1".into(), "metallb.io/v1beta2".into())
    );
}

#[test]
fn numbers_out_of_bounds_decode_so_that_resolve_can_name_them() {
    let value =
        json!({ "metadata": { "name": "a" }, "spec": { "localPref": -1, "aggregationLength": 4096 } });
    let advertisement: BgpAdvertisement = decode(&value).unwrap();
    assert_eq!(advertisement.spec.local_pref, Some(-1));
}

#[test]
fn everything_but_the_name_may_be_missing() {
    let bare = json!({ "metadata": { "name": "a" } });
    assert_eq!(
        decode::<L2Advertisement>(&bare).unwrap().spec,
        L2AdvertisementSpec::default()
    );
    assert_eq!(decode::<Community>(&bare).unwrap().spec, CommunitySpec::default());
    assert_eq!(decode::<ConfigurationState>(&bare).unwrap().status.result, None);
    let nulls = json!({ "metadata": { "name": "a" }, "spec": { "interfaces": null, "nodeSelectors": null } });
    assert_eq!(
        decode::<L2Advertisement>(&nulls).unwrap().spec,
        L2AdvertisementSpec::default()
    );
}

#[test]
fn statuses_are_read_as_speakers_write_them() {
    let l2 = json!({ "metadata": { "name": "l2-x" }, "status": {
        "node": "n1", "serviceName": "web", "serviceNamespace": "shop", "interfaces": [{ "name": "eth0" }] } });
    assert_eq!(round_trip::<ServiceL2Status>(&l2), l2);
    let state = json!({ "metadata": { "name": "controller" }, "status": { "result": "Valid", "conditions": [{
        "type": "poolReconcilerValid", "status": "True", "reason": "Reconciled", "message": "",
        "lastTransitionTime": "2024-05-01T10:00:00Z" }] } });
    assert_eq!(round_trip::<ConfigurationState>(&state), state);
}
