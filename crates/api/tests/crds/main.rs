//! The CRDs and the Rust types know the same fields, and the CRDs have the bounds of api-and-config section 1.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod fields;
mod shapes;

use std::collections::BTreeMap;

use ferrolb_api::{Object, crds, metallb};
use serde_json::{Value, json};

fn crd(name: &str) -> Value {
    let crd = crds::all().iter().find(|c| c.name.starts_with(name)).unwrap();
    serde_saphyr::from_str(crd.yaml).unwrap()
}

fn version<'a>(crd: &'a Value, name: &str) -> &'a Value {
    let versions = crd["spec"]["versions"].as_array().unwrap();
    versions.iter().find(|v| v["name"] == name).unwrap()
}

fn schema<'a>(crd: &'a Value, version_name: &str) -> &'a Value {
    &version(crd, version_name)["schema"]["openAPIV3Schema"]
}

/// Types by path, like `.spec.addresses[]`.
fn walk(schema: &Value, path: &str, out: &mut BTreeMap<String, String>) {
    let kind = schema["type"].as_str().unwrap();
    out.insert(path.to_owned(), kind.to_owned());
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(property, &format!("{path}.{name}"), out);
    }
    if kind == "array" {
        walk(&schema["items"], &format!("{path}[]"), out);
    }
}

/// What is not decoded on purpose: type information, metadata of a kind of its own, parts that are always empty.
fn is_compared(path: &str, empty: &[&str]) -> bool {
    let top = path.split(['.', '[']).nth(1).unwrap_or_default();
    matches!(top, "spec" | "status") && !empty.contains(&top)
}

fn same_fields<T: Object>(empty: &[&str]) {
    let crd = crd(&format!("{}.", T::PLURAL));
    let mut written = BTreeMap::new();
    walk(schema(&crd, T::VERSION), "", &mut written);
    written.retain(|path, _| is_compared(path, empty));
    let mut known = fields::of::<T>();
    known.retain(|path, _| is_compared(path, empty));
    assert_eq!(written, known, "{} {}", T::KIND, T::VERSION);
}

#[test]
fn crds_and_types_know_the_same_fields_of_the_same_types() {
    same_fields::<metallb::IpAddressPool>(&[]);
    same_fields::<metallb::L2Advertisement>(&["status"]);
    same_fields::<metallb::BgpAdvertisement>(&["status"]);
    same_fields::<metallb::BgpPeer>(&["status"]);
    same_fields::<metallb::BgpPeerV1Beta1>(&["status"]);
    same_fields::<metallb::BfdProfile>(&["status"]);
    same_fields::<metallb::Community>(&["status"]);
    same_fields::<metallb::ServiceL2Status>(&["spec"]);
    same_fields::<metallb::ServiceBgpStatus>(&["spec"]);
    same_fields::<metallb::ConfigurationState>(&[]);
}

#[test]
fn names_follow_from_the_kind() {
    for crd in crds::all() {
        let value: Value = serde_saphyr::from_str(crd.yaml).unwrap();
        let names = &value["spec"]["names"];
        let kind = names["kind"].as_str().unwrap();
        assert_eq!(value["metadata"], json!({ "name": crd.name }));
        assert_eq!(names["listKind"], format!("{kind}List"));
        assert_eq!(names["singular"], kind.to_lowercase());
        assert_eq!(
            crd.name,
            format!("{}.metallb.io", names["plural"].as_str().unwrap())
        );
        assert_eq!(value["spec"]["scope"], "Namespaced");
        assert!(names.get("shortNames").is_none() && names.get("categories").is_none());
    }
}

#[test]
fn every_version_is_served_with_a_status_and_one_is_stored() {
    for crd in crds::all() {
        let value: Value = serde_saphyr::from_str(crd.yaml).unwrap();
        let versions = value["spec"]["versions"].as_array().unwrap();
        assert!(
            versions
                .iter()
                .all(|v| v["served"] == true && v["subresources"] == json!({ "status": {} }))
        );
        assert_eq!(
            versions.iter().filter(|v| v["storage"] == true).count(),
            1,
            "{}",
            crd.name
        );
    }
}

#[test]
fn every_field_is_described() {
    fn check(schema: &Value, path: &str) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            let text = property["description"].as_str().unwrap_or_default();
            assert!(text.ends_with('.') || name == "metadata", "{path}: {text}");
            check(property, &path);
            check(&property["items"], &path);
        }
    }
    for crd in crds::all() {
        let value: Value = serde_saphyr::from_str(crd.yaml).unwrap();
        for version in value["spec"]["versions"].as_array().unwrap() {
            check(&version["schema"]["openAPIV3Schema"], crd.name);
        }
    }
}

/// What the schema says of one field, without its description.
fn bounds(crd_name: &str, version_name: &str, pointer: &str) -> Value {
    let crd = crd(crd_name);
    let mut node = schema(&crd, version_name);
    for name in pointer.split('.') {
        let next = &node["properties"][name];
        node = if next["type"] == "array" && next["items"]["type"] == "object" {
            &next["items"]
        } else {
            next
        };
        assert!(node.is_object(), "{pointer}");
    }
    let mut node = node.clone();
    node.as_object_mut().unwrap().remove("description");
    node
}

#[test]
fn rules_that_only_an_api_server_can_check_are_there() {
    let rules = |crd: &str, version: &str, field: &str| {
        let rules = bounds(crd, version, field)["x-kubernetes-validations"].clone();
        rules
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["rule"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        rules("bgppeers", "v1beta2", "spec.enableGracefulRestart"),
        ["self == oldSelf"]
    );
    assert_eq!(rules("bgppeers", "v1beta2", "spec.connectTime").len(), 2);
    assert_eq!(rules("bgpadvertisements", "v1beta1", "spec").len(), 1);
    for crd in ["servicel2statuses", "servicebgpstatuses"] {
        for field in ["node", "serviceName", "serviceNamespace"] {
            assert_eq!(
                rules(crd, "v1beta1", &format!("status.{field}")),
                ["self == oldSelf"]
            );
        }
    }
}

#[test]
fn only_peers_are_converted() {
    for crd in crds::all() {
        let value: Value = serde_saphyr::from_str(crd.yaml).unwrap();
        let conversion = &value["spec"]["conversion"];
        if crd.name.starts_with("bgppeers") {
            let service = json!({ "name": "metallb-webhook-service", "namespace": "metallb-system", "path": "/convert" });
            assert_eq!(conversion["webhook"]["clientConfig"]["service"], service);
            assert_eq!(
                conversion["webhook"]["conversionReviewVersions"],
                json!(["v1beta1", "v1beta2"])
            );
            assert_eq!(version(&value, "v1beta1")["deprecated"], true);
        } else {
            assert!(conversion.is_null(), "{}", crd.name);
        }
    }
}
