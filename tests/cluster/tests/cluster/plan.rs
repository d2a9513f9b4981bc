//! `ferrolb plan --live`: what a cluster would announce, asked of a real API server.

use std::fs;
use std::net::IpAddr;

use anyhow::{Context as _, Result};
use ferrolb_tests_cluster::{Cluster, Roles};
use serde_json::Value;

use crate::{WEB, apply_examples};

/// Everything that a plan rests on.
const KINDS: &str = "ipaddresspools,l2advertisements,bgpadvertisements,bgppeers,bfdprofiles,communities,namespaces,nodes,\
                     services,endpointslices";

/// The plan of the cluster, as administrator; the exit status must be 0.
fn live_plan(cluster: &Cluster, more: &[&str]) -> Result<Value> {
    let kubeconfig = cluster.plane.kubectl.kubeconfig().to_string_lossy();
    let arguments = ["plan", "--live", "--kubeconfig", &kubeconfig, "-o", "json"];
    let plan = cluster.ferrolb(arguments.iter().chain(more).copied())?;
    Ok(serde_json::from_str(&plan)?)
}

#[test]
fn a_live_plan_is_that_of_the_exported_objects_and_shows_the_addresses_in_use() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        cluster.add_node()?;
        let controller = cluster.start_controller()?;
        let addresses = apply_examples(cluster)?;
        // What the counters of pools say changes no plan; what is written while two are drawn up might.
        controller.stop()?;

        let live = live_plan(cluster, &[])?;

        let services = live["services"].as_array().context("no Services")?;
        let web = services.iter().find(|service| service["name"] == WEB);
        let planned: Vec<IpAddr> = serde_json::from_value(web.context("no Service `web`")?["ips"].clone())?;
        assert_eq!(planned, addresses, "{web:#?}");

        let exported = cluster.plane.kubectl.run(["get", KINDS, "-A", "-o", "yaml"])?;
        let file = cluster.directory().join("exported.yaml");
        fs::write(&file, exported)?;
        let file = file.to_string_lossy();
        let offline = cluster.ferrolb(["plan", "-f", &file, "-o", "json"])?;
        assert_eq!(live, serde_json::from_str::<Value>(&offline)?);
        Ok(())
    })
}

#[test]
fn a_plan_before_an_edit_shows_what_the_edit_would_do_and_changes_nothing() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        cluster.add_node()?;
        let controller = cluster.start_controller()?;
        apply_examples(cluster)?;
        controller.stop()?;
        let pool = cluster
            .plane
            .kubectl
            .get("ipaddresspool", "metallb-system", "lan")?;
        let file = cluster.directory().join("edited.yaml");
        let mut edited = pool.clone();
        edited["spec"]["addresses"] = serde_json::json!(["203.0.113.0/24"]);
        fs::write(&file, edited.to_string())?;

        let plan = live_plan(cluster, &["-f", &file.to_string_lossy()])?;

        let shown = plan["pools"][0].to_string();
        assert!(shown.contains("203.0.113.0"), "{plan:#}");
        assert_eq!(
            cluster
                .plane
                .kubectl
                .get("ipaddresspool", "metallb-system", "lan")?,
            pool
        );
        Ok(())
    })
}
