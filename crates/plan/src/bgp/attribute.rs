//! What a route says beside its prefix.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferrolb_api::Community;
use ferrolb_api::resolved::BgpAdvertisement;

/// Attributes of a route as the advertisements ask for them, before any detail of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// LOCAL_PREF (RFC 4271 5.1.5), which only internal peers are sent; 0 means unset.
    pub local_pref: u32,
    /// Communities of both kinds, ascending by value, each once.
    pub communities: Arc<[Community]>,
}

impl Attributes {
    /// What one advertisement asks for.
    pub(super) fn of(advertisement: &BgpAdvertisement) -> Self {
        Self {
            local_pref: advertisement.local_pref,
            communities: advertisement.communities.iter().copied().collect(),
        }
    }

    /// Adds the communities of another advertisement for the same prefix (bgp 1.5).
    pub(super) fn unite(&mut self, other: &Self) {
        if other.communities.iter().all(|c| self.communities.contains(c)) {
            return;
        }
        let all: BTreeSet<_> = self.communities.iter().chain(&*other.communities).collect();
        self.communities = all.into_iter().copied().collect();
    }
}
