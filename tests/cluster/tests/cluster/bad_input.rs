//! One bad object harms only itself.

use anyhow::{Result, ensure};
use ferrolb_tests_cluster::{Cluster, Kubectl, Roles, eventually};
use serde_json::Value;

use crate::{apply_examples, create_another};

const BAD_POOL: &str = "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: bad, namespace: metallb-system}
spec: {addresses: [192.168.20.1-192.168.20.300]}
";

#[test]
fn a_pool_that_does_not_parse_is_refused_with_an_event_and_the_others_serve() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let controller = cluster.start_controller()?;

        cluster.plane.kubectl.apply_text(BAD_POOL)?;
        apply_examples(cluster)?;

        let events = eventually("an event tells what is wrong", || {
            let events = cluster
                .plane
                .kubectl
                .events("metallb-system", "IPAddressPool", "bad")?;
            anyhow::ensure!(!events.is_empty(), "no event about the pool");
            Ok(events)
        })?;
        for text in [&events.join("\n"), &controller.log()?] {
            assert!(text.contains("192.168.20.300"), "the value is named: {text}");
            assert!(text.contains("spec.addresses[0]"), "the field is named: {text}");
        }
        assert!(
            events.iter().all(|event| event.starts_with("Warning ")),
            "{events:?}"
        );
        Ok(())
    })
}

#[test]
fn a_bad_edit_of_a_pool_takes_no_address_away() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let kubectl = &cluster.plane.kubectl;
        let _controller = cluster.start_controller()?;
        let addresses = apply_examples(cluster)?;

        let patch = r#"{"spec": {"addresses": ["192.168.10.240-nonsense"]}}"#;
        kubectl.run([
            "patch",
            "ipaddresspool",
            "-n",
            "metallb-system",
            "lan",
            "--type=merge",
            "-p",
            patch,
        ])?;

        eventually("an event tells what is wrong", || {
            let events = kubectl.events("metallb-system", "IPAddressPool", "lan")?;
            anyhow::ensure!(
                events.iter().any(|event| event.contains("nonsense")),
                "{events:?}"
            );
            Ok(())
        })?;
        assert_eq!(kubectl.addresses("web")?, addresses);
        Ok(())
    })
}

fn edit_pool(kubectl: &Kubectl, addresses: &str) -> Result<String> {
    let patch = format!(r#"{{"spec": {{"addresses": [{addresses}]}}}}"#);
    let pool = ["ipaddresspool", "-n", "metallb-system", "lan"];
    kubectl.run(
        ["patch"]
            .into_iter()
            .chain(pool)
            .chain(["--type=merge", "-p", &patch]),
    )
}

fn reported(kubectl: &Kubectl, component: &str, result: &str) -> Result<Value> {
    eventually("the component reports", || {
        let state = kubectl.get("configurationstate", "metallb-system", component)?;
        ensure!(
            state["status"]["result"] == result,
            "{component}: {}",
            state["status"]
        );
        Ok(state)
    })
}

/// All processes are killed while an edit is refused, and started again.
fn a_bad_edit_and_a_crash_change_nothing(roles: Roles) -> Result<()> {
    Cluster::run(roles, |cluster| {
        cluster.add_node()?;
        let controller = cluster.start_controller()?;
        let speakers = cluster.start_speakers()?;
        let addresses = apply_examples(cluster)?;
        for &address in &addresses {
            eventually("the client finds the address", || cluster.client.who_has(address))?;
        }
        let kubectl = &cluster.plane.kubectl;
        let good = kubectl.get("ipaddresspool", "metallb-system", "lan")?["spec"]["addresses"].clone();
        for component in ["controller", "speaker-n1"] {
            reported(kubectl, component, "Valid")?;
        }

        edit_pool(kubectl, r#""192.168.10.240-nonsense""#)?;
        for component in ["controller", "speaker-n1"] {
            let state = reported(kubectl, component, "Invalid")?;
            let summary = state["status"]["errorSummary"].as_str().unwrap_or_default();
            assert!(
                summary.contains("IPAddressPool lan spec.addresses[0]"),
                "{summary}"
            );
        }
        let told = || kubectl.events("metallb-system", "IPAddressPool", "lan");
        eventually("an event tells what is wrong", || {
            ensure!(!told()?.is_empty());
            Ok(())
        })?;
        let (events, service) = (told()?, kubectl.get("service", "default", "web")?);
        // SIGKILL.
        drop((controller, speakers));
        let before = cluster.plane.audit.writes_of("speaker")?.len();

        let _controller = cluster.start_controller()?;
        let _speakers = cluster.start_speakers()?;
        create_another(cluster, "another")?;
        for &address in &addresses {
            eventually("the client finds the address", || cluster.client.who_has(address))?;
        }
        assert_eq!(
            kubectl.get("service", "default", "web")?,
            service,
            "nobody touched it"
        );
        assert_eq!(told()?, events, "the refusal is told once");
        let writes = cluster.plane.audit.writes_of("speaker")?.split_off(before);
        assert!(
            writes.iter().all(|request| request.resource == "events"),
            "nothing is reported that stands there already: {writes:#?}"
        );

        let good: Vec<String> = good
            .as_array()
            .into_iter()
            .flatten()
            .map(Value::to_string)
            .collect();
        edit_pool(kubectl, &good.join(","))?;
        for component in ["controller", "speaker-n1"] {
            let state = reported(kubectl, component, "Valid")?;
            assert!(
                state["metadata"]["annotations"].is_null(),
                "nothing is kept: {state}"
            );
        }
        assert_eq!(kubectl.addresses("web")?, addresses);
        Ok(())
    })
}

#[test]
fn a_bad_edit_and_a_crash_change_no_address_and_no_announcement() -> Result<()> {
    a_bad_edit_and_a_crash_change_nothing(Roles::Shipped)
}

#[test]
fn under_the_roles_of_metallb_a_bad_edit_and_a_crash_change_nothing_either() -> Result<()> {
    a_bad_edit_and_a_crash_change_nothing(Roles::Reference)
}
