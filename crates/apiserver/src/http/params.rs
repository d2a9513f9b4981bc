//! Query parameters and headers of a request, checked.

use core::time::Duration;

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};

use serde_json::Value;

use crate::error::{ApiError, Cause};
use crate::ops::{FieldValidation, ListOptions, VersionMatch, WriteOptions};
use jiff::Timestamp;

/// The query string, decoded; a later value of the same name wins.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn parse(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The value; empty where it is missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().rev().find(|(n, _)| n == name);
        found.map_or("", |(_, v)| v)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// `1`, `true`, or the bare name.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.has(name) && matches!(self.get(name), "" | "1" | "t" | "T" | "true" | "True" | "TRUE")
    }

    fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        match self.get(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                ApiError::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
            }),
        }
    }

    pub(crate) fn list_options(&self) -> Result<ListOptions, ApiError> {
        let limit = self.number("limit")?.unwrap_or(0);
        Ok(ListOptions {
            limit: usize::try_from(limit).unwrap_or(0),
            token: self.get("continue").to_owned(),
            version: self.get("resourceVersion").to_owned(),
            version_match: match self.get("resourceVersionMatch") {
                "" => VersionMatch::Unset,
                "Exact" => VersionMatch::Exact,
                "NotOlderThan" => VersionMatch::NotOlderThan,
                other => {
                    let message = format!(
                        "resourceVersionMatch: Unsupported value: {other:?}: supported values: \"Exact\", \"NotOlderThan\""
                    );
                    return Err(ApiError::bad_request(message));
                }
            },
        })
    }

    /// How long a watch may last.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, ApiError> {
        Ok(self.number("timeoutSeconds")?.map(Duration::from_secs))
    }

    pub(crate) fn dry_run(&self, options: &str) -> Result<bool, ApiError> {
        match self.get("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            other => {
                let given = Value::Array(vec![other.into()]);
                Err(refused(options, Cause::not_supported("dryRun", &given, &["All"])))
            }
        }
    }

    /// `options` names the kind of options in messages: `PatchOptions`.
    pub(crate) fn write_options(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
        options: &str,
    ) -> Result<WriteOptions, ApiError> {
        let validation = match self.get("fieldValidation") {
            "" | "Warn" => FieldValidation::Warn,
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            other => {
                let known = ["", "Ignore", "Strict", "Warn"];
                let cause = Cause::not_supported("fieldValidation", &other.into(), &known);
                return Err(refused(options, cause));
            }
        };
        let manager = match self.get("fieldManager") {
            "" => agent(headers),
            given if given.len() > 128 => {
                return Err(ApiError::bad_request(
                    "fieldManager: Too long: may not be more than 128 bytes",
                ));
            }
            given => given.to_owned(),
        };
        Ok(WriteOptions {
            now,
            dry_run: self.dry_run(options)?,
            manager,
            validation,
            twice: Vec::new(),
        })
    }
}

fn refused(options: &str, cause: Cause) -> ApiError {
    ApiError::invalid("meta.k8s.io", options, "", vec![cause])
}

/// The program that asks: the first word of its `User-Agent`.
pub(crate) fn agent(headers: &HeaderMap) -> String {
    let text = headers
        .get(USER_AGENT)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    let program = text.split(['/', ' ']).next().unwrap_or_default();
    let cut: String = program.chars().take(128).collect();
    if cut.is_empty() { "unknown".to_owned() } else { cut }
}

/// The media type of the body, without parameters.
pub(crate) fn content_type(headers: &HeaderMap) -> &str {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim()
}

/// In which form an answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The objects themselves.
    Plain,
    /// Columns and rows for `kubectl get`.
    Table,
    /// Metadata alone.
    Metadata,
    /// Discovery of all groups in one answer; only there.
    Aggregated,
}

/// The first form in `Accept` that can be served.
pub(crate) fn form(headers: &HeaderMap) -> Result<Form, ApiError> {
    let accept = headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok());
    let mut kinds = accept
        .flat_map(|v| v.split(','))
        .map(str::trim)
        .filter(|k| !k.is_empty())
        .peekable();
    if kinds.peek().is_none() {
        return Ok(Form::Plain);
    }
    kinds.find_map(form_of).ok_or_else(|| {
        let message = "only the following media types are accepted: application/json";
        ApiError::new(406, "NotAcceptable", message)
    })
}

fn form_of(media: &str) -> Option<Form> {
    let mut parts = media.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    if !matches!(kind, "application/json" | "application/*" | "*/*") {
        return None;
    }
    let mut name = "";
    for part in parts {
        match part.split_once('=') {
            Some(("as", value)) => name = value,
            Some(("g", "apidiscovery.k8s.io")) if name.is_empty() => name = "APIGroupDiscoveryList",
            Some(("v", "v1" | "v2")) | Some(("g" | "q" | "charset" | "stream", _)) | None => {}
            // Another version of the form is not known here.
            Some(("v", _)) => return None,
            Some(_) => {}
        }
    }
    match name {
        "" => Some(Form::Plain),
        "Table" => Some(Form::Table),
        "PartialObjectMetadata" | "PartialObjectMetadataList" => Some(Form::Metadata),
        "APIGroupDiscoveryList" => Some(Form::Aggregated),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &'static str) -> Result<Form, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        form(&headers)
    }

    #[test]
    fn the_first_known_form_wins() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(accepted(kubectl), Ok(Form::Table));
        let old = "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(accepted(old), Ok(Form::Plain));
        assert_eq!(
            accepted("application/vnd.kubernetes.protobuf,application/json"),
            Ok(Form::Plain)
        );
        assert_eq!(
            accepted("application/vnd.kubernetes.protobuf").unwrap_err().code,
            406
        );
        let discovery =
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
        assert_eq!(accepted(discovery), Ok(Form::Aggregated));
        assert_eq!(accepted("*/*"), Ok(Form::Plain));
    }

    #[test]
    fn parameters_are_decoded_and_checked() {
        let params = Params::parse("labelSelector=a%3Db%2Cc&watch&limit=x&dryRun=All");
        assert_eq!(params.get("labelSelector"), "a=b,c");
        assert!(params.flag("watch") && !params.flag("missing"));
        assert_eq!(params.list_options().unwrap_err().code, 400);
        assert!(params.dry_run("PatchOptions").unwrap());
    }
}
