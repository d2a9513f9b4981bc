//! What goes in: objects as they were written, and the settings that decide about acceptance.

use serde_json::Value;

use crate::metallb::{GROUP, IpAddressPool, L2Advertisement};
use crate::{Object, Problem, decode};

/// What users wrote, as far as it decodes.
#[derive(Clone, Debug, Default)]
pub struct RawConfig {
    /// IPAddressPools, in any order.
    pub pools: Vec<IpAddressPool>,
    /// L2Advertisements, in any order.
    pub l2_advertisements: Vec<L2Advertisement>,
    /// What else decides about acceptance.
    pub rules: Rules,
}

/// Settings of the process that decide about acceptance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The only namespace whose `metallb.io` objects count; empty means that all do.
    pub namespace: Box<str>,
}

impl RawConfig {
    /// Adds an object of whatever kind; gives whether the kind is one that configures something.
    ///
    /// # Errors
    /// What keeps the object from being decoded; it is not added.
    pub fn add(&mut self, value: &Value) -> Result<bool, Box<Problem>> {
        let text = |key| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let (group, _version) = text("apiVersion").split_once('/').unwrap_or_default();
        if group != GROUP {
            return Ok(false);
        }
        match text("kind") {
            IpAddressPool::KIND => self.pools.push(decode(value)?),
            L2Advertisement::KIND => self.l2_advertisements.push(decode(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }
}
