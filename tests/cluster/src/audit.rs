//! What the API server was asked to do, by its own audit log.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Logs every request once it is answered, without bodies.
pub(crate) const POLICY: &str = r#"{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}]}"#;

/// The audit log; it is written before an answer is sent.
#[derive(Debug)]
pub struct Audit {
    pub(crate) log: PathBuf,
}

/// One answered request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asked.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: String,
    /// Like `services` or `services/status`.
    pub resource: String,
    /// `NAMESPACE/NAME`, with what is known of it.
    pub object: String,
    /// The HTTP status of the answer.
    pub code: u64,
    /// Which token it came with; empty if it came without one.
    pub credential: String,
}

impl Request {
    /// Whether it changed something or tried to.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }
}

impl Audit {
    /// Everything that the ServiceAccount of this name in `metallb-system` has asked for so far.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn requests_of(&self, account: &str) -> Result<Vec<Request>> {
        let user = format!("system:serviceaccount:metallb-system:{account}");
        let log = fs::read_to_string(&self.log).context("there is no audit log")?;
        // The last line may be half written.
        let complete = log.rsplit_once('\n').map_or("", |(complete, _)| complete);
        let requests = complete.lines().map(parse).collect::<Result<Vec<_>>>()?;
        Ok(requests
            .into_iter()
            .filter(|request| request.user == user)
            .collect())
    }

    /// What it has changed or tried to change so far, the Lease aside, which is renewed all the time.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn writes_of(&self, account: &str) -> Result<Vec<Request>> {
        Ok(self
            .requests_of(account)?
            .into_iter()
            .filter(|request| request.is_write() && request.resource != "leases")
            .collect())
    }
}

fn parse(line: &str) -> Result<Request> {
    let event: Value = serde_json::from_str(line).with_context(|| format!("no audit event: {line}"))?;
    let text = |pointer: &str| {
        event
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut resource = text("/objectRef/resource");
    let subresource = text("/objectRef/subresource");
    if !subresource.is_empty() {
        resource = format!("{resource}/{subresource}");
    }
    Ok(Request {
        user: text("/user/username"),
        verb: text("/verb"),
        resource,
        object: format!("{}/{}", text("/objectRef/namespace"), text("/objectRef/name")),
        code: event
            .pointer("/responseStatus/code")
            .and_then(Value::as_u64)
            .unwrap_or_default(),
        credential: text("/user/extra/authentication.kubernetes.io~1credential-id/0"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_who_did_what_to_which_object() {
        let line = r#"{"kind":"Event","verb":"patch","user":{"username":"u"},"objectRef":{"resource":"services",
            "namespace":"default","name":"web","subresource":"status"},"responseStatus":{"code":403}}"#;
        let seen = parse(line).unwrap();
        assert_eq!(
            (seen.resource.as_str(), seen.object.as_str(), seen.code),
            ("services/status", "default/web", 403)
        );
        assert!(seen.is_write());
    }
}
