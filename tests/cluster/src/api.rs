//! One request at a time to an API server, with everything that it answers.

use std::ffi::OsString;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::member::Member;
use crate::program;

/// A server, seen by an administrator.
#[derive(Debug)]
pub struct Api {
    /// Scheme, host and port.
    pub(crate) url: String,
    /// What `curl` needs to be let in.
    pub(crate) credentials: Vec<OsString>,
    pub(crate) host: Member,
}

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub code: u16,
    /// The texts of the `Warning` headers.
    pub warnings: Vec<String>,
    /// The body; a text if it is no JSON.
    pub body: Value,
}

impl Api {
    /// Sends a request with a body of this media type.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn send(&self, method: &str, path: &str, media: &str, body: &str) -> Result<Answer> {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--include",
            "--http1.1",
            "--max-time",
            "30",
        ])
        .args(&self.credentials)
        .args(["--request", method, "--header", &format!("Content-Type: {media}")])
        .args(["--data-binary", body, &format!("{}{path}", self.url)]);
        let printed = program::output(&self.host.namespace, &mut curl)?;
        answer(&printed).with_context(|| format!("`{method} {path}` was answered with {printed}"))
    }

    /// Reads.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn get(&self, path: &str) -> Result<Answer> {
        self.send("GET", path, "application/json", "")
    }
}

fn answer(printed: &str) -> Option<Answer> {
    let (head, body) = printed.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let code = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let warnings = lines.filter_map(|line| {
        let (name, text) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("warning").then(|| text.to_owned())
    });
    Some(Answer {
        code,
        warnings: warnings.collect(),
        body: serde_json::from_str(body).unwrap_or_else(|_| body.into()),
    })
}
