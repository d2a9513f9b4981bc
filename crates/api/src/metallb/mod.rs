//! The kinds of the `metallb.io` group as they are written, unchecked (api-and-config section 1).
//!
//! Numbers are wide and durations are text, so that a value out of range is found by `resolve`, which names the field,
//! and not by the decoder, which would lose the object. What a field means is described in the CRDs.

mod bfd_profile;
mod bgp_advertisement;
mod bgp_peer;
mod bgp_peer_v1beta1;
mod community;
mod configuration_state;
mod l2_advertisement;
mod pool;
mod selector;
mod service_bgp_status;
mod service_l2_status;

pub use bfd_profile::{BfdProfile, BfdProfileSpec};
pub use bgp_advertisement::{BgpAdvertisement, BgpAdvertisementSpec};
pub use bgp_peer::{BgpPeer, BgpPeerSpec, SecretReference};
pub use bgp_peer_v1beta1::{
    BgpPeer as BgpPeerV1Beta1, BgpPeerSpec as BgpPeerSpecV1Beta1, NodeSelector, NodeSelectorExpression,
};
pub use community::{Alias, Community, CommunitySpec};
pub use configuration_state::{Condition, ConfigurationResult, ConfigurationState, ConfigurationStateStatus};
pub use l2_advertisement::{L2Advertisement, L2AdvertisementSpec, PreferredNode};
pub use pool::{IpAddressPool, IpAddressPoolSpec, IpAddressPoolStatus, ServiceAllocation};
pub use selector::{LabelSelector, LabelSelectorRequirement};
pub use service_bgp_status::{ServiceBgpStatus, ServiceBgpStatusStatus};
pub use service_l2_status::{InterfaceInfo, ServiceL2Status, ServiceL2StatusStatus};

/// The API group of all kinds here.
pub const GROUP: &str = "metallb.io";

#[cfg(test)]
mod tests;
