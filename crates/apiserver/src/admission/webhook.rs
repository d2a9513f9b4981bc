//! One webhook of a ValidatingWebhookConfiguration.

use core::time::Duration;

use ferrolb_api::metallb::LabelSelector;
use ferrolb_types::Selector;
use ferrolb_types::selector::Requirement;
use serde::Deserialize;
use serde_json::Value;

use super::matching::Rule;
use crate::callout::{ClientConfig, Endpoint};
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

/// A webhook, ready to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    pub(crate) name: String,
    pub(crate) endpoint: Endpoint,
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
    client_config: ClientConfig,
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
    let endpoint = raw.client_config.endpoint().map_err(|(field, why)| match field {
        "caBundle" => at("clientConfig.caBundle")(why),
        _ => at("clientConfig")(why),
    })?;
    Ok(Webhook {
        endpoint,
        name: raw.name,
        rules: raw.rules,
        failure_policy: raw.failure_policy,
        match_policy: raw.match_policy,
        namespaces: selector(&raw.namespace_selector).map_err(at("namespaceSelector"))?,
        objects: selector(&raw.object_selector).map_err(at("objectSelector"))?,
        timeout: Duration::from_secs(timeout),
    })
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
