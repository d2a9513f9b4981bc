//! The real API server asks the webhooks, shows what they say, converts through them, and trusts their certificates
//! whatever happens to those.

use anyhow::{Context as _, Result, ensure};
use ferrolb_tests_cluster::{Cluster, Program, Roles, eventually};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd};
use serde_json::{Value, json};

const CONFIGURATION: &str = "validatingwebhookconfiguration/metallb-webhook-configuration";
const DEFINITION: &str = "crd/bgppeers.metallb.io";

/// Refused by a webhook alone: the schema takes any text.
const BAD_POOL: &str = "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: bad, namespace: metallb-system}
spec: {addresses: [192.168.20.1-192.168.20.300]}
";

const OLD_PEER: &str = "
apiVersion: metallb.io/v1beta1
kind: BGPPeer
metadata: {name: old, namespace: metallb-system}
spec: {myASN: 64512, peerASN: 64513, peerAddress: 192.0.2.1, holdTime: 90s, nodeSelectors: [{matchLabels: {rack: a}}]}
";

const NEW_PEER: &str = "
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: new, namespace: metallb-system}
spec: {myASN: 64512, peerASN: 64514, peerAddress: 192.0.2.2, vrf: red}
";

/// Starts the controller and waits until the API server asks its webhooks.
fn start(cluster: &Cluster) -> Result<Program> {
    cluster.expose_webhooks()?;
    let controller = cluster.start_controller()?;
    eventually("a webhook refuses a bad pool", || refused(cluster))?;
    Ok(controller)
}

/// What `kubectl` says of a bad pool; an error when it is not refused.
fn refused(cluster: &Cluster) -> Result<String> {
    match cluster.plane.kubectl.try_text(BAD_POOL) {
        Ok(_) => anyhow::bail!("the pool is accepted: the webhook was not asked"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

fn bundles(cluster: &Cluster) -> Result<Vec<String>> {
    let kubectl = &cluster.plane.kubectl;
    let configuration: Value = serde_json::from_str(&kubectl.run(["get", CONFIGURATION, "-o", "json"])?)?;
    let definition: Value = serde_json::from_str(&kubectl.run(["get", DEFINITION, "-o", "json"])?)?;
    let webhooks = configuration["webhooks"]
        .as_array()
        .context("no webhooks")?
        .iter();
    let configs = webhooks
        .map(|webhook| &webhook["clientConfig"])
        .chain([&definition["spec"]["conversion"]["webhook"]["clientConfig"]]);
    Ok(configs
        .map(|config| config["caBundle"].as_str().unwrap_or_default().to_owned())
        .collect())
}

fn secret(cluster: &Cluster, key: &str) -> Result<String> {
    let template = format!("go-template={{{{index .data \"{key}\" | base64decode}}}}");
    cluster.plane.kubectl.run([
        "get",
        "secret",
        "-n",
        "metallb-system",
        "metallb-webhook-cert",
        "-o",
        &template,
    ])
}

#[test]
fn kubectl_shows_what_a_webhook_refuses_and_warns_of() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let _controller = start(cluster)?;
        let kubectl = &cluster.plane.kubectl;

        let said = refused(cluster)?;
        for text in [
            "The IPAddressPool \"bad\" is invalid: spec.addresses[0]: ",
            "192.168.20.300",
            "(InvalidAddress)",
            "hint: ",
        ] {
            assert!(said.contains(text), "`{text}` is missing in: {said}");
        }

        kubectl.apply(&cluster.file("examples"))?;
        let overlapping = BAD_POOL.replace("192.168.20.1-192.168.20.300", "192.168.10.0/24");
        let said = kubectl
            .try_text(&overlapping)
            .expect_err("it overlaps")
            .to_string();
        assert!(said.contains("(OverlappingAddresses)"), "{said}");

        let elsewhere = BAD_POOL.replace("metallb-system", "default");
        let said = kubectl
            .try_text(&elsewhere)
            .expect_err("another namespace")
            .to_string();
        assert!(
            said.contains("resource must be created in metallb-system namespace"),
            "{said}"
        );

        let good = BAD_POOL.replace("192.168.20.1-192.168.20.300", "192.168.20.0/24");
        kubectl.apply_text(&good)?;
        Ok(())
    })
}

#[test]
fn a_profile_that_a_peer_uses_is_not_deleted() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let _controller = start(cluster)?;
        let kubectl = &cluster.plane.kubectl;
        kubectl.apply_text(
            "{apiVersion: metallb.io/v1beta1, kind: BFDProfile, metadata: {name: fast, namespace: metallb-system}}",
        )?;
        kubectl.apply_text(&NEW_PEER.replace("vrf: red", "bfdProfile: fast"))?;
        let delete = ["delete", "bfdprofile", "-n", "metallb-system", "fast"];
        let said = kubectl.run(delete).expect_err("it is in use").to_string();
        assert!(said.contains("failed to delete BFDProfile `fast`"), "{said}");
        kubectl.run(["delete", "bgppeer", "-n", "metallb-system", "new"])?;
        kubectl.run(delete)?;
        Ok(())
    })
}

#[test]
fn a_peer_is_converted_both_ways() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let _controller = start(cluster)?;
        let kubectl = &cluster.plane.kubectl;
        eventually("the conversion webhook is asked", || kubectl.apply_text(OLD_PEER))?;
        kubectl.apply_text(NEW_PEER)?;

        let peer = |version: &str, name: &str| {
            let kind = format!("bgppeers.{version}.metallb.io");
            kubectl.get(&kind, "metallb-system", name)
        };
        let old = peer("v1beta2", "old")?;
        assert_eq!(old["apiVersion"], "metallb.io/v1beta2");
        assert_eq!(
            (&old["spec"]["holdTime"], &old["spec"]["keepaliveTime"]),
            (&json!("1m30s"), &json!("0s"))
        );
        assert_eq!(
            old["spec"]["nodeSelectors"],
            json!([{ "matchLabels": { "rack": "a" } }])
        );
        assert_eq!(old["spec"]["peerPort"], 179, "the default of the newer version");

        let new = peer("v1beta1", "new")?;
        assert_eq!(new["apiVersion"], "metallb.io/v1beta1");
        assert_eq!(new["spec"]["peerAddress"], "192.0.2.2");
        assert_eq!(
            new["spec"].get("vrf"),
            None,
            "the older version has no such field"
        );
        Ok(())
    })
}

#[test]
fn a_bundle_that_somebody_removes_comes_back_and_nothing_is_written_without_need() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let _controller = start(cluster)?;
        let kubectl = &cluster.plane.kubectl;
        let told = bundles(cluster)?;
        ensure!(
            told.len() == 7 && told.iter().all(|b| !b.is_empty() && *b == told[0]),
            "{told:?}"
        );

        let patch = |object: &str, path: &str| {
            let patch = format!(r#"[{{"op": "remove", "path": "{path}/clientConfig/caBundle"}}]"#);
            kubectl.run(["patch", object, "--type=json", "-p", &patch])
        };
        patch(CONFIGURATION, "/webhooks/2")?;
        patch(DEFINITION, "/spec/conversion/webhook")?;
        eventually("the bundle is back", || {
            ensure!(bundles(cluster)? == told);
            Ok(())
        })?;

        kubectl.apply(&cluster.file("manifests/ferrolb.yaml"))?;
        assert_eq!(bundles(cluster)?, told, "installing again takes nothing away");
        refused(cluster)?;
        let writes = cluster.plane.audit.writes_of("controller")?;
        let about = |resource: &str| writes.iter().filter(|w| w.resource.starts_with(resource)).count();
        assert_eq!(about("validatingwebhookconfigurations"), 2, "{writes:#?}");
        assert_eq!(about("customresourcedefinitions"), 2, "{writes:#?}");
        assert_eq!(about("secrets"), 1, "{writes:#?}");
        Ok(())
    })
}

/// An authority that was made long ago, so that everybody knows it.
fn authority() -> Result<(String, String)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "cert");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2060, 1, 1));
    let key = KeyPair::generate()?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// Asks until the controller serves its `number`th certificate; every answer must come from the webhook.
fn ask_until_served(cluster: &Cluster, controller: &Program, number: usize) -> Result<()> {
    let mut unasked = None;
    eventually("another certificate is served", || {
        unasked = unasked.take().or(refused(cluster).err());
        let served = controller.log()?.matches("a certificate is served").count();
        ensure!(served >= number, "{served} certificates so far");
        Ok(())
    })?;
    // And a little longer, with the new one.
    for _ in 0..5 {
        refused(cluster)?;
    }
    unasked.map_or(Ok(()), Err)
}

#[test]
fn the_certificate_is_rotated_while_running_and_no_request_fails() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        let controller = start(cluster)?;
        let (old_authority, old_leaf) = (secret(cluster, "ca.crt")?, secret(cluster, "tls.crt")?);

        let (certificate, key) = authority()?;
        let data =
            json!({ "stringData": { "ca.crt": certificate + &old_authority, "ca.key": key } }).to_string();
        let patch = [
            "patch",
            "secret",
            "-n",
            "metallb-system",
            "metallb-webhook-cert",
            "--type=merge",
            "-p",
            &data,
        ];
        cluster.plane.kubectl.run(patch)?;

        ask_until_served(cluster, &controller, 2)?;
        assert_ne!(secret(cluster, "tls.crt")?, old_leaf);
        assert!(
            secret(cluster, "ca.crt")?.ends_with(&old_authority),
            "the old authority stays for a while"
        );
        assert_eq!(controller.log()?.matches("a certificate is served").count(), 2);
        Ok(())
    })
}

#[test]
fn a_secret_that_is_deleted_is_made_anew_and_no_request_fails() -> Result<()> {
    Cluster::run(Roles::Reference, |cluster| {
        let controller = start(cluster)?;
        let old_authority = secret(cluster, "ca.crt")?;
        cluster
            .plane
            .kubectl
            .run(["delete", "secret", "-n", "metallb-system", "metallb-webhook-cert"])?;

        ask_until_served(cluster, &controller, 2)?;
        let bundle = secret(cluster, "ca.crt")?;
        assert!(
            bundle != old_authority && bundle.ends_with(&old_authority),
            "the old authority stays for a while"
        );
        Ok(())
    })
}
