//! `ferrolb status` as users run it.

use serde_json::{Value, json};

use crate::standalone::{LAN, Standalone, until};

/// The node answers for one of two Services; the other one waits.
const CLUSTER: &str = r#"
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: waiting, namespace: default, annotations: {metallb.io/address-pool: other}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.244.0.1], nodeName: n1, conditions: {ready: true}}]
ports: [{port: 80}]
---
apiVersion: v1
kind: Pod
metadata: {name: speaker-x, namespace: metallb-system, labels: {component: speaker}}
spec: {nodeName: n1, containers: [{name: speaker, image: ferrolb}]}
---
apiVersion: metallb.io/v1beta1
kind: ServiceL2Status
metadata: {name: l2-x, namespace: metallb-system}
"#;

#[test]
fn owners_pools_and_waiting_services_are_shown_and_what_is_not_known_is_told() {
    let cluster = Standalone::start("api", &format!("{LAN}{CLUSTER}"), &[]);
    let ready = json!({ "conditions": [{ "type": "Ready", "status": "True" }] });
    cluster.set_status("/api/v1/nodes/n1", &ready);
    cluster.set_status("/api/v1/namespaces/metallb-system/pods/speaker-x", &ready);
    let addresses = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.3" }] } });
    cluster.set_status("/api/v1/namespaces/default/services/web", &addresses);
    let owner = json!({ "node": "n1", "serviceName": "web", "serviceNamespace": "default" });
    let statuses = "/apis/metallb.io/v1beta1/namespaces/metallb-system/servicel2statuses";
    cluster.set_status(&format!("{statuses}/l2-x"), &owner);
    let ask = || {
        let output = cluster.run("status", &["-o", "json"]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let status = until(ask, |status| status["nodes"][0]["addresses"] == 1);
    let address = &status["addresses"][0];
    assert_eq!(address["ip"], "192.0.2.3");
    assert_eq!(
        (&address["owners"], &address["state"]),
        (&json!(["n1"]), &json!("announced")),
        "{status:#}"
    );
    assert_eq!(status["waiting"][0]["service"], "default/waiting");
    assert_eq!(status["pools"][0]["assignedIPv4"], 1);
    assert_eq!(status.get("ring"), None, "no speaker could be asked");
    assert!(
        status["unknown"][0]
            .as_str()
            .unwrap()
            .contains("the speaker on n1 could not be asked"),
        "{status:#}"
    );
    assert_eq!(status.get("leader"), None::<&Value>);

    let text = String::from_utf8(cluster.run("status", &[]).stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "no ready controller pod is seen");
    let row = |start: &str| {
        lines
            .iter()
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("{start}: {text}"))
    };
    assert_eq!(
        row("n1").split_whitespace().collect::<Vec<_>>(),
        ["n1", "yes", "ready", "1", "?"]
    );
    assert!(row("192.0.2.3").ends_with("announced"), "{text}");
    assert!(row("lan").contains("1 of 16"), "{text}");
    assert!(
        row("not known:").contains("its view of the ring is missing"),
        "{text}"
    );
    let wide = String::from_utf8(cluster.run("status", &["-o", "wide"]).stdout).unwrap();
    assert!(
        wide.contains("ELECTED   INTERFACES") && wide.contains("ferrolb"),
        "{wide}"
    );
}
