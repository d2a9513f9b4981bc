//! `ferrolb doctor` on nodes whose kernels are set up like this or like that.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use ferrolb_tests_netns::{Host, Segment, in_private_network, process};
use serde_json::Value;

/// The exit status and the checks of the host.
fn examine(host: &Host) -> anyhow::Result<(Option<i32>, Vec<Value>)> {
    let mut command = Command::new(process::ferrolb()?);
    command
        .args([
            "doctor",
            "--only",
            "node",
            "--node-name",
            &host.name,
            "-o",
            "json",
        ])
        .arg("--exclude-interfaces-file")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("none"))
        .env_clear();
    let output = process::run(&host.namespace, &mut command)?;
    let mut report: Value = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
    let Value::Array(checks) = report["checks"].take() else {
        anyhow::bail!("{report}");
    };
    Ok((output.status.code(), checks))
}

fn result<'a>(checks: &'a [Value], name: &str) -> (&'a str, &'a str) {
    let check = checks.iter().find(|check| check["name"] == name);
    let text = |key| check.and_then(|check| check[key].as_str()).unwrap_or_default();
    (text("result"), text("reason"))
}

#[test]
fn a_sound_node_has_nothing_failed() {
    in_private_network(|| {
        let segment = Segment::new(&["n1"])?;
        let (code, checks) = examine(segment.host("n1"))?;
        ensure!(code == Some(0), "{checks:#?}");
        for name in ["interfaces", "strict-arp", "capability", "sockets"] {
            ensure!(result(&checks, name) == ("ok", ""), "{name}: {checks:#?}");
        }
        ensure!(
            result(&checks, "addresses").0 == "notChecked",
            "there is no cluster: {checks:#?}"
        );
        Ok(())
    });
}

#[test]
fn ipvs_without_strict_arp_fails_until_the_kernel_is_told() {
    in_private_network(|| {
        let segment = Segment::new(&["n1"])?;
        let host = segment.host("n1");
        host.namespace.create_bridge("kube-ipvs0", Default::default())?;
        host.namespace.set_down("kube-ipvs0")?;
        for (setting, value) in [("arp_ignore", "0"), ("arp_announce", "0")] {
            host.namespace
                .set_sysctl(&format!("ipv4/conf/all/{setting}"), value)?;
        }
        let (code, checks) = examine(host)?;
        ensure!(
            code == Some(1) && result(&checks, "strict-arp") == ("failed", "StrictArpMissing"),
            "{checks:#?}"
        );
        for (setting, value) in [("arp_ignore", "1"), ("arp_announce", "2")] {
            host.namespace
                .set_sysctl(&format!("ipv4/conf/all/{setting}"), value)?;
        }
        let (code, checks) = examine(host)?;
        ensure!(
            code == Some(0) && result(&checks, "strict-arp") == ("ok", ""),
            "{checks:#?}"
        );
        Ok(())
    });
}

#[test]
fn a_node_whose_only_interface_is_down_fails_and_names_it() {
    in_private_network(|| {
        let segment = Segment::new(&["n1"])?;
        let host = segment.host("n1");
        host.namespace.set_down("eth0")?;
        let (code, checks) = examine(host)?;
        ensure!(
            code == Some(1) && result(&checks, "interfaces") == ("failed", "NoUsableInterface"),
            "{checks:#?}"
        );
        let said = checks.iter().find(|check| check["name"] == "interfaces");
        ensure!(
            said.is_some_and(|check| check["message"].to_string().contains("`eth0` is down")),
            "{checks:#?}"
        );
        Ok(())
    });
}
