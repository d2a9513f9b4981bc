//! One bad object harms only itself.

use anyhow::Result;
use ferrolb_tests_cluster::{Cluster, Roles, eventually};

use crate::apply_examples;

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
