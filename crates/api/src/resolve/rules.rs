//! Settings of the process that decide about acceptance.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// Settings of the process that decide about acceptance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The only namespace whose `metallb.io` objects count; empty means that all do.
    pub namespace: Box<str>,
    /// Whose restrictions and defaults apply.
    pub bgp_mode: BgpMode,
    /// Whether every warning is an error, so that its object is refused.
    pub strict: bool,
    /// Whether Secrets are given; without them nothing is said about those that peers name.
    pub with_secrets: bool,
    /// Whether passwords in Secrets are handed on unread (`--frrk8s-secret-passthrough`).
    pub secret_passthrough: bool,
    /// Whether the last accepted version of a refused object stays in force. A running process wants that; a plan, which
    /// has no history, does not.
    pub keep_last_accepted: bool,
}

impl Rules {
    /// Whether objects of this namespace count.
    #[must_use]
    pub fn counts(&self, namespace: &str) -> bool {
        self.namespace.is_empty() || *self.namespace == *namespace
    }
}

/// `METALLB_BGP_TYPE` (design section 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BgpMode {
    /// The built-in stack, with the rules of the reference's native mode.
    #[default]
    Native,
    /// The built-in stack, with the rules of the reference's FRR mode.
    Frr,
    /// FRRConfiguration objects for an frr-k8s daemon.
    FrrK8s,
}

/// A mode that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a BGP type; use `native`, `frr` or `frr-k8s`")]
pub struct UnknownBgpMode(String);

impl FromStr for BgpMode {
    type Err = UnknownBgpMode;

    fn from_str(text: &str) -> Result<Self, UnknownBgpMode> {
        match text {
            "native" => Ok(Self::Native),
            "frr" => Ok(Self::Frr),
            "frr-k8s" => Ok(Self::FrrK8s),
            other => Err(UnknownBgpMode(other.to_owned())),
        }
    }
}

impl fmt::Display for BgpMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Native => "native",
            Self::Frr => "frr",
            Self::FrrK8s => "frr-k8s",
        })
    }
}
