//! What goes in: objects as they were written, and the settings that decide about acceptance.

use serde_json::Value;

use super::Rules;
use crate::core::Secret;
use crate::metallb::{
    BfdProfile, BgpAdvertisement, BgpPeer, BgpPeerV1Beta1, Community, GROUP, IpAddressPool, L2Advertisement,
};
use crate::{Object, Problem, convert, decode};

/// What users wrote, as far as it decodes. The order of objects means nothing.
#[derive(Clone, Debug, Default)]
pub struct RawConfig {
    /// IPAddressPools.
    pub pools: Vec<IpAddressPool>,
    /// L2Advertisements.
    pub l2_advertisements: Vec<L2Advertisement>,
    /// BGPAdvertisements.
    pub bgp_advertisements: Vec<BgpAdvertisement>,
    /// BGPPeers.
    pub bgp_peers: Vec<BgpPeer>,
    /// BFDProfiles.
    pub bfd_profiles: Vec<BfdProfile>,
    /// Community objects.
    pub communities: Vec<Community>,
    /// Secrets that peers may name; only count with [`Rules::with_secrets`].
    pub secrets: Vec<Secret>,
    /// What was already noticed while reading.
    pub notes: Vec<Problem>,
    /// What else decides about acceptance.
    pub rules: Rules,
}

impl RawConfig {
    /// Adds an object of whatever kind and version; gives whether the kind is one that configures something.
    ///
    /// # Errors
    /// What keeps the object from being decoded; it is not added.
    pub fn add(&mut self, value: &Value) -> Result<bool, Box<Problem>> {
        let text = |key| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let (group, version) = text("apiVersion")
            .split_once('/')
            .unwrap_or(("", text("apiVersion")));
        match (group, text("kind")) {
            (GROUP, IpAddressPool::KIND) => self.pools.push(decode(value)?),
            (GROUP, L2Advertisement::KIND) => self.l2_advertisements.push(decode(value)?),
            (GROUP, BgpAdvertisement::KIND) => self.bgp_advertisements.push(decode(value)?),
            (GROUP, BgpPeer::KIND) if version == BgpPeerV1Beta1::VERSION => self.add_old_peer(value)?,
            (GROUP, BgpPeer::KIND) => self.bgp_peers.push(decode(value)?),
            (GROUP, BfdProfile::KIND) => self.bfd_profiles.push(decode(value)?),
            (GROUP, Community::KIND) => self.communities.push(decode(value)?),
            ("", Secret::KIND) => self.secrets.push(decode(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn add_old_peer(&mut self, value: &Value) -> Result<(), Box<Problem>> {
        let old: BgpPeerV1Beta1 = decode(value)?;
        self.bgp_peers.push(BgpPeer {
            spec: convert::to_v1beta2(&old.spec),
            metadata: old.metadata,
        });
        Ok(())
    }
}
