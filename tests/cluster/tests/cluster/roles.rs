//! The processes run as their ServiceAccounts: what they need is allowed, and nothing else.

use anyhow::{Result, ensure};
use ferrolb_tests_cluster::{Cluster, Request, Roles, eventually};
use serde_json::{Value, json};

use crate::{apply_examples, create_another};

/// Everything that is written, by whom.
const WRITES: [(&str, &str); 12] = [
    ("controller", "services/status"),
    ("controller", "events"),
    ("controller", "ipaddresspools"),
    ("controller", "ipaddresspools/status"),
    ("controller", "configurationstates"),
    ("controller", "configurationstates/status"),
    ("controller", "leases"),
    ("speaker", "events"),
    ("speaker", "configurationstates"),
    ("speaker", "configurationstates/status"),
    ("speaker", "servicel2statuses"),
    ("speaker", "servicel2statuses/status"),
];

/// Whether the API server took such a write.
fn is_taken(cluster: &Cluster, account: &str, resource: &str) -> Result<bool> {
    let requests = cluster.plane.audit.requests_of(account)?;
    let is_it = |r: &Request| r.is_write() && r.resource == resource && r.code < 300;
    Ok(requests.iter().any(is_it))
}

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
        cluster
            .plane
            .kubectl
            .run(["annotate", "service", "another", "ferrolb.io/reserve-as=front"])?;

        for (account, resource) in WRITES {
            eventually(&format!("the {account} writes {resource}"), || {
                ensure!(is_taken(cluster, account, resource)?);
                Ok(())
            })?;
        }
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
        for verb in ["get", "create", "update"] {
            assert!(!may("speaker", verb, "leases"), "speaker {verb} leases");
        }
        assert!(
            !may("controller", "update", "leases"),
            "any other than its own Lease"
        );
        assert!(!may("controller", "create", "servicel2statuses"));
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

#[test]
fn a_speaker_that_may_not_report_announces_all_the_same_and_says_so_once() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        cluster.add_node()?;
        let kubectl = &cluster.plane.kubectl;
        let mut role = kubectl.get("role", "metallb-system", "speaker")?;
        if let Some(rules) = role["rules"].as_array_mut() {
            for rule in rules
                .iter_mut()
                .filter(|rule| is_about(rule, "servicel2statuses"))
            {
                rule["verbs"] = json!(["list", "watch"]);
            }
            rules.retain(|rule| !is_about(rule, "servicel2statuses/status"));
        }
        kubectl.apply_text(&role.to_string())?;
        let _controller = cluster.start_controller()?;
        let speakers = cluster.start_speakers()?;

        for address in apply_examples(cluster)? {
            eventually("the client finds the address", || cluster.client.who_has(address))?;
        }
        let refused = eventually("it tries to report", || {
            let requests = cluster.plane.audit.requests_of("speaker")?;
            let refused: Vec<Request> = requests.into_iter().filter(|r| r.code == 403).collect();
            ensure!(!refused.is_empty());
            Ok(refused)
        })?;
        assert!(
            refused.iter().all(|r| r.resource == "servicel2statuses"),
            "{refused:#?}"
        );
        create_another(cluster, "another")?;
        let log = speakers[0].log()?;
        assert_eq!(log.matches("cannot write a ServiceL2Status").count(), 1, "{log}");
        Ok(())
    })
}

fn is_about(rule: &Value, resource: &str) -> bool {
    let resources = rule["resources"].as_array();
    resources.is_some_and(|all| all.iter().any(|one| one == resource))
}
