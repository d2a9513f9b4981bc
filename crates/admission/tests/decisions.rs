//! The webhook decides as the resolver does, whatever comes.

use ferrolb_admission::{Existing, FirstLook, Kind, Review, Verdict, conversion};
use ferrolb_api::metallb::{Community, IpAddressPool};
use ferrolb_api::{Change, RawConfig, Rules, Severity, decode, resolve};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn rules() -> Rules {
    Rules {
        namespace: "lb".into(),
        ..Rules::default()
    }
}

fn verdict(review: &Review, existing: Existing) -> Verdict {
    match review.first_look(&rules()) {
        FirstLook::Answered(verdict) => verdict,
        FirstLook::Needs(_) => review.judge(existing, &rules()),
    }
}

fn review(kind: Kind, request: &Value) -> Review {
    let review =
        json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request });
    Review::parse(kind, review.to_string().as_bytes()).expect("a review")
}

/// JSON with the words that the kinds use, so that it gets past the first field.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("192.0.2.0/24"),
        Just("::/0"),
        Just("lb"),
        Just("a"),
        Just("1:2"),
        Just("90s"),
        Just("In"),
        Just("")
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("spec"),
        Just("metadata"),
        Just("name"),
        Just("namespace"),
        Just("addresses"),
        Just("communities"),
        Just("value"),
        Just("nodeSelectors"),
        Just("matchExpressions"),
        Just("key"),
        Just("operator"),
        Just("values"),
        Just("myASN"),
        Just("peerASN"),
        Just("peerAddress"),
        Just("holdTime"),
        Just("bfdProfile"),
        Just("localPref"),
        Just("aggregationLength"),
        Just("ipAddressPools"),
        Just("labels"),
        Just("creationTimestamp"),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6).prop_map(|pairs| pairs
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<Map<_, _>>()
                .into()),
        ]
    })
}

fn any_pool() -> impl Strategy<Value = Value> {
    let address = prop_oneof![
        (0u8..8, 4u8..9).prop_map(|(n, len)| format!("192.0.{}.0/{}", n * 32, 15 + len)),
        (0u8..250, 0u8..6).prop_map(|(first, more)| format!("192.0.2.{first}-192.0.2.{}", first + more)),
        Just("192.0.2.300".to_owned()),
        Just("2001:db8::/64".to_owned()),
    ];
    let fields = ("[a-d]", 0u8..3, proptest::collection::vec(address, 0..3));
    fields.prop_map(|(name, hour, addresses)| {
        json!({ "metadata": { "name": name, "namespace": "lb", "creationTimestamp": format!("2026-01-01T0{hour}:00:00Z") },
                "spec": { "addresses": addresses } })
    })
}

fn any_community() -> impl Strategy<Value = Value> {
    let value = prop_oneof![
        Just("1:1"),
        Just("large:1:2:3"),
        Just("1:70000"),
        Just("nonsense")
    ];
    let alias = ("[x-z]", value).prop_map(|(name, value)| json!({ "name": name, "value": value }));
    let fields = ("[a-d]", 0u8..3, proptest::collection::vec(alias, 0..3));
    fields.prop_map(|(name, hour, aliases)| {
        json!({ "metadata": { "name": name, "namespace": "lb", "creationTimestamp": format!("2026-01-01T0{hour}:00:00Z") },
                "spec": { "communities": aliases } })
    })
}

fn pool(value: &Value) -> IpAddressPool {
    decode(value).expect("a pool")
}

fn community(value: &Value) -> Community {
    decode(value).expect("a community")
}

/// One for each name, without `name`.
fn without(values: &[Value], name: &Value) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        let this = &value["metadata"]["name"];
        if this != name && kept.iter().all(|k| &k["metadata"]["name"] != this) {
            kept.push(value.clone());
        }
    }
    kept
}

/// Whether the resolver accepts the object `name`.
fn accepts(raw: &RawConfig, kind: Kind, name: &Value) -> bool {
    let problems = resolve(raw).problems;
    let about =
        |p: &&ferrolb_api::Problem| p.kind == kind.name() && p.name == name.as_str().unwrap_or_default();
    problems
        .iter()
        .filter(about)
        .all(|p| p.severity != Severity::Error)
}

proptest! {
    #[test]
    fn no_json_whatever_makes_it_panic(
        kind in proptest::sample::select(&Kind::ALL[..]),
        operation in proptest::sample::select(&["CREATE", "UPDATE", "DELETE", "CONNECT"][..]),
        (object, old, stored) in (any_json(), any_json(), any_json()),
    ) {
        let request = json!({ "operation": operation, "namespace": "lb", "name": "a", "object": object, "oldObject": old });
        let stored = decode::<IpAddressPool>(&stored).map_or_else(|p| Change::Undecodable(*p), Change::from);
        let review = review(kind, &request);
        let existing = Existing { objects: vec![stored], nodes: Some(Vec::new()) };
        prop_assert!(review.answer(&verdict(&review, existing))["response"]["allowed"].is_boolean());
    }

    #[test]
    fn no_body_whatever_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200), value in any_json()) {
        for kind in Kind::ALL {
            let _ = Review::parse(kind, &body);
            let _ = Review::parse(kind, value.to_string().as_bytes());
        }
        let _ = conversion::answer(&body);
        let review = json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
                             "request": { "uid": "u", "desiredAPIVersion": "metallb.io/v1beta2", "objects": [value] } });
        prop_assert!(conversion::answer(review.to_string().as_bytes()).is_ok());
    }

    #[test]
    fn a_new_pool_is_allowed_if_and_only_if_the_resolver_accepts_it_as_the_youngest(
        stored in proptest::collection::vec(any_pool(), 0..4), new in any_pool(),
    ) {
        let name = &new["metadata"]["name"];
        let stored = without(&stored, name);
        let mut youngest = new.clone();
        youngest["metadata"]["creationTimestamp"] = json!("2027");
        let pools = stored.iter().chain([&youngest]).map(pool).collect();
        let expected = accepts(&RawConfig { pools, rules: rules(), ..RawConfig::default() }, Kind::IpAddressPool, name);
        let review = review(Kind::IpAddressPool, &json!({ "operation": "CREATE", "namespace": "lb", "object": new }));
        let objects = stored.iter().map(|v| pool(v).into()).collect();
        prop_assert_eq!(verdict(&review, Existing { objects, nodes: None }).is_allowed(), expected);
    }

    #[test]
    fn a_new_community_is_allowed_if_and_only_if_the_resolver_accepts_it_as_the_youngest(
        stored in proptest::collection::vec(any_community(), 0..4), new in any_community(),
    ) {
        let name = &new["metadata"]["name"];
        let stored = without(&stored, name);
        let mut youngest = new.clone();
        youngest["metadata"]["creationTimestamp"] = json!("2027");
        let communities = stored.iter().chain([&youngest]).map(community).collect();
        let expected = accepts(&RawConfig { communities, rules: rules(), ..RawConfig::default() }, Kind::Community, name);
        let review = review(Kind::Community, &json!({ "operation": "CREATE", "namespace": "lb", "object": new }));
        let objects = stored.iter().map(|v| community(v).into()).collect();
        prop_assert_eq!(verdict(&review, Existing { objects, nodes: None }).is_allowed(), expected);
    }

    #[test]
    fn an_edit_that_is_allowed_costs_no_other_pool_its_place(
        stored in proptest::collection::vec(any_pool(), 1..5), addresses in any_pool(),
    ) {
        let old = stored[0].clone();
        let others = without(&stored, &old["metadata"]["name"]);
        let mut new = old.clone();
        new["spec"] = addresses["spec"].clone();
        let config = |first: &Value| {
            let pools = others.iter().chain([first]).map(pool).collect();
            resolve(&RawConfig { pools, rules: rules(), ..RawConfig::default() }).config
        };
        let request = json!({ "operation": "UPDATE", "namespace": "lb", "object": new, "oldObject": old });
        let objects = others.iter().chain([&old]).map(|v| pool(v).into()).collect();
        if verdict(&review(Kind::IpAddressPool, &request), Existing { objects, nodes: None }).is_allowed() {
            let (before, after) = (config(&old), config(&new));
            let edited = old["metadata"]["name"].as_str();
            for name in before.pools.keys().filter(|name| Some(name.as_str()) != edited) {
                prop_assert!(after.pools.contains_key(name), "{} lost its place", name);
            }
        }
    }
}
