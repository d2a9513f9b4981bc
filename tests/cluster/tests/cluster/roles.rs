//! The processes run as their ServiceAccounts: what they need is allowed, and nothing else.

use anyhow::Result;
use ferrolb_tests_cluster::{Cluster, Request, Roles, eventually};

use crate::{apply_examples, create_another};

#[test]
fn the_shipped_roles_allow_everything_that_is_asked_for() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        cluster.add_node()?;
        let _controller = cluster.start_controller()?;
        let _speakers = cluster.start_speakers()?;

        for address in apply_examples(cluster)? {
            eventually("the client finds the address", || cluster.client.who_has(address))?;
        }
        create_another(cluster, "another")?;

        for account in ["controller", "speaker"] {
            let requests = cluster.plane.audit.requests_of(account)?;
            assert!(!requests.is_empty(), "the {account} runs as its ServiceAccount");
            let refused: Vec<&Request> = requests.iter().filter(|request| request.code == 403).collect();
            assert!(refused.is_empty(), "{refused:#?}");
        }
        Ok(())
    })
}

#[test]
fn the_shipped_roles_allow_no_more_than_that() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let may = |account: &str, verb: &str, resource: &str| {
            let user = format!("--as=system:serviceaccount:metallb-system:{account}");
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            let subresource = format!("--subresource={subresource}");
            let question = [
                "auth",
                "can-i",
                verb,
                resource,
                "-n",
                "metallb-system",
                &user,
                &subresource,
            ];
            // `no` comes with exit status 1.
            cluster.plane.kubectl.run(question).is_ok()
        };

        assert!(may("controller", "patch", "services/status"));
        assert!(may("speaker", "watch", "endpointslices"));
        for account in ["controller", "speaker"] {
            for verb in ["update", "patch", "delete", "create"] {
                assert!(!may(account, verb, "services"), "{account} {verb} services");
                // Reservations are recorded in an annotation of the pool.
                let records_reservations = account == "controller" && verb == "patch";
                assert_eq!(
                    may(account, verb, "ipaddresspools"),
                    records_reservations,
                    "{account} {verb} ipaddresspools"
                );
            }
            for resource in ["nodes/status", "pods/log", "deployments"] {
                assert!(!may(account, "get", resource), "{account} get {resource}");
            }
            // A speaker finds the others by their Pods.
            assert_eq!(
                may(account, "list", "pods"),
                account == "speaker",
                "{account} list pods"
            );
            assert!(!may(account, "watch", "pods"), "{account} watch pods");
            // Of the ConfigMaps the speaker may read the one of raw configuration, by its name.
            for verb in ["get", "list", "watch"] {
                assert!(!may(account, verb, "configmaps"), "{account} {verb} configmaps");
            }
        }
        assert!(!may("speaker", "patch", "services/status"));
        Ok(())
    })
}

#[test]
fn only_the_binary_exchanged_the_roles_of_metallb_suffice() -> Result<()> {
    Cluster::run(Roles::Reference, |cluster| {
        cluster.add_node()?;
        let controller = cluster.start_controller()?;
        let _speakers = cluster.start_speakers()?;

        for address in apply_examples(cluster)? {
            eventually("the client finds the address", || cluster.client.who_has(address))?;
            let page = eventually("the page comes", || cluster.client.fetch(address))?;
            assert_eq!(page, "hello from n1");
        }
        let service = cluster.plane.kubectl.get("service", "default", "web")?;
        assert_eq!(
            service["metadata"]["annotations"]["metallb.io/ip-allocated-from-pool"],
            "lan"
        );
        let log = controller.log()?;
        let warnings = log
            .matches("so there is no leader election, as in MetalLB")
            .count();
        assert_eq!(warnings, 1, "what the roles do not allow is said once\n{log}");
        Ok(())
    })
}
