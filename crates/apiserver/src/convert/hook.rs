//! What a CRD says about its webhook.

use serde::Deserialize;
use serde_json::Value;

use crate::callout::{ClientConfig, Endpoint};
use crate::error::Cause;

/// The versions of ConversionReview that this server speaks.
const REVIEW_VERSIONS: [&str; 2] = ["v1", "v1beta1"];

/// At most so many versions are looked at.
const MAX_VERSIONS: usize = 16;

/// A webhook that converts. There is one of it for all versions of a kind, and a new one whenever the CRD is written.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(super) endpoint: Endpoint,
    /// Version of the ConversionReview: the first in the CRD's list that this server speaks.
    pub(super) review: &'static str,
    has_authority: bool,
}

impl Hook {
    /// Whether the CRD says whom to trust.
    pub(crate) fn has_authority(&self) -> bool {
        self.has_authority
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    client_config: Option<ClientConfig>,
    #[serde(default)]
    conversion_review_versions: Vec<String>,
}

/// Reads `spec.conversion`; `None` where no webhook is to be asked.
///
/// # Errors
/// The fields that are not as they must be.
pub(crate) fn read(conversion: &Value) -> Result<Option<Hook>, Vec<Cause>> {
    match conversion["strategy"].as_str() {
        Some("Webhook") => webhook(&conversion["webhook"]).map(Some),
        Some("None") | None => Ok(None),
        Some(_) => Err(vec![Cause::not_supported(
            "spec.conversion.strategy",
            &conversion["strategy"],
            &["None", "Webhook"],
        )]),
    }
}

fn webhook(given: &Value) -> Result<Hook, Vec<Cause>> {
    const AT: &str = "spec.conversion.webhook";
    const CLIENT: &str = "spec.conversion.webhook.clientConfig";
    if given.is_null() {
        let why = "required when strategy is set to Webhook";
        return Err(vec![Cause::required(CLIENT, why)]);
    }
    let read = Webhook::deserialize(given);
    let read = read.map_err(|e| vec![Cause::invalid(AT, given, &e.to_string())])?;
    let client = read.client_config.ok_or_else(|| {
        vec![Cause::required(
            CLIENT,
            "required when strategy is set to Webhook",
        )]
    })?;
    let endpoint = client.endpoint().map_err(|(field, why)| match field {
        "" => vec![Cause::required(CLIENT, &why)],
        field => vec![Cause::invalid(
            format!("{CLIENT}.{field}"),
            &given["clientConfig"][field],
            &why,
        )],
    })?;
    Ok(Hook {
        review: review_version(&read.conversion_review_versions, given)?,
        has_authority: client.has_authority(),
        endpoint,
    })
}

fn review_version(wanted: &[String], given: &Value) -> Result<&'static str, Vec<Cause>> {
    const AT: &str = "spec.conversion.webhook.conversionReviewVersions";
    if wanted.is_empty() {
        return Err(vec![Cause::required(AT, "")]);
    }
    let mut wanted = wanted.iter().take(MAX_VERSIONS);
    let found = wanted.find_map(|w| REVIEW_VERSIONS.into_iter().find(|v| v == w));
    found.ok_or_else(|| {
        let why = format!("must include at least one of {}", REVIEW_VERSIONS.join(", "));
        vec![Cause::invalid(AT, &given["conversionReviewVersions"], &why)]
    })
}
