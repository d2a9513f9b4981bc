#![expect(
    clippy::needless_pass_by_value,
    reason = "the arguments are made where they are passed"
)]

use super::*;

const NAMESPACE: &str = "metallb-system";

fn rules() -> Rules {
    Rules {
        namespace: NAMESPACE.into(),
        ..Rules::default()
    }
}

fn object(name: &str, created: &str, spec: Value) -> Value {
    json!({ "metadata": { "name": name, "namespace": NAMESPACE, "creationTimestamp": created }, "spec": spec })
}

fn pool(name: &str, addresses: &[&str]) -> Value {
    object(name, "2026-01-01T00:00:00Z", json!({ "addresses": addresses }))
}

fn existing(objects: &[(Kind, Value)]) -> Existing {
    let change = |(kind, value): &(Kind, Value)| {
        kind.decode(value)
            .unwrap_or_else(|problem| Change::Undecodable(*problem))
    };
    Existing {
        objects: objects.iter().map(change).collect(),
        nodes: None,
    }
}

fn review(kind: Kind, request: Value) -> Review {
    let review =
        json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request });
    Review::parse(kind, review.to_string().as_bytes()).unwrap()
}

fn create(kind: Kind, object: &Value) -> Review {
    review(
        kind,
        json!({ "operation": "CREATE", "namespace": object["metadata"]["namespace"],
                "name": object["metadata"]["name"], "object": object }),
    )
}

fn update(kind: Kind, old: &Value, new: &Value) -> Review {
    review(
        kind,
        json!({ "operation": "UPDATE", "namespace": new["metadata"]["namespace"],
                "name": new["metadata"]["name"], "object": new, "oldObject": old }),
    )
}

fn delete(kind: Kind, name: &str, namespace: &str) -> Review {
    review(
        kind,
        json!({ "operation": "DELETE", "namespace": namespace, "name": name }),
    )
}

fn answer(review: &Review, existing: Existing) -> Verdict {
    match review.first_look(&rules()) {
        FirstLook::Answered(verdict) => verdict,
        FirstLook::Needs(_) => review.judge(existing, &rules()),
    }
}

fn message(verdict: &Verdict) -> &str {
    verdict.refusal.as_ref().map_or("", |refusal| &refusal.message)
}

#[test]
fn a_sound_object_is_allowed_without_a_word() {
    let verdict = answer(
        &create(Kind::IpAddressPool, &pool("a", &["192.0.2.0/24"])),
        Existing::default(),
    );
    assert_eq!(verdict, Verdict::allowed());
}

#[test]
fn every_fault_is_named_with_field_and_hint() {
    let bad = pool("a", &["192.0.2.0/33", "192.0.2.9-192.0.2.1"]);
    let verdict = answer(&create(Kind::IpAddressPool, &bad), Existing::default());
    let refusal = verdict.refusal.unwrap();
    assert_eq!(refusal.code, 422);
    let fields: Vec<&str> = refusal.causes.iter().map(|c| &*c.field).collect();
    assert_eq!(fields, ["spec.addresses[0]", "spec.addresses[1]"]);
    assert!(refusal.message.contains("`192.0.2.0/33`") && refusal.message.contains("\nhint: "));
}

#[test]
fn w_01_creation_elsewhere_is_refused_for_every_kind() {
    for kind in Kind::ALL {
        let mut object = object("a", "", json!({ "disableMP": true }));
        object["metadata"]["namespace"] = json!("default");
        let verdict = answer(&create(kind, &object), Existing::default());
        assert!(
            message(&verdict).starts_with("resource must be created in metallb-system namespace"),
            "{kind:?}"
        );
        let verdict = answer(&update(kind, &object, &object), Existing::default());
        assert!(
            verdict.is_allowed() && verdict.warnings.len() == 1,
            "{kind:?}: an edit there is told, not refused"
        );
    }
}

#[test]
fn w_02_what_does_not_decode_is_a_bad_request_that_names_the_field() {
    let bad = object("a", "", json!({ "addresses": ["192.0.2.0/24", 7] }));
    let refusal = answer(&create(Kind::IpAddressPool, &bad), Existing::default())
        .refusal
        .unwrap();
    assert_eq!(
        (refusal.code, &*refusal.causes[0].field),
        (400, "spec.addresses[1]")
    );
}

#[test]
fn an_old_version_that_does_not_decode_does_not_keep_it_from_being_repaired() {
    let old = object("a", "", json!({ "addresses": 7 }));
    let new = pool("a", &["192.0.2.0/24"]);
    let stored = existing(&[(Kind::IpAddressPool, old.clone())]);
    assert_eq!(
        answer(&update(Kind::IpAddressPool, &old, &new), stored),
        Verdict::allowed()
    );
}

#[test]
fn w_04_a_profile_in_use_is_not_deleted() {
    let peer = object(
        "tor",
        "",
        json!({ "myASN": 1, "peerASN": 2, "peerAddress": "192.0.2.1", "bfdProfile": "fast" }),
    );
    let stored = || existing(&[(Kind::BgpPeer, peer.clone())]);
    let refused = answer(&delete(Kind::BfdProfile, "fast", NAMESPACE), stored());
    assert!(message(&refused).starts_with("failed to delete BFDProfile `fast`: BGPPeer `tor` uses it"));
    assert!(answer(&delete(Kind::BfdProfile, "slow", NAMESPACE), stored()).is_allowed());
    assert!(
        answer(&delete(Kind::BfdProfile, "fast", "default"), stored()).is_allowed(),
        "another profile"
    );
    assert!(answer(&delete(Kind::BgpPeer, "tor", NAMESPACE), stored()).is_allowed());
}

#[test]
fn w_05_disable_mp_is_a_warning_and_hides_no_error() {
    let peer = |address| {
        object(
            "tor",
            "",
            json!({ "myASN": 1, "peerASN": 2, "peerAddress": address, "disableMP": true }),
        )
    };
    let verdict = answer(&create(Kind::BgpPeer, &peer("192.0.2.1")), Existing::default());
    assert!(verdict.is_allowed());
    assert!(
        verdict.warnings.iter().any(|w| w.starts_with("spec.disableMP: ")),
        "{:?}",
        verdict.warnings
    );
    assert!(!answer(&create(Kind::BgpPeer, &peer("192.0.2.300")), Existing::default()).is_allowed());
}

#[test]
fn w_06_another_bad_object_does_not_stand_in_the_way() {
    let stored = || {
        existing(&[
            (Kind::IpAddressPool, pool("bad", &["192.0.2.0/99"])),
            (
                Kind::IpAddressPool,
                object("worse", "", json!({ "addresses": 7 })),
            ),
        ])
    };
    let good = pool("good", &["198.51.100.0/24"]);
    assert_eq!(
        answer(&create(Kind::IpAddressPool, &good), stored()),
        Verdict::allowed()
    );
}

#[test]
fn w_07_an_edit_takes_the_place_of_its_object() {
    let old = pool("a", &["192.0.2.0/24"]);
    let new = pool("a", &["192.0.2.0/25"]);
    let stored = existing(&[(Kind::IpAddressPool, old.clone())]);
    assert_eq!(
        answer(&update(Kind::IpAddressPool, &old, &new), stored),
        Verdict::allowed()
    );
}

#[test]
fn a_new_object_gives_way_whatever_its_name_and_time() {
    let stored = existing(&[(Kind::IpAddressPool, pool("b", &["192.0.2.0/24"]))]);
    let mut new = pool("a", &["192.0.2.128/25"]);
    new["metadata"]["creationTimestamp"] = json!("1999-01-01T00:00:00Z");
    let verdict = answer(&create(Kind::IpAddressPool, &new), stored);
    assert!(
        message(&verdict).contains("(OverlappingAddresses)"),
        "{verdict:?}"
    );
    assert!(
        message(&verdict).starts_with("spec.addresses[0]: "),
        "{verdict:?}"
    );
}

#[test]
fn an_edit_by_which_an_older_object_would_push_out_a_newer_one_is_refused() {
    let (old, new) = (
        pool("a", &["192.0.2.0/24"]),
        pool("a", &["192.0.2.0/24", "198.51.100.0/24"]),
    );
    let stored = existing(&[
        (Kind::IpAddressPool, old.clone()),
        (Kind::IpAddressPool, pool("b", &["198.51.100.0/25"])),
    ]);
    let verdict = answer(&update(Kind::IpAddressPool, &old, &new), stored);
    assert!(
        message(&verdict).starts_with("spec: IPAddressPool `b` would be refused: "),
        "{verdict:?}"
    );
}

#[test]
fn labels_and_finalizers_of_a_bad_object_can_be_changed() {
    let old = pool("bad", &["192.0.2.0/99"]);
    let stored = || existing(&[(Kind::IpAddressPool, old.clone())]);
    let mut relabelled = old.clone();
    relabelled["metadata"]["labels"] = json!({ "a": "b" });
    let verdict = answer(&update(Kind::IpAddressPool, &old, &relabelled), stored());
    assert!(verdict.is_allowed());
    assert!(
        verdict.warnings[0].contains("`192.0.2.0/99`"),
        "what is wrong is told all the same"
    );
    let mut leaving = pool("bad", &["192.0.2.0/98"]);
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z");
    assert!(answer(&update(Kind::IpAddressPool, &old, &leaving), stored()).is_allowed());
    let still_bad = pool("bad", &["192.0.2.0/98"]);
    assert!(!answer(&update(Kind::IpAddressPool, &old, &still_bad), stored()).is_allowed());
}

#[test]
fn what_the_reference_cannot_do_in_a_mode_is_a_warning() {
    let spec = json!({ "myASN": 1, "peerASN": 2, "peerAddress": "192.0.2.1", "vrf": "red" });
    let verdict = answer(
        &create(Kind::BgpPeer, &object("tor", "", spec)),
        Existing::default(),
    );
    assert!(verdict.is_allowed());
    assert!(
        verdict.warnings[0].contains("(ReferenceWouldRefuse)"),
        "{verdict:?}"
    );
}

#[test]
fn what_is_referred_to_may_come_later() {
    let peer = object(
        "tor",
        "",
        json!({ "myASN": 1, "peerASN": 2, "peerAddress": "192.0.2.1", "bfdProfile": "fast",
                                         "passwordSecret": { "name": "none" } }),
    );
    let verdict = answer(&create(Kind::BgpPeer, &peer), Existing::default());
    assert!(verdict.is_allowed());
    assert!(
        verdict.warnings.iter().any(|w| w.contains("(UnknownBFDProfile)")),
        "{:?}",
        verdict.warnings
    );
    let advertisement = |community: &str| object("a", "", json!({ "communities": [community] }));
    let verdict = answer(
        &create(Kind::BgpAdvertisement, &advertisement("blackhole")),
        Existing::default(),
    );
    assert!(verdict.is_allowed() && verdict.warnings.len() == 1, "{verdict:?}");
    for literal in ["a:b:c", "64512:70000", "largo:1:2:3"] {
        let verdict = answer(
            &create(Kind::BgpAdvertisement, &advertisement(literal)),
            Existing::default(),
        );
        assert!(
            message(&verdict).starts_with("spec.communities[0]: "),
            "{literal}: {verdict:?}"
        );
    }
}

#[test]
fn what_others_refer_to_may_change_but_is_told() {
    let community = |value: &str| {
        object(
            "c",
            "",
            json!({ "communities": [{ "name": value, "value": "1:1" }] }),
        )
    };
    let stored = existing(&[
        (Kind::Community, community("old")),
        (
            Kind::BgpAdvertisement,
            object("ad", "", json!({ "communities": ["old"] })),
        ),
    ]);
    let verdict = answer(
        &update(Kind::Community, &community("old"), &community("new")),
        stored,
    );
    assert!(verdict.is_allowed());
    let [told] = &verdict.warnings[..] else {
        panic!("{verdict:?}")
    };
    assert!(
        told.starts_with("BGPAdvertisement `ad` would be refused: spec.communities[0]: "),
        "{told}"
    );
}

fn peer(name: &str, created: &str, node: &str) -> Value {
    let selector = json!([{ "matchLabels": { "kubernetes.io/hostname": node } }]);
    object(
        name,
        created,
        json!({ "myASN": 1, "peerASN": 2, "peerAddress": "192.0.2.1", "nodeSelectors": selector }),
    )
}

fn nodes(names: &[&str]) -> Option<Vec<NodeFacts>> {
    let node = |name: &&str| {
        let node = json!({ "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name } } });
        ferrolb_api::decode::<ferrolb_api::core::Node>(&node)
            .unwrap()
            .observe()
    };
    Some(names.iter().map(node).collect())
}

#[test]
fn peers_contradict_each_other_only_where_they_meet() {
    let stored = |nodes| Existing {
        nodes,
        ..existing(&[(Kind::BgpPeer, peer("a", "2026-01-01T00:00:00Z", "n1"))])
    };
    let same = create(Kind::BgpPeer, &peer("b", "", "n1"));
    let other = create(Kind::BgpPeer, &peer("b", "", "n2"));
    assert!(message(&answer(&same, stored(nodes(&["n1", "n2"])))).contains("(DuplicatePeer)"));
    assert!(answer(&other, stored(nodes(&["n1", "n2"]))).is_allowed());
    assert!(
        !answer(&other, stored(nodes(&[]))).is_allowed(),
        "without a node, peers are taken to meet"
    );
    assert!(
        answer(&same, stored(None)).is_allowed(),
        "nodes that cannot be read refuse nothing"
    );
}

#[test]
fn local_preferences_contradict_each_other_on_a_node() {
    let advertisement = |name: &str, pref: u32| object(name, "", json!({ "localPref": pref }));
    let stored = Existing {
        nodes: nodes(&["n1"]),
        ..existing(&[
            (Kind::IpAddressPool, pool("p", &["192.0.2.0/24"])),
            (Kind::BgpAdvertisement, advertisement("a", 100)),
        ])
    };
    let verdict = answer(&create(Kind::BgpAdvertisement, &advertisement("b", 200)), stored);
    assert!(message(&verdict).starts_with("spec.localPref: "), "{verdict:?}");
}

#[test]
fn nodes_that_nothing_tells_apart_are_looked_at_once() {
    let names: Vec<String> = (0..5000).map(|n| format!("n{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let nodes = nodes(&names).unwrap();
    let stored = existing(&[(Kind::BgpPeer, peer("a", "", "n1"))]);
    let world = World::new(stored, &rules(), Kind::BgpPeer);
    assert_eq!(unlike(&nodes, world.resolver.config()).count(), 2);
}

#[test]
fn an_older_version_of_a_peer_is_understood() {
    let mut peer = object(
        "tor",
        "",
        json!({ "myASN": 1, "peerASN": 1, "peerAddress": "192.0.2.1", "ebgpMultiHop": true }),
    );
    peer["apiVersion"] = json!("metallb.io/v1beta1");
    let verdict = answer(&create(Kind::BgpPeer, &peer), Existing::default());
    assert!(
        message(&verdict).starts_with("spec.ebgpMultiHop: "),
        "{verdict:?}"
    );
}

#[test]
fn subresources_and_other_operations_are_nobodys_business() {
    let bad = pool("a", &["nonsense"]);
    for request in [
        json!({ "operation": "UPDATE", "subResource": "status", "namespace": NAMESPACE, "object": bad }),
        json!({ "operation": "CONNECT", "object": bad }),
        json!({}),
    ] {
        assert_eq!(
            answer(&review(Kind::IpAddressPool, request), Existing::default()),
            Verdict::allowed()
        );
    }
}
