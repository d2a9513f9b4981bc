//! How an object comes from one version of its kind to another.

use std::sync::Arc;

use serde_json::Value;

use crate::convert::{self, Hook};
use crate::error::Cause;

/// The way, which is the same for all versions of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Conversion {
    own: Own,
    hook: Option<Arc<Hook>>,
}

/// What this server can do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    /// The versions differ in `apiVersion` alone.
    Rename,
    /// BGPPeer of `metallb.io`: what its `/convert` webhook does (api-and-config 1.10).
    BgpPeer,
}

impl Conversion {
    /// The way of kinds whose versions are all the same.
    pub(crate) const SAME: Self = Self {
        own: Own::Rename,
        hook: None,
    };

    /// The way for the kind that a CRD with this `spec` defines.
    ///
    /// BGPPeer is left to its webhook once somebody has said whom to trust there; before, nobody could ask it. (In a
    /// cluster it cannot be used in its older version until then.)
    ///
    /// # Errors
    /// The fields of `spec.conversion` that are not as they must be.
    pub(crate) fn of(spec: &Value) -> Result<Self, Vec<Cause>> {
        let is_peer = spec["group"] == "metallb.io" && spec["names"]["kind"] == "BGPPeer";
        let own = if is_peer { Own::BgpPeer } else { Own::Rename };
        let hook = convert::read(&spec["conversion"])?;
        let hook = hook.filter(|hook| !is_peer || hook.has_authority());
        Ok(Self {
            own,
            hook: hook.map(Arc::new),
        })
    }

    /// Who is asked instead, if anybody.
    pub(crate) fn hook(&self) -> Option<&Arc<Hook>> {
        self.hook.as_ref()
    }

    /// The object in version `to`, by this server; its `apiVersion` is not looked after, and what cannot be converted
    /// stays as it is.
    pub(crate) fn convert(&self, object: &Value, to: &str) -> Value {
        match self.own {
            Own::Rename => object.clone(),
            Own::BgpPeer => ferrolb_api::convert(object, to).unwrap_or_else(|_| object.clone()),
        }
    }
}
