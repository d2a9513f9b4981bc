//! What the configuration means: checked, with names and selectors ready to be matched.

mod bfd_profile;
mod bgp_advertisement;
mod bgp_peer;
mod l2_advertisement;
mod pool;
mod pool_selection;

pub use bfd_profile::BfdProfile;
pub use bgp_advertisement::BgpAdvertisement;
pub use bgp_peer::{BgpPeer, Password, PeerAsn, Remote, Timers};
pub use l2_advertisement::{Interfaces, L2Advertisement, NodePreference};
pub use pool::{AddressEntry, Pool, ServiceAllocation, is_buggy};
pub use pool_selection::PoolSelection;

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_types::{Labels, PoolName, Selector};
use serde::{Deserialize, Serialize};

use crate::Community;

/// Everything accepted, ready for decisions. Refused objects are simply absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Pools by name. No address is in two of them.
    pub pools: BTreeMap<PoolName, Arc<Pool>>,
    /// Layer 2 advertisements, by object name.
    pub l2_advertisements: BTreeMap<Box<str>, Arc<L2Advertisement>>,
    /// BGP advertisements, by object name.
    pub bgp_advertisements: BTreeMap<Box<str>, Arc<BgpAdvertisement>>,
    /// BGP peers, by object name.
    pub bgp_peers: BTreeMap<Box<str>, Arc<BgpPeer>>,
    /// BFD profiles, by object name.
    pub bfd_profiles: BTreeMap<Box<str>, Arc<BfdProfile>>,
    /// What the aliases of all Community objects stand for.
    pub communities: BTreeMap<Box<str>, Community>,
}

/// Whether any selector matches, or none is given.
#[must_use]
pub fn any_or_empty(selectors: &[Selector], labels: &Labels) -> bool {
    selectors.is_empty() || selectors.iter().any(|s| s.matches(labels))
}
