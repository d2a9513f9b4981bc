//! `ferrolb doctor` and `ferrolb status` on a real API server with its roles.

use anyhow::{Result, ensure};
use ferrolb_tests_cluster::{Cluster, Roles, eventually};
use serde_json::{Value, json};

use crate::apply_examples;

/// What the Deployment and the DaemonSet would have made: nothing runs pods here.
const PODS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: controller-x, namespace: metallb-system, labels: {component: controller}}
spec:
  nodeName: n1
  serviceAccountName: controller
  containers: [{name: controller, image: localhost/ferrolb}]
---
apiVersion: v1
kind: Pod
metadata: {name: speaker-x, namespace: metallb-system, labels: {component: speaker}}
spec:
  nodeName: n1
  serviceAccountName: speaker
  containers: [{name: speaker, image: localhost/ferrolb}]
";

/// What the kubelet would have written: the pod of the speaker is ready at the address of its node.
fn set_ready(cluster: &Cluster) -> Result<()> {
    let address = cluster.nodes()[0].address();
    let ready = json!([{ "type": "Ready", "status": "True" }]);
    let status = json!({ "status": { "phase": "Running", "podIP": address, "podIPs": [{ "ip": address }], "conditions": ready } });
    let patch = status.to_string();
    let kubectl = &cluster.plane.kubectl;
    let pod = [
        "patch",
        "pod",
        "speaker-x",
        "-n",
        "metallb-system",
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ];
    kubectl.run(pod).map(drop)
}

/// Result and messages of a check.
fn findings(report: &Value, name: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().into_iter().flatten();
    let own = checks.filter(|check| check["name"] == name);
    own.map(|check| (text(&check["result"]), text(&check["message"])))
        .collect()
}

fn ensure_ok(report: &Value, name: &str) -> Result<()> {
    let found = findings(report, name);
    ensure!(
        !found.is_empty() && found.iter().all(|(result, _)| result == "ok"),
        "{name}: {found:#?}"
    );
    Ok(())
}

#[test]
fn the_shipped_installation_is_found_sound_and_its_owner_is_shown() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        cluster.add_node()?;
        let _controller = cluster.start_controller()?;
        let _speakers = cluster.start_speakers()?;
        cluster.plane.kubectl.apply_text(PODS)?;
        let addresses = apply_examples(cluster)?;

        let report = cluster.ask(&["doctor", "--only", "cluster"], None)?;
        for name in [
            "api-server",
            "clock",
            "definitions",
            "roles",
            "configuration",
            "pools",
            "advertisements",
            "reports",
        ] {
            ensure_ok(&report, name)?;
        }
        let status = eventually("the owner is known", || {
            let status = cluster.ask(&["status"], None)?;
            ensure!(status["addresses"][0]["owners"][0] == "n1", "{status:#}");
            Ok(status)
        })?;
        let shown = status["addresses"].as_array().map(Vec::len);
        ensure!(shown == Some(addresses.len()), "{status:#}");
        ensure!(status["leader"]["isCurrent"] == true, "{status:#}");
        Ok(())
    })
}

/// The API server connects the command with the speaker, so nothing but a kubeconfig is needed.
#[test]
fn speakers_are_asked_through_the_api_server_for_owners_and_ring() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        cluster.add_node()?;
        cluster.plane.kubectl.apply_text(PODS)?;
        set_ready(cluster)?;
        let _controller = cluster.start_controller()?;
        let _speakers = cluster.start_ring()?;
        apply_examples(cluster)?;
        let status = eventually("the speaker tells what it announces", || {
            let status = cluster.ask(&["status"], None)?;
            ensure!(status["addresses"][0]["state"] == "announced", "{status:#}");
            Ok(status)
        })?;
        ensure!(status["unknown"] == json!([]), "{status:#}");
        ensure!(
            status["nodes"][0]["speaker"] == "ready" && status["nodes"][0]["addresses"] == 2,
            "{status:#}"
        );
        let view = json!({ "node": "n1", "members": 1, "out": 0 });
        ensure!(
            status["ring"] == json!({ "agree": true, "views": [view] }),
            "{status:#}"
        );

        let speaker = cluster.plane.account_kubeconfig("speaker")?;
        let status = cluster.ask(&["status"], Some(&speaker))?;
        ensure!(
            status["addresses"][0]["owners"] == json!(["n1"]),
            "from ServiceL2Status: {status:#}"
        );
        let unknown = status["unknown"].to_string();
        ensure!(
            unknown.contains("pods/proxy") || unknown.contains("pods \\"),
            "{unknown}"
        );
        ensure!(status.get("ring").is_none(), "{status:#}");
        Ok(())
    })
}

#[test]
fn under_the_roles_of_metallb_it_says_what_is_lost_and_nothing_vital_is() -> Result<()> {
    Cluster::run(Roles::Reference, |cluster| {
        cluster.add_node()?;
        cluster.plane.kubectl.apply_text(PODS)?;
        let report = cluster.ask(&["doctor", "--only", "cluster"], None)?;
        let roles = findings(&report, "roles");
        ensure!(roles.iter().all(|(result, _)| result != "failed"), "{roles:#?}");
        let lost = roles.iter().filter(|(result, _)| result == "warning");
        let lost: Vec<&str> = lost.map(|(_, message)| &**message).collect();
        ensure!(lost.len() == 2, "{lost:#?}");
        ensure!(
            lost.iter().any(|message| message.contains("no leader election")),
            "{lost:#?}"
        );
        Ok(())
    })
}

#[test]
fn a_speaker_may_ask_about_its_own_rights_and_says_what_it_may_not_see() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        cluster.add_node()?;
        cluster.plane.kubectl.apply_text(PODS)?;
        let speaker = cluster.plane.account_kubeconfig("speaker")?;
        let report = cluster.ask(&["doctor", "--only", "cluster"], Some(&speaker))?;
        let roles = findings(&report, "roles");
        ensure!(
            roles
                .iter()
                .any(|(result, message)| result == "ok" && message.contains("metallb-system/speaker")),
            "{roles:#?}"
        );
        ensure!(
            roles
                .iter()
                .any(|(result, message)| result == "notChecked"
                    && message.contains("metallb-system/controller")),
            "{roles:#?}"
        );
        for name in ["definitions", "kube-proxy", "webhooks"] {
            let found = findings(&report, name);
            ensure!(
                found.iter().all(|(result, _)| result == "notChecked") && !found.is_empty(),
                "{name}: {found:#?}"
            );
        }
        ensure_ok(&report, "configuration")
    })
}
