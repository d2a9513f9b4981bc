//! From a Service to a page.

use std::collections::BTreeSet;

use anyhow::Result;
use ferrolb_tests_cluster::{Cluster, Roles, eventually};

use crate::{WEB, apply_examples};

#[test]
fn a_client_fetches_a_page_through_the_address_of_a_service() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        cluster.add_node()?;
        cluster.add_node()?;
        let _controller = cluster.start_controller()?;
        let _speakers = cluster.start_speakers()?;

        let addresses = apply_examples(cluster)?;

        let nodes: BTreeSet<_> = cluster
            .nodes()
            .iter()
            .map(ferrolb_tests_cluster::Node::mac)
            .collect();
        for address in addresses {
            let answers = eventually("the client finds the address", || cluster.client.who_has(address))?;
            let who: BTreeSet<_> = answers.into_iter().collect();
            assert_eq!(who.len(), 1, "one node answers for {address}, not {who:?}");
            assert!(who.is_subset(&nodes), "{who:?} is a node");
            // kube-proxy takes up to a second for its rules.
            let page = eventually("the page comes", || cluster.client.fetch(address))?;
            assert!(page.starts_with("hello from n"), "{page}");
        }
        Ok(())
    })
}

#[test]
fn nobody_answers_any_more_once_the_service_is_deleted() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        cluster.add_node()?;
        let _controller = cluster.start_controller()?;
        let _speakers = cluster.start_speakers()?;
        let addresses = apply_examples(cluster)?;
        for &address in &addresses {
            eventually("the client finds the address", || cluster.client.who_has(address))?;
        }

        cluster.plane.kubectl.run(["delete", "service", WEB])?;

        for address in addresses {
            eventually("the address is silent", || {
                match cluster.client.who_has(address) {
                    Ok(answers) => anyhow::bail!("{answers:?} still answer"),
                    Err(_) => Ok(()),
                }
            })?;
        }
        Ok(())
    })
}

#[test]
fn kubectl_shows_the_address_and_what_happened() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let _controller = cluster.start_controller()?;

        let addresses = apply_examples(cluster)?;

        let shown = cluster.plane.kubectl.run(["get", "service", WEB])?;
        assert!(
            addresses
                .iter()
                .all(|address| shown.contains(&address.to_string())),
            "{shown}"
        );
        let events = eventually("the event is there", || {
            let events = cluster.plane.kubectl.events("default", "Service", WEB)?;
            anyhow::ensure!(!events.is_empty(), "no event about the Service");
            Ok(events)
        })?;
        assert!(
            events
                .iter()
                .any(|event| event.starts_with("Normal IPAllocated: ")),
            "{events:?}"
        );
        let service = cluster.plane.kubectl.get("service", "default", WEB)?;
        assert_eq!(
            service["metadata"]["annotations"]["metallb.io/ip-allocated-from-pool"],
            "lan"
        );
        Ok(())
    })
}
