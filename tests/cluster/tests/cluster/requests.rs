//! What a Service asks for in vain, and statuses that the API server does not take.

use anyhow::{Context as _, Result, ensure};
use ferrolb_tests_cluster::{Cluster, Roles, eventually};
use serde_json::{Value, json};

use crate::create_another;

const POOL: &str = r#"{"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
    "metadata": {"name": "small", "namespace": "metallb-system"}, "spec": {"addresses": ["10.64.0.0/30"]}}"#;

/// Refuses every status of this Service, as any admission policy may: 422 with reason `Invalid`.
const POLICY: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-status}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [UPDATE], resources: [services/status]}]
  matchConditions: [{name: one, expression: object.metadata.name == 'barred'}]
  validations: [{expression: 'false', message: statuses are barred here, reason: Invalid}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-status}
spec: {policyName: no-status, validationActions: [Deny]}
"#;

fn web(cluster: &Cluster) -> Result<Value> {
    cluster.plane.kubectl.get("service", "default", "web")
}

fn ask(cluster: &Cluster, annotation: &str) -> Result<String> {
    let kubectl = &cluster.plane.kubectl;
    kubectl.run(["annotate", "--overwrite", "service", "web", annotation])
}

fn status_writes(cluster: &Cluster) -> Result<usize> {
    let writes = cluster.plane.audit.writes_of("controller")?;
    let status = writes
        .iter()
        .filter(|write| write.resource == "services/status" && write.object == "default/web");
    Ok(status.filter(|write| write.code == 200).count())
}

/// Waits until the status of `web` has this many conditions.
fn until_conditions(cluster: &Cluster, count: usize) -> Result<Vec<Value>> {
    eventually("so many conditions", || {
        let web = web(cluster)?;
        let conditions = web["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        ensure!(conditions.len() == count, "{conditions:#?}");
        Ok(conditions)
    })
}

/// `web` holds 10.64.0.0 and asks for what `other` holds; others have written into its status.
fn an_unmet_request_is_a_condition_beside_what_others_wrote(roles: Roles) -> Result<()> {
    Cluster::run(roles, |cluster| {
        let kubectl = &cluster.plane.kubectl;
        let _controller = cluster.start_controller()?;
        kubectl.apply_text(POOL)?;
        for name in ["web", "other"] {
            create_another(cluster, name)?;
        }
        let held = web(cluster)?["status"]["loadBalancer"]["ingress"][0]["ip"].clone();
        let ports = json!([{ "port": 80, "protocol": "TCP" }]);
        let entry = json!({ "ip": held, "ipMode": "Proxy", "ports": ports });
        let foreign = json!({ "type": "example.com/Ready", "status": "True", "reason": "Is", "message": "",
                              "lastTransitionTime": "2023-01-01T00:00:00Z" });
        let ingress = json!([entry, { "hostname": "lb.example" }]);
        let patch = json!({ "status": { "loadBalancer": { "ingress": ingress }, "conditions": [foreign] } });
        let patch = patch.to_string();
        kubectl.run([
            "patch",
            "service",
            "web",
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ])?;
        let before = (
            web(cluster)?["status"]["loadBalancer"].clone(),
            status_writes(cluster)?,
        );

        let other = kubectl.get("service", "default", "other")?;
        let taken = other["status"]["loadBalancer"]["ingress"][0]["ip"].as_str();
        let wish = format!("metallb.io/loadBalancerIPs={}", taken.context("an address")?);
        ask(cluster, &wish)?;
        let conditions = until_conditions(cluster, 2)?;
        assert_eq!(conditions[0], foreign);
        println!("measure cluster/request-met {}", conditions[1]);
        let (kind, reason) = (&conditions[1]["type"], &conditions[1]["reason"]);
        assert_eq!(
            (kind, reason),
            (&json!("ferrolb.io/RequestMet"), &json!("AddressInUse"))
        );
        kubectl.run([
            "wait",
            "--for=condition=ferrolb.io/RequestMet=False",
            "--timeout=10s",
            "service/web",
        ])?;
        assert_eq!(web(cluster)?["status"]["loadBalancer"], before.0);
        assert_eq!(status_writes(cluster)?, before.1 + 1);

        ask(cluster, "metallb.io/loadBalancerIPs-")?;
        assert_eq!(until_conditions(cluster, 1)?, std::slice::from_ref(&foreign));
        assert_eq!(web(cluster)?["status"]["loadBalancer"], before.0);
        assert_eq!(status_writes(cluster)?, before.1 + 2);

        ask(cluster, &wish)?;
        until_conditions(cluster, 2)?;
        kubectl.run(["delete", "service", "other"])?;
        assert_eq!(until_conditions(cluster, 1)?, [foreign]);
        let moved = web(cluster)?["status"]["loadBalancer"]["ingress"].clone();
        assert_eq!(moved[0]["ip"].as_str(), taken);
        assert_eq!(moved[1], json!({ "hostname": "lb.example" }));
        assert_eq!(
            status_writes(cluster)?,
            before.1 + 4,
            "condition and address in one write"
        );
        Ok(())
    })
}

#[test]
fn an_unmet_request_is_a_condition_under_the_shipped_roles() -> Result<()> {
    an_unmet_request_is_a_condition_beside_what_others_wrote(Roles::Shipped)
}

#[test]
fn an_unmet_request_is_a_condition_under_the_roles_of_metallb() -> Result<()> {
    an_unmet_request_is_a_condition_beside_what_others_wrote(Roles::Reference)
}

#[test]
fn a_status_that_the_api_server_finds_invalid_is_told_once_and_harms_nobody_else() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let kubectl = &cluster.plane.kubectl;
        let _controller = cluster.start_controller()?;
        kubectl.apply_text(POLICY)?;
        let barred = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "barred" },
                             "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] } });
        // A policy is in force a moment after it is stored.
        let admits = || {
            kubectl.run([
                "patch",
                "service",
                "barred",
                "--subresource=status",
                "--type=merge",
                "-p",
                r#"{"status": {"conditions": []}}"#,
            ])
        };
        kubectl.apply_text(&barred.to_string())?;
        eventually("the policy is in force", || {
            ensure!(admits().is_err(), "it admits everything");
            Ok(())
        })?;

        kubectl.apply_text(POOL)?;
        let refused = || {
            let writes = cluster.plane.audit.writes_of("controller")?;
            let of_it = writes
                .into_iter()
                .filter(|write| write.object == "default/barred");
            Ok::<_, anyhow::Error>(
                of_it
                    .filter(|write| write.resource == "services/status")
                    .collect::<Vec<_>>(),
            )
        };
        let told = || {
            let events = kubectl.events("default", "Service", "barred")?;
            let told = events.into_iter().filter(|event| event.contains("StatusRefused"));
            Ok::<_, anyhow::Error>(told.collect::<Vec<String>>())
        };
        eventually("it is told", || {
            ensure!(told()?.len() == 1);
            Ok(())
        })?;
        let told_first = told()?;
        assert!(
            told_first[0].contains("statuses are barred here"),
            "{told_first:?}"
        );
        create_another(cluster, "another")?;
        create_another(cluster, "third")?;
        let codes: Vec<u64> = refused()?.iter().map(|write| write.code).collect();
        assert_eq!(codes, [422], "and it is not tried again at once");
        assert_eq!(told()?, told_first);
        Ok(())
    })
}
