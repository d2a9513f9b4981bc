//! One webhook of a ValidatingWebhookConfiguration.

use core::time::Duration;

use base64::Engine as _;
use ferrolb_api::metallb::LabelSelector;
use ferrolb_types::Selector;
use ferrolb_types::selector::Requirement;
use serde::Deserialize;
use serde_json::Value;

use super::matching::Rule;
use crate::error::Cause;

/// At most so many in one configuration.
const MAX_WEBHOOKS: usize = 100;

/// What is done when nobody answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum FailurePolicy {
    /// The request is refused.
    #[default]
    Fail,
    /// As if it had been allowed.
    Ignore,
}

/// Whether a request in another version of a kind counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum MatchPolicy {
    /// Only what the rules say.
    Exact,
    /// Any version of the kind; the object is converted to the one that the rules name.
    #[default]
    Equivalent,
}

/// Where a webhook is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// `https://HOST[:PORT]/PATH`.
    Url(String),
    /// A Service of the cluster, asked for `path`.
    Service {
        /// `SERVICE.NAMESPACE.svc`, which the certificate must be for.
        host: String,
        /// With its slash.
        path: String,
    },
}

/// A webhook, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) name: String,
    pub(crate) client: Client,
    /// Certificates of authorities, PEM.
    pub(crate) ca_bundle: Vec<u8>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) failure_policy: FailurePolicy,
    pub(crate) match_policy: MatchPolicy,
    pub(crate) namespaces: Selector,
    pub(crate) objects: Selector,
    pub(crate) timeout: Duration,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    name: String,
    client_config: RawClient,
    #[serde(default)]
    rules: Vec<Rule>,
    #[serde(default)]
    failure_policy: FailurePolicy,
    #[serde(default)]
    match_policy: MatchPolicy,
    #[serde(default)]
    namespace_selector: LabelSelector,
    #[serde(default)]
    object_selector: LabelSelector,
    timeout_seconds: Option<u64>,
    side_effects: String,
    admission_review_versions: Vec<String>,
    #[serde(default)]
    match_conditions: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawClient {
    url: Option<String>,
    service: Option<RawService>,
    ca_bundle: Option<String>,
}

#[derive(Deserialize)]
struct RawService {
    namespace: String,
    name: String,
    path: Option<String>,
}

/// Each webhook of a configuration that was stored, and so is a good one.
pub(crate) fn webhooks(configuration: &Value) -> Vec<Webhook> {
    let list = configuration["webhooks"].as_array().into_iter().flatten();
    list.filter_map(|v| read(v).ok()).collect()
}

/// What is wrong with a configuration.
pub(crate) fn check(configuration: &Value) -> Vec<Cause> {
    let list = configuration["webhooks"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    if list.len() > MAX_WEBHOOKS {
        return vec![Cause::too_many("webhooks", list.len(), MAX_WEBHOOKS)];
    }
    let read = |(i, v): (usize, &Value)| {
        let (field, why) = read(v).err()?;
        let shown = v.pointer(&format!("/{}", field.replace('.', "/"))).cloned();
        let field = format!("webhooks[{i}].{field}");
        Some(Cause::invalid(field, &shown.unwrap_or_default(), &why))
    };
    list.iter().enumerate().filter_map(read).collect()
}

/// The webhook, or the field that is not as it must be, and why.
fn read(value: &Value) -> Result<Webhook, (&'static str, String)> {
    let raw = Raw::deserialize(value).map_err(|e| ("clientConfig", e.to_string()))?;
    let at = |field: &'static str| move |why: String| (field, why);
    if !raw.admission_review_versions.iter().any(|v| v == "v1") {
        return Err(at("admissionReviewVersions")("must include v1".to_owned()));
    }
    if !raw.match_conditions.is_empty() {
        return Err(at("matchConditions")(
            "is not evaluated by this server".to_owned(),
        ));
    }
    if !matches!(raw.side_effects.as_str(), "None" | "NoneOnDryRun") {
        return Err(at("sideEffects")("must be None or NoneOnDryRun".to_owned()));
    }
    let timeout = raw.timeout_seconds.unwrap_or(10);
    if !(1..=30).contains(&timeout) {
        return Err(at("timeoutSeconds")("must be from 1 to 30".to_owned()));
    }
    let bundle = raw.client_config.ca_bundle.as_deref().unwrap_or_default();
    let bundle = base64::engine::general_purpose::STANDARD.decode(bundle);
    Ok(Webhook {
        client: client(&raw.client_config).map_err(at("clientConfig"))?,
        ca_bundle: bundle.map_err(|e| at("clientConfig.caBundle")(e.to_string()))?,
        name: raw.name,
        rules: raw.rules,
        failure_policy: raw.failure_policy,
        match_policy: raw.match_policy,
        namespaces: selector(&raw.namespace_selector).map_err(at("namespaceSelector"))?,
        objects: selector(&raw.object_selector).map_err(at("objectSelector"))?,
        timeout: Duration::from_secs(timeout),
    })
}

fn client(raw: &RawClient) -> Result<Client, String> {
    match (&raw.url, &raw.service) {
        (Some(url), None) if url.starts_with("https://") => Ok(Client::Url(url.clone())),
        (Some(_), None) => Err("`url` must begin with https://".to_owned()),
        (None, Some(service)) => Ok(Client::Service {
            host: format!("{}.{}.svc", service.name, service.namespace),
            path: service.path.clone().unwrap_or_else(|| "/".to_owned()),
        }),
        _ => Err("exactly one of `url` or `service` is required".to_owned()),
    }
}

fn selector(raw: &LabelSelector) -> Result<Selector, String> {
    let labels = raw
        .match_labels
        .iter()
        .map(|(k, v)| Ok(Requirement::equals(k, v)));
    let expressions = raw
        .match_expressions
        .iter()
        .map(|e| Requirement::parse(&e.key, &e.operator, &e.values));
    let requirements: Result<Vec<_>, _> = labels.chain(expressions).collect();
    requirements.and_then(Selector::new).map_err(|e| e.to_string())
}
