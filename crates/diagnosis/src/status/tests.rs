use serde_json::json;

use super::*;

fn pod(process: &str, name: &str, node: &str) -> Value {
    json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": name, "namespace": "metallb-system", "labels": { "component": process } },
            "spec": { "nodeName": node, "containers": [{ "image": "ferrolb:1" }] },
            "status": { "conditions": [{ "type": "Ready", "status": "True" }] } })
}

fn node(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name },
            "status": { "conditions": [{ "type": "Ready", "status": "True" }] } })
}

fn service(name: &str, ips: &[&str]) -> Value {
    let ingress: Vec<Value> = ips.iter().map(|ip| json!({ "ip": ip })).collect();
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": "default",
              "annotations": { "metallb.io/allow-shared-ip": "key" } },
            "spec": { "type": "LoadBalancer", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"], "ipFamilies": ["IPv4"],
                      "ports": [{ "port": if name == "web" { 80 } else { 81 } }] },
            "status": { "loadBalancer": { "ingress": ingress } } })
}

fn slice(name: &str) -> Value {
    json!({ "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": { "name": name, "namespace": "default", "labels": { "kubernetes.io/service-name": name } },
            "endpoints": [{ "addresses": ["10.244.0.1"], "conditions": { "ready": true } }] })
}

fn metallb(kind: &str, name: &str, content: &Value) -> Value {
    let mut object = content.clone();
    object["apiVersion"] = "metallb.io/v1beta1".into();
    object["kind"] = kind.into();
    object["metadata"] = json!({ "name": name, "namespace": "metallb-system" });
    object
}

fn owner(service: &str, node: &str) -> Value {
    let status = json!({ "node": node, "serviceName": service, "serviceNamespace": "default", "interfaces": [{ "name": "eth0" }] });
    metallb("ServiceL2Status", "l2-x", &json!({ "status": status }))
}

/// Two nodes, one Service; the election names one of the nodes for 192.0.2.1, whichever the test asks for.
fn sources() -> Sources {
    Sources {
        objects: vec![
            node("n1"),
            node("n2"),
            pod("speaker", "s1", "n1"),
            pod("speaker", "s2", "n2"),
            pod("controller", "c1", "n1"),
            metallb(
                "IPAddressPool",
                "lan",
                &json!({ "spec": { "addresses": ["192.0.2.0/28"] } }),
            ),
            metallb("L2Advertisement", "lan", &json!({ "spec": {} })),
            service("web", &["192.0.2.1"]),
            slice("web"),
        ],
        lease: "metallb-controller".to_owned(),
        now: Some(1_000),
        ..Sources::default()
    }
}

fn status(sources: &Sources) -> Status {
    let options = Options {
        namespace: "metallb-system".into(),
        ..Options::default()
    };
    Status::of(sources, &options)
}

fn elected() -> String {
    status(&sources()).addresses[0].elected.clone()
}

fn other() -> &'static str {
    if elected() == "n1" { "n2" } else { "n1" }
}

fn with_owner(node: &str) -> Sources {
    let mut sources = sources();
    sources.objects.push(owner("web", node));
    sources
}

#[test]
fn an_owner_is_whom_the_status_object_names() {
    let address = &status(&with_owner(&elected())).addresses[0];
    assert_eq!(
        (&*address.owners, address.state),
        (&[elected()][..], AddressState::Announced)
    );
    assert_eq!(
        (&*address.services, &*address.pool),
        (&["default/web".to_owned()][..], "lan")
    );
    assert_eq!(address.interfaces, ["eth0"]);
    let status = status(&with_owner(other()));
    assert_eq!(status.addresses[0].state, AddressState::NotElected);
    let owning: Vec<_> = status
        .nodes
        .iter()
        .map(|node| (&*node.name, node.addresses))
        .collect();
    assert!(
        owning.contains(&(other(), 1)) && owning.contains(&(&*elected(), 0)),
        "{owning:?}"
    );
}

fn announcing(addresses: &[&str]) -> Speaker {
    Speaker {
        announced: addresses.iter().map(|ip| (*ip).to_owned()).collect(),
        ..Speaker::default()
    }
}

#[test]
fn what_a_speaker_says_counts_more_than_a_status_object() {
    let mut sources = with_owner(other());
    sources.speakers.insert(other().to_owned(), Ok(announcing(&[])));
    sources.speakers.insert(elected(), Ok(announcing(&["192.0.2.1"])));
    assert_eq!(status(&sources).addresses[0].owners, [elected()]);
    let both = Ok(announcing(&["192.0.2.1"]));
    sources.speakers.insert(other().to_owned(), both);
    let address = &status(&sources).addresses[0];
    assert_eq!(
        (address.state, address.owners.len()),
        (AddressState::SeveralOwners, 2)
    );
}

#[test]
fn a_conflict_is_told_whoever_answers() {
    let mut sources = with_owner(&elected());
    let mut speaker = announcing(&["192.0.2.1"]);
    speaker.disputed.insert("192.0.2.1".to_owned());
    sources.speakers.insert(elected(), Ok(speaker));
    assert_eq!(status(&sources).addresses[0].state, AddressState::Conflict);
}

#[test]
fn an_address_that_nobody_announces_has_a_reason() {
    let mut sources = sources();
    assert_eq!(status(&sources).addresses[0].state, AddressState::NotReported);
    sources.objects.retain(|object| object["kind"] != "EndpointSlice");
    let address = &status(&sources).addresses[0];
    assert_eq!(
        (address.state, &*address.reasons),
        (AddressState::NotAnnounced, &["noEndpoints".to_owned()][..])
    );
}

#[test]
fn services_that_share_an_address_are_one_line() {
    let mut sources = sources();
    sources
        .objects
        .extend([service("also", &["192.0.2.1"]), slice("also")]);
    let addresses = status(&sources).addresses;
    assert_eq!(addresses.len(), 1);
    assert_eq!(addresses[0].services, ["default/also", "default/web"]);
}

#[test]
fn the_ring_is_what_the_speakers_see_and_whether_they_agree() {
    let mut sources = sources();
    assert_eq!(status(&sources).ring, None);
    let view = |members| {
        Ok(Speaker {
            ring_members: Some(members),
            ..Speaker::default()
        })
    };
    sources.speakers.insert("n1".to_owned(), view(2));
    sources.speakers.insert("n2".to_owned(), view(2));
    assert!(
        status(&sources)
            .ring
            .is_some_and(|ring| ring.agree && ring.views.len() == 2)
    );
    sources.speakers.insert("n2".to_owned(), view(1));
    let status = status(&sources);
    assert!(status.ring.is_some_and(|ring| !ring.agree));
    assert_eq!(status.nodes[1].ring_members, Some(1));
}

#[test]
fn the_leader_is_current_as_long_as_its_lease_lasts() {
    let mut sources = sources();
    assert_eq!(status(&sources).leader, None);
    let lease = json!({ "kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": { "name": "metallb-controller" },
                        "spec": { "holderIdentity": "c1", "leaseDurationSeconds": 15, "renewTime": "1970-01-01T00:16:30.000000Z",
                                  "leaseTransitions": 2 } });
    sources.objects.push(lease);
    let leader = status(&sources).leader.expect("there is a Lease");
    assert_eq!(
        (&*leader.holder, leader.renewed_seconds_ago, leader.is_current),
        ("c1", Some(10), true)
    );
    sources.now = Some(1_006);
    assert!(status(&sources).leader.is_some_and(|leader| !leader.is_current));
}

#[test]
fn what_is_not_known_is_told() {
    let mut sources = sources();
    sources.unreadable.insert("pods", "forbidden".to_owned());
    sources.objects.retain(|object| object["kind"] != "Pod");
    sources.speakers.insert("n1".to_owned(), Err("no way".to_owned()));
    let status = status(&sources);
    assert_eq!(status.nodes[0].speaker, SpeakerHealth::Unknown);
    assert_eq!(status.unknown.len(), 2);
    assert!(
        status.unknown[1].contains("the speaker on n1 could not be asked"),
        "{:?}",
        status.unknown
    );
}

#[test]
fn alerts_of_speakers_are_with_their_nodes() {
    let mut sources = sources();
    let conditions = json!([{ "type": "configReconcilerValid", "status": "True", "message": "" },
                            { "type": "nodeTrap", "status": "True", "message": "first\nsecond" }]);
    sources.objects.push(metallb(
        "ConfigurationState",
        "speaker-n2",
        &json!({ "status": { "result": "Valid", "conditions": conditions } }),
    ));
    let nodes = status(&sources).nodes;
    assert_eq!(
        (nodes[0].alerts.len(), &*nodes[1].alerts),
        (0, &["first".to_owned(), "second".to_owned()][..])
    );
}

#[test]
fn times_are_read_as_the_api_writes_them() {
    assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
    assert_eq!(seconds("2000-02-29T12:00:00.123456Z"), Some(951_825_600));
    assert_eq!(seconds("2026-11-26T07:51:18.000000Z"), Some(1_795_679_478));
    for bad in [
        "",
        "2026",
        "2026-13-01T00:00:00Z",
        "2026-11-26T07:51:18+01:00",
        "äöü-äöü",
    ] {
        assert_eq!(seconds(bad), None, "{bad}");
    }
}
