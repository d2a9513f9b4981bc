//! The Secret that holds the speakers' gossip key (`operations.md` 6.5).

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ferrolb_api::Object as _;
use ferrolb_api::core::{Deployment, Secret};
use ferrolb_driver::random::Random;
use ferrolb_kube::{Client, object};
use ferrolb_types::{NamespaceName, ObjectKey};
use serde_json::{Value, json};

/// HTTP 409: there is one of this name.
const EXISTS: u16 = 409;

/// Creates the Secret `name` with a random key unless it exists, owned by the Deployment `owner` if one is named. One that
/// exists is left alone, whatever is in it.
///
/// # Errors
/// When the API server does not answer or refuses, or there is no such Deployment: without the Secret no speaker starts.
pub async fn ensure(
    client: &Client,
    namespace: &NamespaceName,
    name: &str,
    owner: Option<&str>,
) -> anyhow::Result<()> {
    let owner = match owner {
        Some(owner) => Some(reference(client, namespace, owner).await?),
        None => None,
    };
    let key = STANDARD_NO_PAD.encode(Random::new().octets::<16>()?);
    let secret = manifest(namespace, name, &key, owner);
    match object::create::<Secret>(client, namespace.as_str(), &secret).await {
        Ok(_) => tracing::info!(
            op = "startup",
            secret = name,
            "created the Secret with the speakers' gossip key"
        ),
        Err(error) if error.code() == Some(EXISTS) => {}
        Err(error) => {
            return Err(error)
                .with_context(|| format!("cannot create the Secret `{name}` of `--ml-secret-name`"));
        }
    }
    Ok(())
}

async fn reference(client: &Client, namespace: &NamespaceName, name: &str) -> anyhow::Result<Value> {
    let key = ObjectKey::new(namespace.clone(), name);
    let found = object::get::<Deployment>(client, &key).await;
    let found = found.with_context(|| format!("cannot read the Deployment `{name}` of `--deployment`"))?;
    let deployment =
        found.with_context(|| format!("there is no Deployment `{name}`, which `--deployment` names"))?;
    Ok(json!({
        "apiVersion": Deployment::api_version(), "kind": Deployment::KIND,
        "name": name, "uid": deployment.metadata.uid,
    }))
}

fn manifest(namespace: &NamespaceName, name: &str, key: &str, owner: Option<Value>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": name, "namespace": namespace.as_str(), "ownerReferences": owner.into_iter().collect::<Vec<_>>() },
        "data": { "secretkey": STANDARD.encode(key) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_text_within_the_data() {
        let secret = manifest(
            &"metallb-system".into(),
            "memberlist",
            "AAAAAAAAAAAAAAAAAAAAAA",
            None,
        );
        assert_eq!(secret["data"]["secretkey"], "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQQ==");
        assert_eq!(secret["metadata"]["ownerReferences"], json!([]));
    }
}
