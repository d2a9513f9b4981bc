//! What the layer 2 machine needs to know of an interface.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_diagnosis::Obstacle;
use ferrolb_gossip::Meta;
use ferrolb_l2::{Input, Link};
use ferrolb_netio::link::{Link as KernelLink, LinkChange};
use ferrolb_types::{InterfaceIndex, InterfaceName, IpNet};

use crate::exclude::ExcludedInterfaces;

/// Which interfaces may be used, and which are there.
pub(crate) struct Links {
    /// `--interfaces`; empty: all.
    chosen: Vec<InterfaceName>,
    excluded: ExcludedInterfaces,
    present: BTreeMap<InterfaceIndex, KernelLink>,
    /// The node is cut off, and nothing is to be announced anywhere.
    is_isolated: bool,
    /// What others were told last.
    told: Meta,
}

impl Links {
    pub(crate) fn new(chosen: Vec<InterfaceName>, excluded: ExcludedInterfaces) -> Self {
        Self {
            chosen,
            excluded,
            present: BTreeMap::new(),
            is_isolated: false,
            told: Meta::default(),
        }
    }

    /// The input that says what `change` says.
    pub(crate) fn observe(&mut self, change: LinkChange) -> Input {
        match change {
            LinkChange::Applied(link) => {
                let described = self.describe(&link);
                self.present.insert(link.index, link);
                Input::LinkChanged(described)
            }
            LinkChange::Removed(index) => {
                self.present.remove(&index);
                Input::LinkDisappeared(index)
            }
        }
    }

    /// The node is cut off (`--isolation=stop`), or not any more: the inputs that say so of every interface.
    pub(crate) fn isolate(&mut self, is_isolated: bool) -> Vec<(InterfaceIndex, Input)> {
        self.is_isolated = is_isolated;
        let present = self.present.values();
        present
            .map(|link| (link.index, Input::LinkChanged(self.describe(link))))
            .collect()
    }

    /// An interface that is there.
    pub(crate) fn find(&self, index: InterfaceIndex) -> Option<&KernelLink> {
        self.present.get(&index)
    }

    /// Every interface, and why nothing can be announced on it, if that is so.
    pub(crate) fn standings(&self) -> impl Iterator<Item = (&KernelLink, Option<Obstacle>)> {
        self.present.values().map(|link| (link, self.obstacle(link)))
    }

    /// The name of an interface, for people.
    pub(crate) fn name(&self, index: InterfaceIndex) -> String {
        self.present
            .get(&index)
            .map_or_else(|| format!("index {index}"), |link| link.name.to_string())
    }

    /// Whether an interface of this name exists and is not excluded (layer2 3.2, "Announcement").
    pub(crate) fn has(&self, name: &InterfaceName) -> bool {
        !self.is_excluded(name) && self.present.values().any(|present| present.name == *name)
    }

    fn is_excluded(&self, name: &InterfaceName) -> bool {
        self.excluded.contains(name) || !(self.chosen.is_empty() || self.chosen.contains(name))
    }

    /// Whether any interface can announce.
    pub(crate) fn any_usable(&self) -> bool {
        self.present.values().any(|link| self.can_announce(link))
    }

    /// What others are to be told of this node's interfaces, if it is something else than before. A speaker that is not ready
    /// tells that it can announce nowhere: it is passed over, so that the one that stands in goes on until then.
    pub(crate) fn changed_meta(&mut self, is_ready: bool) -> Option<Meta> {
        let usable = || self.present.values().filter(|link| self.can_announce(link));
        let addresses = || usable().flat_map(|link| &link.addresses);
        let subnets = if is_ready {
            addresses().filter_map(connected).collect()
        } else {
            BTreeSet::new()
        };
        let meta = Meta {
            subnets: Some(subnets),
            macs: usable().filter_map(|link| link.mac).collect(),
            ..Meta::default()
        };
        (meta != self.told).then(|| {
            self.told = meta.clone();
            meta
        })
    }

    fn can_announce(&self, link: &KernelLink) -> bool {
        !self.is_isolated && self.obstacle(link).is_none()
    }

    /// As far as the interface itself goes (layer2 6.2).
    fn obstacle(&self, link: &KernelLink) -> Option<Obstacle> {
        if self.is_excluded(&link.name) {
            Some(Obstacle::Excluded)
        } else if link.noarp || !link.broadcast || link.mac.is_none() {
            Some(Obstacle::NoResolution)
        } else if link.controller.is_some() {
            Some(Obstacle::Member)
        } else if !link.up {
            Some(Obstacle::Down)
        } else if !link.carrier {
            Some(Obstacle::NoCarrier)
        } else {
            None
        }
    }

    fn describe(&self, link: &KernelLink) -> Link {
        Link {
            index: link.index,
            excluded: self.is_isolated || self.is_excluded(&link.name),
            name: link.name.clone(),
            mac: link.mac,
            up: link.up,
            carrier: link.carrier,
            carrier_ups: link.carrier_ups,
            broadcast: link.broadcast,
            noarp: link.noarp,
            enslaved: link.controller.is_some(),
            link_local: link.link_local,
        }
    }
}

/// The subnet that an address connects to; none of a host address, and none of the links' own addresses, which every
/// interface has.
fn connected(address: &IpNet) -> Option<IpNet> {
    let is_link_local = match address.addr() {
        std::net::IpAddr::V4(v4) => v4.is_link_local(),
        std::net::IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    (address.prefix_len() < address.max_prefix_len() && !is_link_local).then(|| address.trunc())
}
