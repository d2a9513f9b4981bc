//! The server under the client library that the controller and the speaker use, in process and over a socket.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails has failed")]

use std::collections::BTreeSet;
use std::time::Duration;

use ferrolb_apiserver::{ApiServer, Options};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};

fn server() -> ApiServer {
    ApiServer::new(Options::default()).unwrap()
}

fn client(server: &ApiServer) -> Client {
    Client::new(server.clone(), "default")
}

fn services(server: &ApiServer) -> Api<Service> {
    Api::namespaced(client(server), "default")
}

fn balanced(name: &str) -> Service {
    serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "allocateLoadBalancerNodePorts": false},
    }))
    .unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("the test waited too long")
}

#[tokio::test]
async fn a_service_is_created_changed_and_deleted() {
    let server = server();
    let api = services(&server);
    let created = api
        .create(&PostParams::default(), &balanced("web"))
        .await
        .unwrap();
    let spec = created.spec.as_ref().unwrap();
    assert_eq!(spec.cluster_ip.as_deref(), Some("10.96.0.2"));
    assert_eq!(spec.external_traffic_policy.as_deref(), Some("Cluster"));

    let taken = api
        .create(&PostParams::default(), &balanced("web"))
        .await
        .unwrap_err();
    assert!(matches!(taken, kube::Error::Api(e) if e.code == 409 && e.reason == "AlreadyExists"));

    let mut changed = created.clone();
    changed.labels_mut().insert("a".into(), "b".into());
    let replaced = api
        .replace("web", &PostParams::default(), &changed)
        .await
        .unwrap();
    let again = api
        .replace("web", &PostParams::default(), &replaced)
        .await
        .unwrap();
    assert_eq!(
        again.resource_version(),
        replaced.resource_version(),
        "nothing changed"
    );
    let stale = api
        .replace("web", &PostParams::default(), &created)
        .await
        .unwrap_err();
    assert!(matches!(stale, kube::Error::Api(e) if e.code == 409 && e.reason == "Conflict"));

    api.delete("web", &DeleteParams::default()).await.unwrap();
    assert!(api.get_opt("web").await.unwrap().is_none());
}

#[tokio::test]
async fn a_status_write_keeps_the_spec_and_takes_annotations() {
    let server = server();
    let api = services(&server);
    let mut service = api
        .create(&PostParams::default(), &balanced("web"))
        .await
        .unwrap();
    service
        .annotations_mut()
        .insert("metallb.io/ip-allocated-from-pool".into(), "p".into());
    service.spec.as_mut().unwrap().type_ = Some("ClusterIP".into());
    service.status =
        serde_json::from_value(json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}})).unwrap();
    let bytes = serde_json::to_vec(&service).unwrap();
    let written: Service = serde_json::from_value(server_write(&server, "web/status", bytes).await).unwrap();
    assert_eq!(written.spec.unwrap().type_.as_deref(), Some("LoadBalancer"));
    assert!(
        written
            .metadata
            .annotations
            .unwrap()
            .contains_key("metallb.io/ip-allocated-from-pool")
    );
    let ingress = &written.status.unwrap().load_balancer.unwrap().ingress.unwrap()[0];
    assert_eq!(ingress.ip_mode.as_deref(), Some("VIP"));
}

async fn server_write(server: &ApiServer, path: &str, body: Vec<u8>) -> Value {
    let request = http::Request::put(format!("/api/v1/namespaces/default/services/{path}"))
        .body(body)
        .unwrap();
    client(server).request(request).await.unwrap()
}

#[tokio::test]
async fn a_main_write_leaves_the_status_alone() {
    let server = server();
    let api = services(&server);
    api.create(&PostParams::default(), &balanced("web"))
        .await
        .unwrap();
    let patch = Patch::Merge(json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}));
    let main = api.patch("web", &PatchParams::default(), &patch).await.unwrap();
    assert!(main.status.unwrap().load_balancer.unwrap().ingress.is_none());
    let status = api
        .patch_status("web", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert!(status.status.unwrap().load_balancer.unwrap().ingress.is_some());
}

#[tokio::test]
async fn a_watch_sees_every_change_in_order() {
    let server = server();
    let api = services(&server);
    let mut watch = api.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    api.create(&PostParams::default(), &balanced("a")).await.unwrap();
    let patch = Patch::Merge(json!({"metadata": {"labels": {"x": "1"}}}));
    api.patch("a", &PatchParams::default(), &patch).await.unwrap();
    api.delete("a", &DeleteParams::default()).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(match within(watch.try_next()).await.unwrap().unwrap() {
            WatchEvent::Added(_) => "added",
            WatchEvent::Modified(_) => "modified",
            WatchEvent::Deleted(_) => "deleted",
            _ => "other",
        });
    }
    assert_eq!(seen, ["added", "modified", "deleted"]);
}

#[tokio::test]
async fn a_watch_with_a_selector_sees_objects_come_and_go() {
    let server = server();
    let api = services(&server);
    api.create(&PostParams::default(), &balanced("a")).await.unwrap();
    let params = WatchParams::default().labels("x=1");
    let mut watch = api.watch(&params, "0").await.unwrap().boxed();
    for value in [json!("1"), json!("2")] {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"x": value}}}));
        api.patch("a", &PatchParams::default(), &patch).await.unwrap();
    }
    assert!(matches!(
        within(watch.try_next()).await.unwrap(),
        Some(WatchEvent::Added(_))
    ));
    match within(watch.try_next()).await.unwrap() {
        Some(WatchEvent::Deleted(last)) => assert_eq!(last.labels()["x"], "1", "the last state that matched"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_watch_from_a_forgotten_version_gets_410() {
    let server = server();
    let api = services(&server);
    let old = api.create(&PostParams::default(), &balanced("a")).await.unwrap();
    api.create(&PostParams::default(), &balanced("b")).await.unwrap();
    server.compact();
    let mut watch = api
        .watch(&WatchParams::default(), &old.resource_version().unwrap())
        .await
        .unwrap()
        .boxed();
    match within(watch.try_next()).await.unwrap() {
        Some(WatchEvent::Error(error)) => assert_eq!((error.code, error.reason.as_str()), (410, "Expired")),
        other => panic!("{other:?}"),
    }
    assert!(
        within(watch.try_next()).await.unwrap().is_none(),
        "the watch ends"
    );
}

#[tokio::test]
async fn pages_show_one_state_whatever_happens_between_them() {
    let server = server();
    let api = services(&server);
    for name in ["a", "b", "c", "d"] {
        api.create(&PostParams::default(), &balanced(name)).await.unwrap();
    }
    let first = api.list(&ListParams::default().limit(2)).await.unwrap();
    api.delete("c", &DeleteParams::default()).await.unwrap();
    api.create(&PostParams::default(), &balanced("c2")).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(2));
    let token = first.metadata.continue_.clone().unwrap();
    let second = api
        .list(&ListParams::default().limit(2).continue_token(&token))
        .await
        .unwrap();
    let names: Vec<String> = first
        .items
        .iter()
        .chain(&second.items)
        .map(|s| s.name_any())
        .collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    assert_eq!(second.metadata.resource_version, first.metadata.resource_version);
    server.compact();
    let gone = api
        .list(&ListParams::default().limit(2).continue_token(&token))
        .await
        .unwrap_err();
    assert!(matches!(gone, kube::Error::Api(e) if e.code == 410));
}

#[tokio::test]
async fn custom_resources_are_pruned_defaulted_and_checked() {
    let server = server();
    let pools = pools(&server);
    let pool = pool("p", json!({"addresses": ["192.0.2.0/24"], "typo": 1}));
    let created = pools.create(&PostParams::default(), &pool).await.unwrap();
    assert_eq!(
        created.data["spec"],
        json!({"addresses": ["192.0.2.0/24"], "autoAssign": true, "avoidBuggyIPs": false})
    );
    assert_eq!(created.metadata.generation, Some(1));
    let bad = self::pool("q", json!({"addresses": "192.0.2.0/24"}));
    let refused = pools.create(&PostParams::default(), &bad).await.unwrap_err();
    match refused {
        kube::Error::Api(error) => assert_eq!(
            error.message,
            "IPAddressPool.metallb.io \"q\" is invalid: [spec.addresses: Invalid value: \"string\": spec.addresses in \
             body must be of type array: \"string\", <nil>: Invalid value: null: some validation rules were not \
             checked because the object was invalid; correct the existing errors to complete validation]"
        ),
        other => panic!("{other:?}"),
    }
    let status = Patch::Merge(json!({"spec": {"autoAssign": false}, "status": {
        "assignedIPv4": 1, "assignedIPv6": 0, "availableIPv4": 255, "availableIPv6": 0}}));
    let patched = pools
        .patch_status("p", &PatchParams::default(), &status)
        .await
        .unwrap();
    assert_eq!(
        (
            &patched.data["status"]["assignedIPv4"],
            &patched.data["spec"]["autoAssign"]
        ),
        (&json!(1), &json!(true))
    );
    assert_eq!(patched.metadata.generation, Some(1));
}

fn pools(server: &ApiServer) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("metallb.io", "v1beta1", "IPAddressPool");
    Api::namespaced_with(client(server), "metallb-system", &ApiResource::from_gvk(&kind))
}

#[expect(clippy::needless_pass_by_value, reason = "values are written in place")]
fn pool(name: &str, spec: Value) -> DynamicObject {
    let kind = GroupVersionKind::gvk("metallb.io", "v1beta1", "IPAddressPool");
    DynamicObject::new(name, &ApiResource::from_gvk(&kind)).data(json!({"spec": spec}))
}

#[tokio::test]
async fn a_namespace_takes_its_contents_along_and_dependents_follow_their_owner() {
    let server = server();
    let client = client(&server);
    let put = |object: Value| server.create(object).unwrap();
    put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}));
    let owner = put(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owner", "namespace": "shop"}}),
    );
    let uid = &owner["metadata"]["uid"];
    put(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "child", "namespace": "shop",
        "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}]}}),
    );
    put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other", "namespace": "shop"}}));
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "shop");
    maps.delete("owner", &DeleteParams::default()).await.unwrap();
    let left: BTreeSet<String> = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .iter()
        .map(|m| m.name_any())
        .collect();
    assert_eq!(left, BTreeSet::from(["other".to_owned()]));
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client);
    namespaces.delete("shop", &DeleteParams::default()).await.unwrap();
    assert!(namespaces.get_opt("shop").await.unwrap().is_none());
    assert!(server.objects("configmaps").is_empty());
    let nowhere = maps
        .create(&PostParams::default(), &ConfigMap::default())
        .await
        .unwrap_err();
    assert!(matches!(nowhere, kube::Error::Api(e) if e.code == 404));
}

#[tokio::test]
async fn it_serves_a_socket_until_it_is_told_to_stop() {
    let server = server();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = {
        let server = server.clone();
        tokio::spawn(async move { server.serve(listener, async { drop(stopped.await) }).await })
    };
    let client = Client::try_from(kube::Config::new(uri.parse().unwrap())).unwrap();
    let api: Api<Service> = Api::namespaced(client.clone(), "default");
    let mut watch = api.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    api.create(&PostParams::default(), &balanced("web"))
        .await
        .unwrap();
    assert!(matches!(
        within(watch.try_next()).await.unwrap(),
        Some(WatchEvent::Added(_))
    ));
    assert_eq!(client.apiserver_version().await.unwrap().minor, "35");
    stop.send(()).unwrap();
    within(running).await.unwrap().unwrap();
    assert!(
        within(watch.try_next()).await.is_ok_and(|end| end.is_none()),
        "the watch ended in good order"
    );
}

#[tokio::test]
async fn a_watcher_that_falls_behind_is_told_410_and_let_go() {
    let server = ApiServer::new(Options {
        history: 4,
        ..Options::default()
    })
    .unwrap();
    let api = services(&server);
    api.create(&PostParams::default(), &balanced("web"))
        .await
        .unwrap();
    let mut watch = api.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    assert!(matches!(
        within(watch.try_next()).await.unwrap(),
        Some(WatchEvent::Added(_))
    ));
    for i in 0..20 {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"i": i.to_string()}}}));
        api.patch("web", &PatchParams::default(), &patch).await.unwrap();
    }
    let mut seen = 0;
    loop {
        match within(watch.try_next()).await.unwrap() {
            Some(WatchEvent::Modified(_)) => seen += 1,
            Some(WatchEvent::Error(error)) => {
                assert_eq!((error.code, error.reason.as_str()), (410, "Expired"));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(
        seen < 20,
        "changes that are no longer remembered are not made up: {seen}"
    );
    assert!(
        within(watch.try_next()).await.unwrap().is_none(),
        "the watch ends"
    );
    let patch = Patch::Merge(json!({"metadata": {"labels": {"i": "last"}}}));
    api.patch("web", &PatchParams::default(), &patch)
        .await
        .expect("writers are not held up by a slow watcher");
}

#[tokio::test]
async fn a_streamed_list_ends_with_a_bookmark_and_goes_on_as_a_watch() {
    let server = server();
    let api = services(&server);
    for name in ["a", "b"] {
        api.create(&PostParams::default(), &balanced(name)).await.unwrap();
    }
    let params = WatchParams::default().initial_events();
    let mut watch = api.watch(&params, "0").await.unwrap().boxed();
    let mut names = Vec::new();
    loop {
        match within(watch.try_next()).await.unwrap().unwrap() {
            WatchEvent::Added(service) => names.push(service.name_any()),
            WatchEvent::Bookmark(mark) => {
                let ends = mark.metadata.annotations.get("k8s.io/initial-events-end");
                assert_eq!(ends.map(String::as_str), Some("true"));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(names, ["a", "b"]);
    api.create(&PostParams::default(), &balanced("c")).await.unwrap();
    match within(watch.try_next()).await.unwrap() {
        Some(WatchEvent::Added(service)) => assert_eq!(service.name_any(), "c"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_who_has_a_token_is_let_in() {
    let tokens = ferrolb_apiserver::auth::Tokens::parse("secret,admin,1").unwrap();
    let server = ApiServer::new(Options {
        tokens: Some(tokens),
        ..Options::default()
    })
    .unwrap();
    let ask = |path: &'static str, token: Option<&'static str>| {
        let mut request = http::Request::get(path);
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let request = request.body(String::new()).unwrap();
        let server = server.clone();
        async move { server.handle(request).await.unwrap().status().as_u16() }
    };
    let services = "/api/v1/services";
    assert_eq!(ask(services, Some("secret")).await, 200);
    for token in [None, Some("guess"), Some("")] {
        assert_eq!(ask(services, token).await, 401, "{token:?}");
        assert_eq!(ask("/apis", token).await, 401, "{token:?}");
    }
    assert_eq!(
        ask("/readyz", None).await,
        200,
        "whoever watches over it has no token"
    );
}

#[tokio::test]
async fn an_old_bgp_peer_is_stored_in_the_new_version_and_read_in_both() {
    let server = server();
    let peers = |version: &str| -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("metallb.io", version, "BGPPeer"));
        Api::namespaced_with(client(&server), "metallb-system", &kind)
    };
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("metallb.io", "v1beta1", "BGPPeer"));
    let old = DynamicObject::new("p", &kind).data(json!({"spec": {
        "myASN": 1, "peerASN": 2, "peerAddress": "192.0.2.1", "holdTime": "90s",
        "nodeSelectors": [{"matchLabels": {"a": "b"}}]}}));
    let created = peers("v1beta1")
        .create(&PostParams::default(), &old)
        .await
        .unwrap();
    assert_eq!(created.data["spec"]["keepaliveTime"], "0s");
    let new = peers("v1beta2").get("p").await.unwrap();
    let spec = &new.data["spec"];
    assert_eq!(
        (&spec["holdTime"], &spec["keepaliveTime"], &spec["peerPort"]),
        (&json!("1m30s"), &json!("0s"), &json!(179)),
        "timers are always set, and the default of the new version applies"
    );
    assert_eq!(spec["nodeSelectors"], json!([{"matchLabels": {"a": "b"}}]));
    let patch = Patch::Merge(json!({"spec": {"vrf": "red"}}));
    peers("v1beta2")
        .patch("p", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert!(
        peers("v1beta1").get("p").await.unwrap().data["spec"]
            .get("vrf")
            .is_none()
    );
}

#[tokio::test]
async fn a_new_default_reaches_objects_that_are_stored_already() {
    let server = server();
    let crd = |c: Value| {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "rats.example.org"}, "spec": {"group": "example.org", "scope": "Namespaced",
                "names": {"plural": "rats", "singular": "rat", "kind": "Rat", "listKind": "RatList"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                    "type": "object", "properties": {"spec": {"type": "object", "properties": {
                        "a": {"type": "string"}, "c": c}}}}}}]}})
    };
    server.apply_manifest(crd(json!({"type": "string"}))).unwrap();
    let rat =
        json!({"apiVersion": "example.org/v1", "kind": "Rat", "metadata": {"name": "r"}, "spec": {"a": "x"}});
    let before = server.create(rat).unwrap();
    server
        .apply_manifest(crd(json!({"type": "string", "default": "new"})))
        .unwrap();
    let after = server.get("rats.example.org", "default", "r").unwrap();
    assert_eq!(after["spec"], json!({"a": "x", "c": "new"}));
    assert_eq!(after["metadata"], before["metadata"], "nothing was written");
}
