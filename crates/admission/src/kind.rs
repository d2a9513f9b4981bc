//! The kinds that are reviewed, and where.

use ferrolb_api::metallb::{
    BfdProfile, BgpAdvertisement, BgpPeer, BgpPeerV1Beta1, Community, IpAddressPool, L2Advertisement,
};
use ferrolb_api::{Change, Object, Problem, convert, decode};
use serde_json::Value;

/// A kind with a webhook of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Pools.
    IpAddressPool,
    /// Announcing by ARP and NDP.
    L2Advertisement,
    /// Announcing by BGP.
    BgpAdvertisement,
    /// Names for BGP communities.
    Community,
    /// Parameters of BFD.
    BfdProfile,
    /// Routers.
    BgpPeer,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::IpAddressPool,
        Self::L2Advertisement,
        Self::BgpAdvertisement,
        Self::Community,
        Self::BfdProfile,
        Self::BgpPeer,
    ];

    /// As a manifest writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IpAddressPool => IpAddressPool::KIND,
            Self::L2Advertisement => L2Advertisement::KIND,
            Self::BgpAdvertisement => BgpAdvertisement::KIND,
            Self::Community => Community::KIND,
            Self::BfdProfile => BfdProfile::KIND,
            Self::BgpPeer => BgpPeer::KIND,
        }
    }

    /// The path under which its objects are reviewed.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::IpAddressPool => "/validate-metallb-io-v1beta1-ipaddresspool",
            Self::L2Advertisement => "/validate-metallb-io-v1beta1-l2advertisement",
            Self::BgpAdvertisement => "/validate-metallb-io-v1beta1-bgpadvertisement",
            Self::Community => "/validate-metallb-io-v1beta1-community",
            Self::BfdProfile => "/validate-metallb-io-v1beta1-bfdprofile",
            Self::BgpPeer => "/validate-metallb-io-v1beta2-bgppeer",
        }
    }

    /// Whether what its objects say is decided for each node.
    pub(crate) const fn meets_on_nodes(self) -> bool {
        matches!(self, Self::BgpPeer | Self::BgpAdvertisement)
    }

    /// An object of this kind as a change of the configuration.
    ///
    /// # Errors
    /// What keeps the object from being decoded.
    pub(crate) fn decode(self, object: &Value) -> Result<Change, Box<Problem>> {
        Ok(match self {
            Self::IpAddressPool => decode::<IpAddressPool>(object)?.into(),
            Self::L2Advertisement => decode::<L2Advertisement>(object)?.into(),
            Self::BgpAdvertisement => decode::<BgpAdvertisement>(object)?.into(),
            Self::Community => decode::<Community>(object)?.into(),
            Self::BfdProfile => decode::<BfdProfile>(object)?.into(),
            Self::BgpPeer if is_old(object) => {
                let old: BgpPeerV1Beta1 = decode(object)?;
                let spec = convert::to_v1beta2(&old.spec);
                BgpPeer {
                    metadata: old.metadata,
                    spec,
                }
                .into()
            }
            Self::BgpPeer => decode::<BgpPeer>(object)?.into(),
        })
    }
}

/// An API server converts before it asks, unless its configuration says `matchPolicy: Exact`.
fn is_old(object: &Value) -> bool {
    object["apiVersion"] == BgpPeerV1Beta1::api_version()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_names_its_kind() {
        for kind in Kind::ALL {
            assert!(kind.path().ends_with(&kind.name().to_lowercase()), "{kind:?}");
        }
    }
}
