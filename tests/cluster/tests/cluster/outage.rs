//! An API server that goes away costs nothing that is announced.

use std::collections::BTreeSet;

use anyhow::Result;
use ferrolb_tests_cluster::{Cluster, Roles, eventually};

use crate::{apply_examples, create_another};

#[test]
fn nothing_is_withdrawn_while_the_api_server_is_away() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        cluster.add_node()?;
        let _controller = cluster.start_controller()?;
        let _speakers = cluster.start_speakers()?;
        let addresses = apply_examples(cluster)?;
        for &address in &addresses {
            eventually("the client finds the address", || cluster.client.who_has(address))?;
            eventually("the page comes", || cluster.client.fetch(address))?;
        }

        cluster.plane.kill_server();

        for &address in &addresses {
            let who: BTreeSet<_> = cluster.client.who_has(address)?.into_iter().collect();
            assert_eq!(who, BTreeSet::from([cluster.nodes()[0].mac()]));
            assert_eq!(cluster.client.fetch(address)?, "hello from n1");
        }

        cluster.plane.start_server()?;

        let more = create_another(cluster, "another")?;
        assert!(
            addresses.iter().all(|address| !more.contains(address)),
            "{more:?} are other addresses"
        );
        cluster.set_endpoints("another")?;
        for address in more.into_iter().chain(addresses) {
            eventually("the client finds the address", || cluster.client.who_has(address))?;
        }
        Ok(())
    })
}

#[test]
fn processes_started_while_the_api_server_is_away_begin_when_it_is_back() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let kubeconfig = cluster.plane.account_kubeconfig("controller")?;
        cluster.plane.kill_server();

        let controller = cluster.spawn_controller(&kubeconfig)?;
        eventually("the controller says that it waits", || {
            anyhow::ensure!(
                controller.log()?.contains("\"level\":\"warn\"")
                    || controller.log()?.contains("\"level\":\"error\"")
            );
            Ok(())
        })?;
        cluster.plane.start_server()?;

        apply_examples(cluster)?;
        let complaints = controller
            .log()?
            .lines()
            .filter(|line| !line.contains("\"level\":\"info\""))
            .count();
        assert!(
            complaints <= 10,
            "one line per change of state, not a stream:\n{}",
            controller.log()?
        );
        Ok(())
    })
}
