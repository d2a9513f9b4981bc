//! Real `kubectl` as the judge of the server: what a user does with it works here.
//!
//! Without `kubectl` in `PATH` each test prints that it is skipped; with `FERROLB_REQUIRE_KUBECTL` set it fails.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails has failed")]

mod harness;

use harness::Cluster;
use serde_json::{Value, json};

const WEB: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web}}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports:
  - {name: http, port: 80}
  - {name: https, port: 443}
";

const POOL: &str = "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: first, namespace: metallb-system}
spec: {addresses: [192.0.2.0/24, 2001:db8::/112]}
";

fn give_address(cluster: &Cluster, name: &str, address: &str) {
    let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}).to_string();
    let patch = ["--subresource=status", "--type=merge", "-p", &status];
    cluster.run(&[&["patch", "svc", name], &patch[..]].concat());
}

#[test]
fn get_wide_shows_columns_of_built_in_and_custom_kinds() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.apply(WEB);
    cluster.apply(POOL);
    let waiting = cluster.run(&["get", "svc", "web", "-o", "wide"]);
    let lines: Vec<Vec<&str>> = waiting.lines().map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(
        lines[0],
        [
            "NAME",
            "TYPE",
            "CLUSTER-IP",
            "EXTERNAL-IP",
            "PORT(S)",
            "AGE",
            "SELECTOR"
        ]
    );
    assert_eq!(
        lines[1][..5],
        [
            "web",
            "LoadBalancer",
            "10.96.0.2",
            "<pending>",
            "80:30000/TCP,443:30001/TCP"
        ]
    );
    give_address(&cluster, "web", "192.0.2.1");
    assert!(cluster.run(&["get", "svc"]).contains("192.0.2.1"));

    let pools = cluster.run(&["get", "ipaddresspools", "-A"]);
    assert!(
        pools.contains("AUTO ASSIGN") && pools.contains(r#"["192.0.2.0/24","2001:db8::/112"]"#),
        "{pools}"
    );
    let narrow = cluster.run(&["get", "l2advertisements", "-A"]);
    assert_eq!(narrow, "");
    cluster.apply("{apiVersion: metallb.io/v1beta1, kind: L2Advertisement, metadata: {name: l2, namespace: metallb-system}}");
    let narrow = cluster.run(&["get", "l2advertisements", "-A"]);
    let wide = cluster.run(&["get", "l2advertisements", "-A", "-o", "wide"]);
    assert!(
        !narrow.contains("NODE SELECTORS") && wide.contains("NODE SELECTORS"),
        "{wide}"
    );
    for kind in [
        "nodes",
        "ns",
        "pods",
        "events",
        "endpointslices",
        "leases",
        "secrets",
        "cm",
        "crds",
        "deploy",
    ] {
        cluster.run(&["get", kind, "-A", "-o", "wide"]);
    }
}

#[test]
fn apply_creates_then_leaves_alone_then_changes() {
    let Some(cluster) = Cluster::start() else { return };
    assert_eq!(cluster.apply(WEB), "service/web created\n");
    let version = cluster.field("svc/web", "{.metadata.resourceVersion}");
    assert_eq!(cluster.apply(WEB), "service/web unchanged\n");
    assert_eq!(
        cluster.field("svc/web", "{.metadata.resourceVersion}"),
        version,
        "nothing was written"
    );
    give_address(&cluster, "web", "192.0.2.1");
    let changed = WEB.replace("port: 80", "port: 81");
    assert_eq!(cluster.apply(&changed), "service/web configured\n");
    assert_eq!(cluster.field("svc/web", "{.spec.ports[*].port}"), "81 443");
    assert_eq!(
        cluster.field("svc/web", "{.status.loadBalancer.ingress[0].ip}"),
        "192.0.2.1",
        "the status stays"
    );
    let fewer = changed.replace("  - {name: https, port: 443}\n", "");
    cluster.apply(&fewer);
    assert_eq!(cluster.field("svc/web", "{.spec.ports[*].port}"), "81");
    assert_eq!(cluster.apply(POOL), "ipaddresspool.metallb.io/first created\n");
    assert_eq!(cluster.apply(POOL), "ipaddresspool.metallb.io/first unchanged\n");
}

#[test]
fn diff_shows_what_would_change_and_stores_nothing() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.apply(WEB);
    let changed = cluster.try_run(&["diff", "-f", "-"], &WEB.replace("port: 80", "port: 82"));
    let shown = changed.expect_err("kubectl diff exits with 1 when something would change");
    assert!(
        shown.contains("-    port: 80") && shown.contains("+    port: 82"),
        "{shown}"
    );
    assert_eq!(cluster.field("svc/web", "{.spec.ports[*].port}"), "80 443");
    cluster
        .try_run(&["diff", "-f", "-"], WEB)
        .expect("nothing would change");
}

#[test]
fn apply_is_validated_by_the_server() {
    let Some(cluster) = Cluster::start() else { return };
    let typo = cluster.fail(&["apply", "-f", "-"], &WEB.replace("selector:", "selectr:"));
    assert!(
        typo.contains(r#"strict decoding error: unknown field "spec.selectr""#),
        "{typo}"
    );
    let pool = POOL.replace("addresses: [", "adresses: [");
    let typo = cluster.fail(&["apply", "-f", "-"], &pool);
    assert!(typo.contains(r#"unknown field "spec.adresses""#), "{typo}");
    let missing = cluster.fail(&["apply", "--validate=warn", "-f", "-"], &pool);
    assert!(
        missing.contains(r#"Warning: unknown field "spec.adresses""#),
        "{missing}"
    );
    assert!(missing.contains("spec.addresses: Required value"), "{missing}");
    let wrong = cluster.fail(&["apply", "-f", "-"], &WEB.replace("port: 80", "port: 70000"));
    assert!(
        wrong.contains("spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive"),
        "{wrong}"
    );
    let nowhere = cluster.fail(&["apply", "-n", "nowhere", "-f", "-"], WEB);
    assert!(nowhere.contains(r#"namespaces "nowhere" not found"#), "{nowhere}");
    assert_eq!(
        cluster.run(&["get", "svc,ipaddresspools", "-A"]),
        "",
        "nothing was stored"
    );
}

#[test]
fn server_side_apply_tells_owners_apart() {
    let Some(cluster) = Cluster::start() else { return };
    let apply = |manager: &str, manifest: &str, more: &[&str]| {
        let flag = format!("--field-manager={manager}");
        cluster.try_run(
            &[&["apply", "--server-side", &flag, "-f", "-"], more].concat(),
            manifest,
        )
    };
    assert_eq!(
        apply("one", WEB, &[]).unwrap(),
        "service/web serverside-applied\n"
    );
    let version = cluster.field("svc/web", "{.metadata.resourceVersion}");
    apply("one", WEB, &[]).unwrap();
    assert_eq!(cluster.field("svc/web", "{.metadata.resourceVersion}"), version);
    let other = WEB.replace("app: web}}\nspec", "app: other}}\nspec");
    let refused = apply("two", &other, &[]).unwrap_err();
    assert!(
        refused.contains("conflict with \"one\": .metadata.labels.app"),
        "{refused}"
    );
    apply("two", &other, &["--force-conflicts"]).unwrap();
    assert_eq!(cluster.field("svc/web", "{.metadata.labels.app}"), "other");
    let without = WEB
        .replace("  - {name: https, port: 443}\n", "")
        .replace(", labels: {app: web}", "");
    apply("one", &without, &[]).unwrap();
    assert_eq!(
        cluster.field("svc/web", "{.spec.ports[*].port}"),
        "80 443",
        "the other manager still owns 443"
    );
    apply("two", &without, &[]).unwrap();
    assert_eq!(
        cluster.field("svc/web", "{.spec.ports[*].port}{.metadata.labels}"),
        "80"
    );
    // From client-side to server-side and back, as kubectl migrates it.
    cluster.apply(POOL);
    cluster
        .try_run(&["apply", "--server-side", "-f", "-"], POOL)
        .unwrap();
    assert_eq!(cluster.apply(POOL), "ipaddresspool.metallb.io/first unchanged\n");
}

#[test]
fn patches_of_every_kind_and_edits_work() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.apply(WEB);
    let patch = |kind: &str, patch: &str| cluster.run(&["patch", "svc", "web", "--type", kind, "-p", patch]);
    patch("strategic", r#"{"spec":{"ports":[{"port":8080,"name":"alt"}]}}"#);
    assert_eq!(cluster.field("svc/web", "{.spec.ports[*].port}"), "8080 80 443");
    patch("merge", r#"{"spec":{"ports":[{"port":80,"name":"http"}]}}"#);
    assert_eq!(cluster.field("svc/web", "{.spec.ports[*].port}"), "80");
    patch(
        "json",
        r#"[{"op":"test","path":"/spec/type","value":"LoadBalancer"},{"op":"replace","path":"/spec/externalTrafficPolicy","value":"Local"}]"#,
    );
    assert_eq!(cluster.field("svc/web", "{.spec.externalTrafficPolicy}"), "Local");
    let failed = cluster.fail(
        &[
            "patch",
            "svc",
            "web",
            "--type=json",
            "-p",
            r#"[{"op":"remove","path":"/spec/nothing"}]"#,
        ],
        "",
    );
    assert!(
        failed.contains("the request is invalid") || failed.contains("error in our request"),
        "{failed}"
    );

    assert_eq!(
        cluster.edit(
            "svc/web",
            "s/externalTrafficPolicy: Local/externalTrafficPolicy: Cluster/"
        ),
        "service/web edited\n"
    );
    assert_eq!(
        cluster.field(
            "svc/web",
            "{.spec.externalTrafficPolicy}{.spec.healthCheckNodePort}"
        ),
        "Cluster"
    );
    cluster.apply(POOL);
    cluster.edit(
        "-n=metallb-system ipaddresspool/first",
        "s/autoAssign: true/autoAssign: false/",
    );
    assert_eq!(
        cluster.field("-n=metallb-system ipaddresspool/first", "{.spec.autoAssign}"),
        "false"
    );
}

#[test]
fn labels_and_annotations_are_set_and_taken_away() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.apply(WEB);
    cluster.run(&["label", "svc", "web", "tier=front"]);
    cluster.run(&["annotate", "svc", "web", "metallb.io/address-pool=first"]);
    assert!(
        cluster
            .run(&["get", "svc", "-l", "tier in (front),!missing", "--show-labels"])
            .contains("tier=front")
    );
    assert_eq!(cluster.run(&["get", "svc", "-l", "tier!=front"]), "");
    assert_eq!(
        cluster.field("svc/web", r"{.metadata.annotations.metallb\.io/address-pool}"),
        "first"
    );
    cluster.run(&["label", "svc", "web", "tier-"]);
    assert_eq!(cluster.field("svc/web", "{.metadata.labels.tier}"), "");
    assert_eq!(
        cluster.run(&["get", "svc", "--field-selector", "metadata.name=other"]),
        ""
    );
}

#[test]
fn delete_waits_until_it_is_gone() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.apply(WEB);
    assert!(
        cluster
            .run(&["delete", "svc", "web", "--wait", "--timeout=10s"])
            .starts_with("service \"web\" deleted")
    );
    assert!(
        cluster
            .fail(&["get", "svc", "web"], "")
            .contains(r#"services "web" not found"#)
    );
    cluster.run(&["create", "namespace", "shop"]);
    cluster.run(&["create", "configmap", "c", "-n", "shop", "--from-literal=a=b"]);
    cluster.run(&["delete", "namespace", "shop", "--timeout=10s"]);
    assert_eq!(cluster.run(&["get", "cm", "-A"]), "");
    let kept = cluster.fail(&["delete", "namespace", "default"], "");
    assert!(kept.contains("this namespace may not be deleted"), "{kept}");

    // A finalizer holds it until it is taken away.
    cluster.apply(&WEB.replace("name: web, ", "name: web, finalizers: [example.org/hold], "));
    cluster.run(&["delete", "svc", "web", "--wait=false"]);
    assert_ne!(cluster.field("svc/web", "{.metadata.deletionTimestamp}"), "");
    cluster.run(&[
        "patch",
        "svc",
        "web",
        "--type=merge",
        "-p",
        r#"{"metadata":{"finalizers":null}}"#,
    ]);
    cluster.run(&["wait", "--for=delete", "svc/web", "--timeout=10s"]);
    cluster.apply(WEB);
    cluster.run(&["delete", "svc", "--all"]);
    assert_eq!(cluster.run(&["get", "svc"]), "");
}

#[test]
fn describe_shows_endpoints_and_events() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.apply(WEB);
    give_address(&cluster, "web", "192.0.2.1");
    cluster.apply(
        "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
          metadata: {name: web-1, labels: {kubernetes.io/service-name: web}},
          endpoints: [{addresses: [10.244.0.5]}], ports: [{name: http, port: 80}, {name: https, port: 443}]}",
    );
    let uid = cluster.field("svc/web", "{.metadata.uid}");
    cluster.create_as_client(
        "/apis/events.k8s.io/v1/namespaces/default/events",
        &json!({
            "metadata": {"name": "web.1", "namespace": "default"}, "type": "Normal", "reason": "IPAllocated",
            "note": "Assigned IP [\"192.0.2.1\"]", "action": "allocate", "eventTime": "2026-01-01T00:00:00.000000Z",
            "reportingController": "metallb-controller", "reportingInstance": "c",
            "regarding": {"apiVersion": "v1", "kind": "Service", "name": "web", "namespace": "default", "uid": uid},
        }),
    );
    let shown = cluster.run(&["describe", "svc", "web"]);
    for part in [
        "LoadBalancer Ingress:     192.0.2.1 (VIP)",
        "Endpoints:                10.244.0.5:80",
        "External Traffic Policy:  Cluster",
        "IPAllocated",
        "metallb-controller",
        r#"Assigned IP ["192.0.2.1"]"#,
    ] {
        assert!(shown.contains(part), "`{part}` is missing in\n{shown}");
    }
    assert!(
        cluster
            .run(&["events", "--for", "svc/web"])
            .contains("IPAllocated")
    );
    assert!(
        cluster
            .run(&["get", "events", "-o", "wide"])
            .contains("service/web")
    );
    cluster.apply(POOL);
    assert!(
        cluster
            .run(&["describe", "ipaddresspool", "first", "-n", "metallb-system"])
            .contains("192.0.2.0/24")
    );
}

#[test]
fn wait_and_watch_see_changes_as_they_come() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.apply(WEB);
    let mut watch = cluster.spawn(&["get", "svc", "web", "--watch"]);
    assert!(watch.line().starts_with("NAME"));
    assert!(watch.line().contains("<pending>"));
    let mut wait = cluster.spawn(&[
        "wait",
        "svc/web",
        "--timeout=20s",
        "--for=jsonpath={.status.loadBalancer.ingress[0].ip}=192.0.2.1",
    ]);
    give_address(&cluster, "web", "192.0.2.1");
    assert_eq!(wait.line(), "service/web condition met");
    assert!(watch.line().contains("192.0.2.1"));
    cluster.run(&["delete", "svc", "web"]);
    let output = cluster.spawn(&["get", "svc", "-o", "json", "--watch", "--output-watch-events"]);
    drop(output);
}

#[test]
fn create_explain_and_reviews_work() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.run(&["create", "service", "loadbalancer", "typed", "--tcp=80:8080"]);
    assert_eq!(
        cluster.field("svc/typed", "{.spec.ports[0].targetPort}{.spec.type}"),
        "8080LoadBalancer"
    );
    cluster.run(&["create", "deployment", "web", "--image=example.org/web"]);
    cluster.run(&["expose", "deployment", "web", "--port=80", "--type=LoadBalancer"]);
    assert_eq!(cluster.field("svc/web", "{.spec.selector.app}"), "web");
    assert!(
        cluster
            .run(&["explain", "service.spec.ports"])
            .contains("nodePort")
    );
    assert!(
        cluster
            .run(&["explain", "ipaddresspool.spec.autoAssign"])
            .contains("autoAssign <boolean>")
    );
    assert_eq!(cluster.run(&["auth", "can-i", "delete", "services"]), "yes\n");
    assert!(
        cluster
            .run(&["api-resources", "--api-group=metallb.io"])
            .contains("IPAddressPool")
    );
    let taken = cluster.fail(&["create", "service", "loadbalancer", "typed", "--tcp=80"], "");
    assert!(taken.contains(r#"services "typed" already exists"#), "{taken}");
}

#[test]
fn kinds_of_a_new_definition_are_served_at_once() {
    let Some(cluster) = Cluster::start() else { return };
    let schema: Value = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "integer", "minimum": 1, "default": 3}}}}});
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.org"}, "spec": {"group": "example.org", "scope": "Namespaced",
        "names": {"kind": "Thing", "plural": "things", "shortNames": ["th"]},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
            "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]}]}});
    cluster.apply(&crd.to_string());
    cluster.run(&[
        "wait",
        "--for=condition=Established",
        "crd/things.example.org",
        "--timeout=10s",
    ]);
    cluster.apply("{apiVersion: example.org/v1, kind: Thing, metadata: {name: one}, spec: {}}");
    assert!(
        cluster
            .run(&["get", "th"])
            .lines()
            .nth(1)
            .unwrap()
            .split_whitespace()
            .eq(["one", "3"])
    );
    let bad = cluster.fail(
        &["apply", "-f", "-"],
        "---\n{apiVersion: example.org/v1, kind: Thing, metadata: {name: two}, spec: {size: 0}}",
    );
    assert!(bad.contains("should be greater than or equal to 1"), "{bad}");
    cluster.run(&["delete", "crd", "things.example.org"]);
    assert!(
        cluster
            .fail(&["get", "--raw", "/apis/example.org/v1/things"], "")
            .contains("NotFound")
    );
}
