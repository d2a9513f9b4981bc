//! Where a webhook is and whom to trust there: `clientConfig`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// Where a webhook is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Client {
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

/// A webhook that can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(super) client: Client,
    /// Certificates of authorities, PEM.
    pub(super) ca_bundle: Vec<u8>,
}

/// As it stands in a configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClientConfig {
    url: Option<String>,
    service: Option<Service>,
    ca_bundle: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Service {
    namespace: String,
    name: String,
    path: Option<String>,
}

impl ClientConfig {
    /// Whether it says whom to trust.
    pub(crate) fn has_authority(&self) -> bool {
        self.ca_bundle.as_deref().is_some_and(|bundle| !bundle.is_empty())
    }

    /// The webhook, or the field below `clientConfig` (empty: all of it) that is not as it must be, and why.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, (&'static str, String)> {
        let bundle = STANDARD.decode(self.ca_bundle.as_deref().unwrap_or_default());
        Ok(Endpoint {
            client: self.client().map_err(|why| ("", why))?,
            ca_bundle: bundle.map_err(|e| ("caBundle", e.to_string()))?,
        })
    }

    fn client(&self) -> Result<Client, String> {
        match (&self.url, &self.service) {
            (Some(url), None) if url.starts_with("https://") => Ok(Client::Url(url.clone())),
            (Some(_), None) => Err("`url` must begin with https://".to_owned()),
            (None, Some(service)) => Ok(Client::Service {
                host: format!("{}.{}.svc", service.name, service.namespace),
                path: service.path.clone().unwrap_or_else(|| "/".to_owned()),
            }),
            _ => Err("exactly one of `url` or `service` is required".to_owned()),
        }
    }
}

impl core::fmt::Display for Endpoint {
    /// The address as it is called.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match &self.client {
            Client::Url(url) => f.write_str(url),
            Client::Service { host, path } => write!(f, "https://{host}:443{path}"),
        }
    }
}
