//! `explain` of Services.

use serde_json::{Value, json};

use crate::standalone::{Standalone, until};

#[test]
fn services_are_explained_from_a_running_cluster() {
    let cluster = include_str!("../data/explain.yaml");
    let standalone = Standalone::start("api,controller", cluster, &["--node-name=n1"]);
    let ask = |service: &'static str| {
        let standalone = &standalone;
        move || {
            let output = standalone.run("explain", &[service, "-o", "json"]);
            serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default()
        }
    };
    let web = until(ask("svc/web"), |a| a["statusIps"] == json!(["192.0.2.1"]));
    assert_eq!(
        (&web["state"], &web["pool"]),
        (&Value::from("assigned"), &Value::from("a"))
    );
    assert_eq!(web["nodes"][0]["announces"], true, "{web:#}");
    assert_eq!(
        (&web["nodes"][1]["owner"], &web["remedies"]),
        (&Value::from("n1"), &json!([]))
    );
    let api = until(ask("svc/shop/api"), |a| a["reason"] == "PoolExhausted");
    assert_eq!(
        (&api["state"], &api["pools"][0]["usable"]),
        (&Value::from("pending"), &Value::from(false))
    );
    let nobody = standalone.run("explain", &["svc/nope"]);
    assert_eq!(
        nobody.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&nobody.stderr)
    );
}

#[test]
fn fences_and_quotas_are_told_of_a_running_cluster_as_of_its_files() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/golden/plan/tenant-bounds/input.yaml"
    );
    let standalone = Standalone::start("api,controller", &std::fs::read_to_string(file).unwrap(), &[]);
    for (service, reason, remedy) in [
        (
            "svc/blue/outside",
            "NamespaceConfined",
            "add `special` to annotation `ferrolb.io/pools` of Namespace `blue`",
        ),
        (
            "svc/blue/second",
            "QuotaReached",
            "raise `ferrolb.io/max-per-namespace` of pool `shared`",
        ),
        (
            "svc/green/behind-a-malformed-fence",
            "NamespaceConfined",
            "correct annotation `ferrolb.io/pools` of Namespace `green`",
        ),
    ] {
        let live = until(
            || {
                let output = standalone.run("explain", &[service, "-o", "json"]);
                serde_json::from_slice(&output.stdout).unwrap_or_default()
            },
            |explained| explained["reason"] == reason,
        );
        let offline = std::process::Command::new(env!("CARGO_BIN_EXE_ferrolb"))
            .args(["explain", service, "-f", file, "-o", "json"])
            .output()
            .unwrap();
        let offline: Value = serde_json::from_slice(&offline.stdout).unwrap();
        assert_eq!(
            (&live["state"], &offline["state"]),
            (&json!("pending"), &json!("pending"))
        );
        assert_eq!(live["findings"][0], offline["findings"][0]);
        assert_eq!(live["pools"], offline["pools"]);
        for explained in [&live, &offline] {
            let remedies = explained["remedies"].as_array().unwrap();
            let named = |told: &Value| told.as_str().is_some_and(|told| told.starts_with(remedy));
            assert!(remedies.iter().any(named), "{explained:#}");
        }
    }
}
