//! The real `kubectl`, as the cluster's administrator.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use ferrolb_netio::Namespace;
use serde_json::Value;

use crate::program;

/// Runs `kubectl` in the control plane's namespace.
#[derive(Debug)]
pub struct Kubectl {
    pub(crate) program: PathBuf,
    pub(crate) kubeconfig: PathBuf,
    /// Its cache of what the server offers; never the user's.
    pub(crate) cache: PathBuf,
    pub(crate) namespace: Namespace,
}

impl Kubectl {
    /// Runs one command and returns what it prints.
    ///
    /// # Errors
    /// With what `kubectl` says.
    pub fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
        program::output(&self.namespace, self.command().args(arguments))
    }

    /// Applies a file or directory; a misspelt field is an error.
    ///
    /// # Errors
    /// With what `kubectl` says.
    pub fn apply(&self, path: &Path) -> Result<String> {
        self.run(["apply", "--validate=strict", "-f", &path.to_string_lossy()])
    }

    /// Applies manifests given as text.
    ///
    /// # Errors
    /// With what `kubectl` says.
    pub fn apply_text(&self, manifests: &str) -> Result<String> {
        self.pipe(&["apply", "--validate=strict", "-f", "-"], manifests)
    }

    /// Lets the API server check the creation of manifests without storing anything.
    ///
    /// # Errors
    /// With what `kubectl` says.
    pub fn try_text(&self, manifests: &str) -> Result<String> {
        self.pipe(&["create", "--dry-run=server", "-f", "-"], manifests)
    }

    fn pipe(&self, arguments: &[&str], manifests: &str) -> Result<String> {
        let mut command = self.command();
        command.args(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.namespace.spawn(&mut command)?;
        child
            .stdin
            .take()
            .context("no standard input")?
            .write_all(manifests.as_bytes())?;
        program::finish(&command, child)
    }

    /// One object, as the API server has it.
    ///
    /// # Errors
    /// With what `kubectl` says.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Value> {
        let json = self.run(["get", kind, "-n", namespace, name, "-o", "json"])?;
        Ok(serde_json::from_str(&json)?)
    }

    /// The addresses in the status of a Service in namespace `default`; none yet is an error, to wait for.
    ///
    /// # Errors
    /// With what `kubectl` says, or while the Service has no address.
    pub fn addresses(&self, service: &str) -> Result<Vec<std::net::IpAddr>> {
        let object = self.get("service", "default", service)?;
        let ingress = object
            .pointer("/status/loadBalancer/ingress")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let addresses: Vec<_> = ingress
            .iter()
            .filter_map(|i| i["ip"].as_str()?.parse().ok())
            .collect();
        anyhow::ensure!(
            !addresses.is_empty(),
            "service `{service}` has no address; its status is {}",
            object["status"]
        );
        Ok(addresses)
    }

    /// Messages of the events about one object, with their reasons.
    ///
    /// # Errors
    /// With what `kubectl` says.
    pub fn events(&self, namespace: &str, kind: &str, name: &str) -> Result<Vec<String>> {
        let selector = format!("--field-selector=involvedObject.kind={kind},involvedObject.name={name}");
        let json = self.run(["get", "events", "-n", namespace, &selector, "-o", "json"])?;
        let list: Value = serde_json::from_str(&json)?;
        let items = list["items"].as_array().context("no list of events")?;
        let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
        Ok(items
            .iter()
            .map(|e| {
                format!(
                    "{} {}: {}",
                    text(e, "type"),
                    text(e, "reason"),
                    text(e, "message")
                )
            })
            .collect())
    }

    /// What lets it in, for other clients with the same rights.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--cache-dir")
            .arg(&self.cache);
        command
    }
}
