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
