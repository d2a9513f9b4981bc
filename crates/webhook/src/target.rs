//! The objects by which the API server is told whom to trust.
//!
//! Told by server-side apply with a field manager of our own, which then owns the `caBundle` fields and nothing else:
//! a list of webhooks is keyed by name, and required fields may be left out of an applied object as long as the stored
//! one has them. So GitOps tools, which do not set the bundle, see no difference in what they own. The object's UID is
//! part of what is applied: one that was deleted meanwhile is not made anew.

use ferrolb_api::meta::Scope;
use ferrolb_api::{Object, ObjectMeta};
use serde::Deserialize;
use serde_json::{Value, json};

/// Names of the objects, as MetalLB's manifests and charts have them.
pub(crate) const WEBHOOKS: &str = "metallb-webhook-configuration";
pub(crate) const CRD: &str = "bgppeers.metallb.io";

/// Such an object. Bundles are in base64.
pub(crate) trait Target: Object {
    /// The bundles that are there now, one for each place.
    fn bundles(&self) -> Vec<&str>;
    /// The fields to own so that `bundle` is in every place.
    fn telling(&self, bundle: &str) -> Value;

    fn is_told(&self, bundle: &str) -> bool {
        self.bundles().iter().all(|there| *there == bundle)
    }
}

/// Which requests are reviewed before they are carried out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ValidatingWebhookConfiguration {
    metadata: ObjectMeta,
    webhooks: Option<Vec<Webhook>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Webhook {
    name: String,
    client_config: ClientConfig,
}

/// Where a webhook is and who vouches for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClientConfig {
    ca_bundle: Option<String>,
}

impl ClientConfig {
    fn bundle(&self) -> &str {
        self.ca_bundle.as_deref().unwrap_or_default()
    }
}

impl Object for ValidatingWebhookConfiguration {
    const GROUP: &'static str = "admissionregistration.k8s.io";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "ValidatingWebhookConfiguration";
    const PLURAL: &'static str = "validatingwebhookconfigurations";
    const SCOPE: Scope = Scope::Cluster;

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Target for ValidatingWebhookConfiguration {
    fn bundles(&self) -> Vec<&str> {
        self.webhooks
            .iter()
            .flatten()
            .map(|webhook| webhook.client_config.bundle())
            .collect()
    }

    fn telling(&self, bundle: &str) -> Value {
        let webhook = |w: &Webhook| json!({ "name": w.name, "clientConfig": { "caBundle": bundle } });
        let webhooks: Vec<Value> = self.webhooks.iter().flatten().map(webhook).collect();
        of(self, &json!({ "webhooks": webhooks }))
    }
}

/// How the versions of a kind are converted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct CustomResourceDefinition {
    metadata: ObjectMeta,
    spec: Spec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    conversion: Option<Conversion>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Conversion {
    webhook: Option<ConversionWebhook>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ConversionWebhook {
    client_config: Option<ClientConfig>,
}

impl Object for CustomResourceDefinition {
    const GROUP: &'static str = "apiextensions.k8s.io";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "CustomResourceDefinition";
    const PLURAL: &'static str = "customresourcedefinitions";
    const SCOPE: Scope = Scope::Cluster;

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Target for CustomResourceDefinition {
    /// None where the definition says that no webhook converts.
    fn bundles(&self) -> Vec<&str> {
        let webhook = self.spec.conversion.iter().filter_map(|c| c.webhook.as_ref());
        webhook
            .filter_map(|w| w.client_config.as_ref())
            .map(ClientConfig::bundle)
            .collect()
    }

    fn telling(&self, bundle: &str) -> Value {
        let webhook = json!({ "clientConfig": { "caBundle": bundle } });
        of(self, &json!({ "spec": { "conversion": { "webhook": webhook } } }))
    }
}

/// `fields` of this object.
fn of<T: Object>(object: &T, fields: &Value) -> Value {
    let mut applied = json!({
        "apiVersion": T::api_version(),
        "kind": T::KIND,
        "metadata": { "name": object.meta().name, "uid": object.meta().uid },
    });
    if let (Some(applied), Some(fields)) = (applied.as_object_mut(), fields.as_object()) {
        applied.extend(fields.clone());
    }
    applied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_webhook_is_told_whatever_its_name() {
        let names = [
            "bgppeervalidationwebhook.metallb.io",
            "bgppeersvalidationwebhook.metallb.io",
        ];
        let webhooks =
            names.map(|name| json!({ "name": name, "clientConfig": { "service": {}, "caBundle": "old" } }));
        let object = json!({ "metadata": { "name": WEBHOOKS, "uid": "1" }, "webhooks": webhooks });
        let config: ValidatingWebhookConfiguration = serde_json::from_value(object).unwrap();
        assert!(!config.is_told("new") && config.is_told("old"));
        let expected = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": WEBHOOKS, "uid": "1" },
            "webhooks": names.map(|name| json!({ "name": name, "clientConfig": { "caBundle": "new" } })) });
        assert_eq!(config.telling("new"), expected);
    }

    #[test]
    fn a_definition_without_a_conversion_webhook_has_nothing_to_be_told() {
        for conversion in [
            json!(null),
            json!({ "strategy": "None" }),
            json!({ "webhook": { "clientConfig": null } }),
        ] {
            let object = json!({ "metadata": { "name": CRD }, "spec": { "conversion": conversion } });
            let crd: CustomResourceDefinition = serde_json::from_value(object).unwrap();
            assert!(crd.is_told("new"), "{crd:?}");
        }
        let conversion = json!({ "strategy": "Webhook", "webhook": { "clientConfig": { "service": {} } } });
        let object = json!({ "metadata": { "name": CRD }, "spec": { "conversion": conversion } });
        let crd: CustomResourceDefinition = serde_json::from_value(object).unwrap();
        assert!(!crd.is_told("new"));
        assert_eq!(
            crd.telling("new")["spec"],
            json!({ "conversion": { "webhook": { "clientConfig": { "caBundle": "new" } } } })
        );
    }
}
