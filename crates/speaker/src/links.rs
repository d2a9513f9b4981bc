//! What the layer 2 machine needs to know of an interface.

use std::collections::BTreeMap;

use ferrolb_l2::{Input, Link};
use ferrolb_netio::link::{Link as KernelLink, LinkChange};
use ferrolb_types::{InterfaceIndex, InterfaceName};

use crate::exclude::ExcludedInterfaces;

/// Which interfaces may be used, and which are there.
pub(crate) struct Links {
    /// `--interfaces`; empty: all.
    chosen: Vec<InterfaceName>,
    excluded: ExcludedInterfaces,
    present: BTreeMap<InterfaceIndex, InterfaceName>,
}

impl Links {
    pub(crate) const fn new(chosen: Vec<InterfaceName>, excluded: ExcludedInterfaces) -> Self {
        Self {
            chosen,
            excluded,
            present: BTreeMap::new(),
        }
    }

    /// The input that says what `change` says.
    pub(crate) fn observe(&mut self, change: LinkChange) -> Input {
        match change {
            LinkChange::Applied(link) => {
                self.present.insert(link.index, link.name.clone());
                Input::LinkChanged(self.describe(link))
            }
            LinkChange::Removed(index) => {
                self.present.remove(&index);
                Input::LinkDisappeared(index)
            }
        }
    }

    /// The name of an interface, for people.
    pub(crate) fn name(&self, index: InterfaceIndex) -> String {
        self.present
            .get(&index)
            .map_or_else(|| format!("index {index}"), ToString::to_string)
    }

    /// Whether an interface of this name exists and is not excluded (layer2 3.2, "Announcement").
    pub(crate) fn has(&self, name: &InterfaceName) -> bool {
        !self.is_excluded(name) && self.present.values().any(|present| present == name)
    }

    fn is_excluded(&self, name: &InterfaceName) -> bool {
        self.excluded.contains(name) || !(self.chosen.is_empty() || self.chosen.contains(name))
    }

    fn describe(&self, link: KernelLink) -> Link {
        Link {
            index: link.index,
            excluded: self.is_excluded(&link.name),
            name: link.name,
            mac: link.mac,
            up: link.up,
            carrier: link.carrier,
            broadcast: link.broadcast,
            noarp: link.noarp,
            enslaved: link.controller.is_some(),
            link_local: link.link_local,
        }
    }
}
