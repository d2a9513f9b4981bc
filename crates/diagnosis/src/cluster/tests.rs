use serde_json::json;

use super::*;
use crate::check::Outcome;

fn options() -> Options {
    Options {
        namespace: "metallb-system".into(),
        ..Options::default()
    }
}

fn object(api_version: &str, kind: &str, name: &str) -> Value {
    json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name } })
}

fn configuration(kind: &str, name: &str, spec: &Value) -> Value {
    let mut object = object("metallb.io/v1beta1", kind, name);
    object["metadata"]["namespace"] = "metallb-system".into();
    object["spec"] = spec.clone();
    object
}

fn pod(process: &str, name: &str, node: &str, image: &str, ready: &str) -> Value {
    let mut pod = object("v1", "Pod", name);
    pod["metadata"]["namespace"] = "metallb-system".into();
    pod["metadata"]["labels"] = json!({ "component": process });
    pod["spec"] = json!({ "nodeName": node, "containers": [{ "image": image }] });
    pod["status"] = json!({ "conditions": [{ "type": "Ready", "status": ready }] });
    pod
}

fn service(name: &str, ip: &str) -> Value {
    let mut service = object("v1", "Service", name);
    service["metadata"]["namespace"] = "default".into();
    service["spec"] = json!({ "type": "LoadBalancer", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"],
                              "ipFamilies": ["IPv4"], "ports": [{ "port": 80 }] });
    if !ip.is_empty() {
        service["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": ip }] } });
    }
    service
}

fn slice(name: &str, namespace: &str) -> Value {
    let mut slice = object("discovery.k8s.io/v1", "EndpointSlice", name);
    slice["metadata"]["namespace"] = namespace.into();
    slice["metadata"]["labels"] = json!({ "kubernetes.io/service-name": name });
    slice["addressType"] = "IPv4".into();
    slice["endpoints"] =
        json!([{ "addresses": ["10.244.0.1"], "nodeName": "n1", "conditions": { "ready": true } }]);
    slice
}

fn owner(service: &str, node: &str) -> Value {
    let mut status = configuration("ServiceL2Status", "l2-x", &json!({}));
    status["status"] = json!({ "node": node, "serviceName": service, "serviceNamespace": "default" });
    status
}

/// One node, one pool, one Service that is announced, and everybody content.
fn healthy() -> Facts {
    let mut state = configuration("ConfigurationState", "speaker-n1", &json!({}));
    state["status"] =
        json!({ "result": "Valid", "conditions": [{ "type": "configReconcilerValid", "status": "True" }] });
    Facts {
        objects: vec![
            object("v1", "Node", "n1"),
            object("v1", "Namespace", "default"),
            configuration("IPAddressPool", "lan", &json!({ "addresses": ["192.0.2.0/28"] })),
            configuration("L2Advertisement", "lan", &json!({})),
            service("web", "192.0.2.1"),
            slice("web", "default"),
            owner("web", "n1"),
            pod("controller", "c", "n1", "ferrolb:1", "True"),
            pod("speaker", "s", "n1", "ferrolb:1", "True"),
            state,
        ],
        clock_ahead_seconds: Some(1),
        ..Facts::default()
    }
}

/// What is not as it should be: name, outcome, word.
fn complaints(facts: &Facts) -> Vec<(&'static str, Outcome, String)> {
    let checks = examine(facts, &options());
    let bad = checks
        .into_iter()
        .filter(|check| check.result > Outcome::NotChecked);
    bad.map(|check| (check.name, check.result, check.reason))
        .collect()
}

fn message(facts: &Facts, name: &str) -> String {
    let checks = examine(facts, &options());
    let check = checks
        .iter()
        .find(|check| check.name == name && check.result != Outcome::Ok);
    check.unwrap_or_else(|| panic!("{checks:#?}")).message.clone()
}

fn complaint(name: &'static str, result: Outcome, word: &str) -> (&'static str, Outcome, String) {
    (name, result, word.to_owned())
}

#[test]
fn a_healthy_cluster_has_no_complaints() {
    assert_eq!(complaints(&healthy()), []);
}

#[test]
fn a_service_that_waits_is_told_with_its_reason() {
    let mut facts = healthy();
    let mut waiting = service("waiting", "");
    waiting["metadata"]["annotations"] = json!({ "metallb.io/address-pool": "elsewhere" });
    facts.objects.push(waiting);
    let [(name, Outcome::Warning, word)] = &complaints(&facts)[..] else {
        panic!("{:?}", complaints(&facts))
    };
    assert_eq!(*name, "services");
    assert!(!word.is_empty());
    assert!(message(&facts, "services").contains("ferrolb explain svc/waiting -n default"));
}

#[test]
fn an_address_that_nobody_announces_is_told_with_the_reasons_of_the_nodes() {
    let mut facts = healthy();
    facts.objects.retain(|object| object["kind"] != "EndpointSlice");
    assert_eq!(
        complaints(&facts),
        [complaint("services", Outcome::Warning, "noEndpoints")]
    );
}

#[test]
fn an_owner_that_does_not_report_or_is_another_one_is_told() {
    let mut facts = healthy();
    facts.objects.retain(|object| object["kind"] != "ServiceL2Status");
    assert!(message(&facts, "services").contains("no speaker reports"));
    facts.objects.push(owner("web", "n9"));
    assert!(message(&facts, "services").contains("node `n9` reports"));
    facts
        .unreadable
        .insert("servicel2statuses", "forbidden".to_owned());
    assert_eq!(
        complaints(&facts),
        [],
        "what cannot be read is not held against anybody"
    );
}

#[test]
fn full_pools_and_pools_without_advertisement_are_told() {
    let mut facts = healthy();
    facts.objects.push(configuration(
        "IPAddressPool",
        "one",
        &json!({ "addresses": ["192.0.2.64/32"] }),
    ));
    facts.objects.push(service("only", "192.0.2.64"));
    facts.objects.push(slice("only", "default"));
    facts.objects.push(owner("only", "n1"));
    assert_eq!(
        complaints(&facts),
        [complaint("pools", Outcome::Warning, "PoolExhausted")]
    );
    facts.objects.retain(|object| object["kind"] != "L2Advertisement");
    let words: Vec<String> = complaints(&facts).into_iter().map(|(_, _, word)| word).collect();
    assert!(words.contains(&"NoAdvertisement".to_owned()), "{words:?}");
}

#[test]
fn the_address_of_a_node_in_a_pool_is_told() {
    let with = |address: &str| {
        let mut facts = healthy();
        facts.objects[0]["status"] = json!({ "addresses": [{ "type": "Hostname", "address": "n1" },
                                                           { "type": "InternalIP", "address": address }] });
        complaints(&facts)
    };
    assert_eq!(with("192.0.2.16"), []);
    assert_eq!(
        with("192.0.2.15"),
        [complaint("pools", Outcome::Warning, "NodeAddressInPool")]
    );
}

#[test]
fn a_refused_object_fails_and_an_invalid_report_fails() {
    let mut facts = healthy();
    facts.objects.push(configuration(
        "IPAddressPool",
        "bad",
        &json!({ "addresses": ["192.0.2.300"] }),
    ));
    assert_eq!(
        complaints(&facts),
        [complaint("configuration", Outcome::Failed, "InvalidAddress")]
    );
    let told = message(&facts, "configuration");
    assert!(
        told.starts_with("IPAddressPool metallb-system/bad spec.addresses[0]: "),
        "{told}"
    );

    let mut facts = healthy();
    let state = facts.objects.last_mut().expect("it has some");
    state["status"] = json!({ "result": "Invalid", "errorSummary": "configuration error: x\ny" });
    assert_eq!(message(&facts, "reports"), "speaker-n1: configuration error: x");
}

#[test]
fn conditions_of_speakers_that_stand_are_told() {
    let mut facts = healthy();
    let state = facts.objects.last_mut().expect("it has some");
    state["status"]["conditions"] = json!([
        { "type": "configReconcilerValid", "status": "True" },
        { "type": "addressConflict", "status": "True", "reason": "addressConflict", "message": "192.0.2.1 is also claimed" },
    ]);
    assert_eq!(
        complaints(&facts),
        [complaint("reports", Outcome::Warning, "addressConflict")]
    );
}

#[test]
fn two_programs_that_give_addresses_away_fail_and_a_mixed_ring_is_told() {
    let mut facts = healthy();
    facts.objects.push(pod(
        "controller",
        "other",
        "n1",
        "quay.io/metallb/controller:v0.15.2",
        "True",
    ));
    assert_eq!(
        complaints(&facts),
        [complaint("other-programs", Outcome::Failed, "")]
    );

    let mut facts = healthy();
    facts.objects.push(object("v1", "Node", "n2"));
    facts.objects.push(pod(
        "speaker",
        "t",
        "n2",
        "quay.io/metallb/speaker:v0.15.2",
        "True",
    ));
    let found = complaints(&facts);
    assert!(
        found.contains(&complaint("other-programs", Outcome::Warning, "")),
        "{found:?}"
    );
}

#[test]
fn a_cluster_of_metallb_alone_is_no_mixture() {
    let mut facts = healthy();
    for pod in facts.objects.iter_mut().filter(|object| object["kind"] == "Pod") {
        pod["spec"]["containers"][0]["image"] = "quay.io/metallb/x".into();
    }
    assert_eq!(complaints(&facts), []);
}

#[test]
fn controllers_and_speakers_that_are_missing_or_not_ready_are_told() {
    let mut facts = healthy();
    facts.objects.retain(|object| object["metadata"]["name"] != "c");
    assert_eq!(complaints(&facts), [complaint("controller", Outcome::Failed, "")]);

    let mut facts = healthy();
    facts.objects.push(object("v1", "Node", "n2"));
    let mut windows = object("v1", "Node", "w1");
    windows["metadata"]["labels"] = json!({ "kubernetes.io/os": "windows" });
    facts.objects.push(windows);
    let told = message(&facts, "speakers");
    assert!(told.contains("`n2`") && !told.contains("w1"), "{told}");

    let mut facts = healthy();
    facts.objects.push(object("v1", "Node", "n3"));
    facts
        .objects
        .push(pod("speaker", "u", "n3", "ferrolb:1", "False"));
    assert!(message(&facts, "speakers").contains("the speaker on `n3` is not ready"));
}

#[test]
fn without_pods_nothing_is_claimed_about_programs() {
    let mut facts = healthy();
    facts.objects.retain(|object| object["kind"] != "Pod");
    assert_eq!(complaints(&facts), []);
    assert!(message(&facts, "controller").contains("standalone"));
}

#[test]
fn what_may_not_be_read_is_not_checked_and_says_why() {
    let mut facts = healthy();
    facts
        .unreadable
        .insert("ipaddresspools", "forbidden to you".to_owned());
    for name in ["configuration", "pools", "advertisements", "services"] {
        assert!(message(&facts, name).contains("forbidden to you"), "{name}");
    }
    assert_eq!(complaints(&facts), []);
}

fn definition(fields: &Value) -> Value {
    json!({ "metadata": { "name": "l2advertisements.metallb.io" },
            "spec": { "versions": [{ "name": "v1beta1", "served": true, "schema": { "openAPIV3Schema": {
                "properties": { "spec": { "properties": fields } } } } }] } })
}

#[test]
fn definitions_that_are_missing_or_older_are_told_with_the_fields_that_they_drop() {
    let ours = definition(
        &json!({ "interfaces": {}, "preferredNodeSelectors": { "items": { "properties": { "weight": {} } } } }),
    );
    let with = |theirs: Fetched| Facts {
        definitions: vec![(ours.clone(), theirs)],
        ..healthy()
    };
    assert_eq!(complaints(&with(Fetched::Found(ours.clone()))), []);
    assert_eq!(
        complaints(&with(Fetched::Missing)),
        [complaint("definitions", Outcome::Failed, "")]
    );
    let older = definition(&json!({ "interfaces": {} }));
    let told = message(&with(Fetched::Found(older)), "definitions");
    assert!(
        told.contains("drops `v1beta1 spec.preferredNodeSelectors`; "),
        "{told}"
    );
    assert!(message(&with(Fetched::Unknown("why".to_owned())), "definitions").contains("why"));
}

#[test]
fn lacking_rights_are_told_with_what_is_lost() {
    let with = |lacking: Vec<Permission>| Facts {
        rights: vec![Rights {
            process: Process::Speaker,
            account: "metallb-system/speaker".to_owned(),
            lacking: Ok(lacking),
        }],
        ..healthy()
    };
    assert_eq!(complaints(&with(Vec::new())), []);
    let all = Process::Speaker.permissions().to_vec();
    let (vital, useful): (Vec<_>, Vec<_>) = all.into_iter().partition(|p| p.lost.is_none());
    assert_eq!(
        complaints(&with(vital)),
        [complaint("roles", Outcome::Failed, "")]
    );
    let told = message(&with(useful[..1].to_vec()), "roles");
    assert!(
        told.ends_with("the speakers do not find each other unless another one finds them"),
        "{told}"
    );
}

#[test]
fn webhooks_without_certificate_or_pod_are_as_bad_as_their_failure_policy() {
    let with = |bundle: &str, policy: &str, is_served: bool| {
        let mut facts = healthy();
        facts.webhooks = Some(Fetched::Found(json!({ "webhooks": [{
            "name": "pools", "failurePolicy": policy,
            "clientConfig": { "caBundle": bundle, "service": { "namespace": "metallb-system", "name": "hook" } } }] })));
        if is_served {
            facts.objects.push(slice("hook", "metallb-system"));
        }
        complaints(&facts)
    };
    let pem = "LS0tLS1CRUdJTiBDRVJU";
    assert_eq!(with(pem, "Fail", true), []);
    assert_eq!(
        with(pem, "Ignore", false),
        [complaint("webhooks", Outcome::Warning, "")]
    );
    assert_eq!(
        with("", "Fail", true),
        [complaint("webhooks", Outcome::Failed, "")]
    );
}

#[test]
fn trust_in_the_webhooks_that_has_ended_or_is_about_to_is_told() {
    const DAY: i64 = 24 * 3600;
    let with = |seconds: i64, policy: &str| {
        let mut facts = healthy();
        facts.webhooks = Some(Fetched::Found(json!({ "webhooks": [{
            "name": "pools", "failurePolicy": policy, "clientConfig": { "caBundle": "LS0tLS1CRUdJTiBDRVJU" } }] })));
        facts.webhook_trust_seconds = Some(seconds);
        facts
    };
    assert_eq!(complaints(&with(61 * DAY, "Fail")), []);
    for (seconds, policy, outcome, told) in [
        (59 * DAY, "Fail", Outcome::Warning, "ends within 59 day(s)"),
        (-DAY, "Ignore", Outcome::Warning, "ended up to 1 day(s) ago"),
        (-DAY, "Fail", Outcome::Failed, "nothing can be applied until then"),
    ] {
        let facts = with(seconds, policy);
        assert_eq!(complaints(&facts), [complaint("webhooks", outcome, "")]);
        assert!(message(&facts, "webhooks").contains(told), "{told}");
    }
}

#[test]
fn ipvs_without_strict_arp_in_the_configuration_of_kube_proxy_fails() {
    let with = |config: &str| Facts {
        kube_proxy: Some(Fetched::Found(json!({ "data": { "config.conf": config } }))),
        ..healthy()
    };
    for fine in [
        "mode: \"\"\n",
        "mode: iptables\nipvs:\n  strictARP: false\n",
        "ipvs:\n  strictARP: true\nmode: ipvs\n",
    ] {
        assert_eq!(complaints(&with(fine)), [], "{fine}");
    }
    for bad in ["mode: ipvs\nipvs:\n  strictARP: false\n", "mode: \"ipvs\"\n"] {
        assert_eq!(
            complaints(&with(bad)),
            [complaint("kube-proxy", Outcome::Failed, "StrictArpMissing")],
            "{bad}"
        );
    }
}

#[test]
fn clocks_that_differ_are_told() {
    let with = |ahead| Facts {
        clock_ahead_seconds: Some(ahead),
        ..healthy()
    };
    assert_eq!(complaints(&with(-9)), []);
    assert!(message(&with(-60), "clock").contains("60 s behind the API server"));
    assert!(message(&with(60), "clock").contains("60 s ahead of the API server"));
}

#[test]
fn many_findings_of_one_kind_are_counted() {
    let mut facts = healthy();
    for n in 0..50 {
        facts.objects.push(configuration(
            "IPAddressPool",
            &format!("bad{n}"),
            &json!({ "addresses": ["x"] }),
        ));
    }
    let checks = examine(&facts, &options());
    let lines: Vec<_> = checks
        .iter()
        .filter(|check| check.name == "configuration")
        .collect();
    assert_eq!(lines.len(), LINES_MAX + 1);
    assert_eq!(lines[LINES_MAX].message, "and 40 more");
    assert_eq!(lines[LINES_MAX].result, Outcome::Failed);
}
