//! The known links, and the difference that a notification or a new dump makes. No input or output here.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use ferrolb_types::{InterfaceIndex, IpNet};

use super::{Link, LinkChange};

/// One thing that the kernel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The link, without its addresses.
    Link(Link),
    LinkGone(InterfaceIndex),
    Address(InterfaceIndex, Address),
    AddressGone(InterfaceIndex, IpNet),
}

/// An address of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) net: IpNet,
    /// Duplicate address detection is not finished.
    pub(super) tentative: bool,
    /// Duplicate address detection found another owner.
    pub(super) duplicate: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    link: Link,
    addresses: BTreeMap<IpNet, Address>,
}

/// All known links.
#[derive(Clone, Debug, Default)]
pub struct LinkTable {
    entries: BTreeMap<InterfaceIndex, Entry>,
}

impl LinkTable {
    /// The links in order of their indices.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.entries.values().map(|e| &e.link)
    }

    /// Takes in what the kernel said; returns the change that it makes, if it makes one.
    pub(super) fn apply(&mut self, notice: Notice) -> Option<LinkChange> {
        match notice {
            Notice::Link(link) => self.apply_link(link),
            Notice::LinkGone(index) => self.entries.remove(&index).map(|_| LinkChange::Removed(index)),
            // An address of an unknown link is left out: the kernel announces the link before its addresses.
            Notice::Address(index, address) => self.entries.get_mut(&index)?.change(|addresses| {
                addresses.insert(address.net, address);
            }),
            Notice::AddressGone(index, net) => self.entries.get_mut(&index)?.change(|addresses| {
                addresses.remove(&net);
            }),
        }
    }

    fn apply_link(&mut self, mut link: Link) -> Option<LinkChange> {
        let Some(entry) = self.entries.get_mut(&link.index) else {
            let entry = Entry {
                link: link.clone(),
                addresses: BTreeMap::new(),
            };
            self.entries.insert(link.index, entry);
            return Some(LinkChange::Applied(link));
        };
        link.addresses.clone_from(&entry.link.addresses);
        link.link_local = entry.link.link_local;
        entry.replace_link(link)
    }

    /// Puts `fresh`, a table from a new dump, in the place of what is known; returns the differences,
    /// removals first because a new link may have the name of a removed one.
    pub(super) fn replace(&mut self, fresh: Self) -> Vec<LinkChange> {
        let old = std::mem::replace(&mut self.entries, fresh.entries);
        let gone = old.keys().filter(|index| !self.entries.contains_key(index));
        let removed = gone.map(|&index| LinkChange::Removed(index));
        let differs = |link: &&Link| old.get(&link.index).map(|e| &e.link) != Some(link);
        let applied = self.links().filter(differs).cloned().map(LinkChange::Applied);
        removed.chain(applied).collect()
    }
}

impl Entry {
    fn change(&mut self, edit: impl FnOnce(&mut BTreeMap<IpNet, Address>)) -> Option<LinkChange> {
        edit(&mut self.addresses);
        let mut link = self.link.clone();
        link.addresses = self
            .addresses
            .values()
            .filter(|a| !a.duplicate)
            .map(|a| a.net)
            .collect();
        link.link_local = self.addresses.values().find_map(usable_link_local);
        self.replace_link(link)
    }

    fn replace_link(&mut self, link: Link) -> Option<LinkChange> {
        if link == self.link {
            return None;
        }
        self.link = link.clone();
        Some(LinkChange::Applied(link))
    }
}

fn usable_link_local(address: &Address) -> Option<Ipv6Addr> {
    match address.net.addr() {
        IpAddr::V6(v6) if v6.is_unicast_link_local() && !address.tentative && !address.duplicate => Some(v6),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_types::InterfaceName;

    use super::*;

    fn link(index: u32, name: &str) -> Link {
        Link {
            index: InterfaceIndex(index),
            name: InterfaceName::new(name),
            mac: None,
            up: true,
            carrier: true,
            carrier_ups: 1,
            broadcast: true,
            noarp: false,
            controller: None,
            kind: None,
            addresses: Default::default(),
            link_local: None,
        }
    }

    fn address(text: &str) -> Address {
        Address {
            net: text.parse().unwrap(),
            tentative: false,
            duplicate: false,
        }
    }

    fn table_with(links: &[Link]) -> LinkTable {
        let mut table = LinkTable::default();
        for link in links {
            table.apply(Notice::Link(link.clone()));
        }
        table
    }

    fn applied(change: Option<LinkChange>) -> Link {
        match change {
            Some(LinkChange::Applied(link)) => link,
            other => panic!("expected a changed link, got {other:?}"),
        }
    }

    const INDEX: InterfaceIndex = InterfaceIndex(7);

    #[test]
    fn a_new_link_is_reported_and_an_unchanged_one_is_not() {
        let mut table = LinkTable::default();
        let change = table.apply(Notice::Link(link(7, "eth0")));
        assert_eq!(change, Some(LinkChange::Applied(link(7, "eth0"))));
        assert_eq!(table.apply(Notice::Link(link(7, "eth0"))), None);
    }

    #[test]
    fn a_renamed_link_keeps_its_index_and_addresses() {
        let mut table = table_with(&[link(7, "eth0")]);
        table.apply(Notice::Address(INDEX, address("192.0.2.1/24")));
        let renamed = applied(table.apply(Notice::Link(link(7, "lan0"))));
        assert_eq!(renamed.name.as_str(), "lan0");
        assert!(renamed.addresses.contains(&"192.0.2.1/24".parse().unwrap()));
    }

    #[test]
    fn a_removed_link_is_reported_once_and_forgets_its_addresses() {
        let mut table = table_with(&[link(7, "eth0")]);
        table.apply(Notice::Address(INDEX, address("192.0.2.1/24")));
        assert_eq!(
            table.apply(Notice::LinkGone(INDEX)),
            Some(LinkChange::Removed(INDEX))
        );
        assert_eq!(table.apply(Notice::LinkGone(INDEX)), None);
        assert!(
            applied(table.apply(Notice::Link(link(7, "eth0"))))
                .addresses
                .is_empty()
        );
    }

    #[test]
    fn a_link_local_address_counts_when_it_is_no_longer_tentative() {
        let mut table = table_with(&[link(7, "eth0")]);
        let tentative = Address {
            tentative: true,
            ..address("fe80::1/64")
        };
        assert_eq!(
            applied(table.apply(Notice::Address(INDEX, tentative))).link_local,
            None
        );
        let usable = applied(table.apply(Notice::Address(INDEX, address("fe80::1/64"))));
        assert_eq!(usable.link_local, "fe80::1".parse().ok());
        let gone = applied(table.apply(Notice::AddressGone(INDEX, "fe80::1/64".parse().unwrap())));
        assert_eq!(gone.link_local, None);
    }

    #[test]
    fn a_duplicate_address_is_neither_listed_nor_a_source() {
        let mut table = table_with(&[link(7, "eth0")]);
        let duplicate = Address {
            duplicate: true,
            ..address("fe80::1/64")
        };
        assert_eq!(table.apply(Notice::Address(INDEX, duplicate)), None);
    }

    #[test]
    fn an_address_of_an_unknown_link_is_left_out() {
        let mut table = LinkTable::default();
        assert_eq!(table.apply(Notice::Address(INDEX, address("192.0.2.1/24"))), None);
        assert_eq!(table.links().count(), 0);
    }

    #[test]
    fn a_new_dump_yields_the_differences_only_removals_first() {
        let mut table = table_with(&[link(1, "lo"), link(2, "eth0"), link(3, "eth1")]);
        let fresh = table_with(&[link(1, "lo"), link(3, "lan1"), link(4, "eth0")]);
        let changes = table.replace(fresh);
        let expected = [
            LinkChange::Removed(InterfaceIndex(2)),
            LinkChange::Applied(link(3, "lan1")),
            LinkChange::Applied(link(4, "eth0")),
        ];
        assert_eq!(changes, expected);
        assert_eq!(table.links().count(), 3);
    }
}
