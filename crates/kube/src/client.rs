//! Where the API server is and how it is talked to.

mod kubeconfig;

use core::time::Duration;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};

/// Where to look, in the order of the fields; then in the cluster; then `.kube/config` under `home`
/// (`operations.md` 6.1).
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// Value of `KUBECONFIG`: paths separated by colons, the earlier ones win.
    pub variable: Option<OsString>,
    /// The user's home directory.
    pub home: Option<PathBuf>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file or what it points to is not usable.
    #[error("cannot use kubeconfig `{path}`")]
    Kubeconfig {
        /// The file, or the list of files.
        path: String,
        /// Why.
        #[source]
        cause: KubeconfigError,
    },
    /// Nothing was named, and this is no pod.
    #[error("no API server is configured: use `--kubeconfig`, set `KUBECONFIG`, or run in a pod")]
    NotConfigured(#[source] kube::config::InClusterError),
    /// The configuration cannot be turned into a client (certificates, URL).
    #[error("cannot set up the client for the API server `{url}`")]
    Client {
        /// The API server.
        url: String,
        /// Why.
        #[source]
        cause: Box<kube::Error>,
    },
}

/// A client for the API server that `source` names. `user_agent` is how the API server's audit log and
/// `managedFields` name this process. No request is sent.
///
/// The client has no rate limit of its own: the API server's priority and fairness knows better.
///
/// # Errors
/// When nothing is configured or what is configured is unusable.
pub async fn connect(source: &Source, user_agent: &str) -> Result<kube::Client, Error> {
    // Fails if another part of the process has chosen already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = configure(source).await?;
    tune(&mut config, user_agent);
    let url = config.cluster_url.to_string();
    kube::Client::try_from(config).map_err(|cause| Error::Client {
        url,
        cause: Box::new(cause),
    })
}

async fn configure(source: &Source) -> Result<Config, Error> {
    if let Some(path) = &source.kubeconfig {
        return from_files(std::slice::from_ref(path)).await;
    }
    let listed = source.variable.iter().flat_map(std::env::split_paths);
    let listed: Vec<PathBuf> = listed.filter(|p| !p.as_os_str().is_empty()).collect();
    if !listed.is_empty() {
        return from_files(&listed).await;
    }
    match (Config::incluster(), home_config(source)) {
        (Ok(config), _) => Ok(config),
        (Err(_), Some(path)) => from_files(&[path]).await,
        (Err(cause), None) => Err(Error::NotConfigured(cause)),
    }
}

fn home_config(source: &Source) -> Option<PathBuf> {
    let path = source.home.as_deref()?.join(".kube/config");
    path.exists().then_some(path)
}

async fn from_files(paths: &[PathBuf]) -> Result<Config, Error> {
    let failed = |cause| Error::Kubeconfig {
        path: joined(paths),
        cause,
    };
    let mut merged = Kubeconfig::default();
    for path in paths {
        let next = kubeconfig::read(path).map_err(failed)?;
        merged = merged.merge(next).map_err(failed)?;
    }
    Config::from_custom_kubeconfig(merged, &KubeConfigOptions::default())
        .await
        .map_err(failed)
}

fn joined(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|p| Path::to_string_lossy(p)).collect();
    paths.join(":")
}

fn tune(config: &mut Config, user_agent: &str) {
    config.connect_timeout = Some(Duration::from_secs(5));
    config.write_timeout = Some(Duration::from_secs(15));
    // Above the length of a watch, so that it only ends what is dead.
    config.read_timeout = Some(Duration::from_secs(90));
    config.reset_reader_on_write = true;
    // Retries are decided where the request is made: a watch backs off, a status write gives way to a newer one.
    config.default_retry = false;
    if let Ok(value) = HeaderValue::from_str(user_agent) {
        config
            .headers
            .push((HeaderName::from_static("user-agent"), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_named_file_that_is_missing_is_an_error_even_if_another_source_exists() {
        let source = Source {
            kubeconfig: Some("/nonexistent/config".into()),
            variable: Some("/nonexistent/other".into()),
            home: None,
        };
        let error = connect(&source, "test").await.err().expect("no such file");
        assert_eq!(error.to_string(), "cannot use kubeconfig `/nonexistent/config`");
    }

    #[tokio::test]
    async fn nothing_configured_says_what_to_do() {
        let error = connect(&Source::default(), "test")
            .await
            .err()
            .expect("not in a pod");
        assert!(matches!(error, Error::NotConfigured(_)), "{error}");
    }
}
