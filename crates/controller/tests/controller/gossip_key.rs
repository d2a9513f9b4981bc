//! The Secret with the speakers' gossip key.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ferrolb_apiserver::ApiServer;
use ferrolb_controller::gossip_key::ensure;
use ferrolb_kube::Client;
use serde_json::{Value, json};

use crate::support::{NAMESPACE, server};

async fn ensured(server: &ApiServer, owner: Option<&str>) -> anyhow::Result<()> {
    let client = Client::new(server.clone(), "default");
    ensure(&client, &NAMESPACE.into(), "memberlist", owner).await
}

fn secret(server: &ApiServer) -> Option<Value> {
    server.get("secrets", NAMESPACE, "memberlist")
}

fn key(secret: &Value) -> String {
    let data = secret["data"]["secretkey"].as_str().expect("a key");
    String::from_utf8(STANDARD.decode(data).expect("base64")).expect("text")
}

#[tokio::test]
async fn the_secret_is_made_once_with_sixteen_octets_by_chance_as_text_of_22_letters() {
    let [server, other] = [(); 2].map(|()| server());
    ensured(&server, None).await.expect("made");
    let made = secret(&server).expect("made");
    let text = key(&made);
    assert_eq!(
        (text.len(), STANDARD_NO_PAD.decode(&text).expect("base64").len()),
        (22, 16)
    );
    ensured(&server, None).await.expect("it is there");
    assert_eq!(secret(&server), Some(made), "it is left alone");
    ensured(&other, None).await.expect("made");
    assert_ne!(key(&secret(&other).expect("made")), text);
}

#[tokio::test]
async fn a_secret_that_is_there_is_left_alone_whatever_is_in_it() {
    let server = server();
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "memberlist", "namespace": NAMESPACE },
        "data": { "other": "eA==" },
    });
    server.create(theirs).expect("valid");
    let before = secret(&server);
    ensured(&server, None).await.expect("it is there");
    assert_eq!(secret(&server), before);
}

#[tokio::test]
async fn the_secret_belongs_to_the_deployment_and_is_not_made_without_it() {
    let server = server();
    let refused = ensured(&server, Some("controller")).await;
    let error = refused.expect_err("there is no Deployment").to_string();
    assert!(
        error.contains("controller") && error.contains("--deployment"),
        "{error}"
    );
    assert_eq!(secret(&server), None);
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "controller", "namespace": NAMESPACE },
        "spec": {
            "selector": { "matchLabels": { "app": "metallb" } },
            "template": {
                "metadata": { "labels": { "app": "metallb" } },
                "spec": { "containers": [{ "name": "controller", "image": "ferrolb" }] },
            },
        },
    });
    server.create(deployment).expect("valid");
    ensured(&server, Some("controller")).await.expect("made");
    let owners = secret(&server).expect("made")["metadata"]["ownerReferences"].clone();
    let deployment = server
        .get("deployments.apps", NAMESPACE, "controller")
        .expect("it is there");
    assert_eq!(
        owners,
        json!([{
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "controller", "uid": deployment["metadata"]["uid"],
        }])
    );
}
