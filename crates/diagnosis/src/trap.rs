//! Settings of a node that keep layer 2 from working although every object is right (layer2 6.7).
//!
//! | Trap | What happens |
//! |---|---|
//! | `StrictArpMissing` | kube-proxy in IPVS mode gives every node every Service address, and the kernels of all answer |
//! | `AddressOnNode` | an interface of the node has the address of a Service, and the kernel answers for it |
//! | `ReversePathFilter` | the node drops what clients beyond the segment send to an address that it answers for |
//! | `NoUsableInterface` | the node can announce nothing at all |

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::{Reason, reason};
use ferrolb_types::{InterfaceName, IpNet, ObjectKey};

use crate::network::{Interface, Network, Settings, Standing};

/// Where kube-proxy and kube-router keep the addresses of Services in IPVS mode.
const PROXY_INTERFACES: [&str; 2] = ["kube-ipvs0", "kube-dummy-if"];
const LOOPBACK: &str = "lo";
/// Services that are told one by one; beyond, it is one thing that all of them suffer from.
const SERVICES_MAX: usize = 32;
/// Interfaces that a message names.
const NAMES_MAX: usize = 8;

/// Something that is wrong with a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// Whose problem it is.
    pub about: About,
    /// The word for it.
    pub reason: Reason,
    /// What, where, and what to do.
    pub message: String,
}

/// Whose problem something is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// The node's.
    Node,
    /// That of a Service.
    Service(ObjectKey),
}

/// Finds the traps of a node, for Services with these addresses; those of the node come first. The same facts give the same
/// traps in the same order.
pub fn traps<'a>(
    network: &Network,
    services: impl IntoIterator<Item = (&'a ObjectKey, &'a [IpAddr])>,
) -> Vec<Trap> {
    let mut search = Search::new(network);
    for (service, addresses) in services {
        for address in addresses {
            search.visit(service, *address);
        }
    }
    search.finish()
}

/// One look at a node, with what the addresses of Services bring to light.
struct Search<'a> {
    network: &'a Network,
    /// Addresses of the node, and on which interface each is.
    local: BTreeMap<IpAddr, &'a Interface>,
    /// Interfaces that drop what comes from beyond the segment, with their subnets; a problem only if there is an address in
    /// one that such clients ask for.
    filtered: Vec<(&'a Interface, Option<IpAddr>)>,
    on_node: BTreeMap<&'a InterfaceName, Vec<(IpAddr, ObjectKey)>>,
    /// Addresses of Services on an interface of a service proxy.
    proxied: usize,
}

impl<'a> Search<'a> {
    fn new(network: &'a Network) -> Self {
        let local = network.interfaces.iter().flat_map(|interface| {
            let addresses = interface.addresses.iter();
            addresses.map(move |net| (net.addr(), interface))
        });
        let drops = |interface: &&Interface| interface.settings().is_some_and(drops_routed);
        let filtered = network.interfaces.iter().filter(drops);
        Self {
            network,
            local: local.collect(),
            filtered: filtered.map(|interface| (interface, None)).collect(),
            on_node: BTreeMap::new(),
            proxied: 0,
        }
    }

    fn visit(&mut self, service: &ObjectKey, address: IpAddr) {
        for (interface, affected) in &mut self.filtered {
            if affected.is_none() && connects_to(interface, address) {
                *affected = Some(address);
            }
        }
        match self.local.get(&address) {
            Some(interface) if is_proxy(interface) => self.proxied += 1,
            Some(interface) => {
                let found = self.on_node.entry(&interface.name).or_default();
                found.push((address, service.clone()));
            }
            None => {}
        }
    }

    fn finish(self) -> Vec<Trap> {
        let mut traps = Vec::new();
        traps.extend(no_usable_interface(self.network));
        traps.extend(self.strict_arp_missing());
        let filtered = self.filtered.iter();
        traps.extend(filtered.filter_map(|(interface, affected)| {
            Some(reverse_path_filter(self.network, interface, (*affected)?))
        }));
        for (name, found) in &self.on_node {
            self.addresses_on_node(name, found, &mut traps);
        }
        traps
    }

    /// The kernel of every node answers for what kube-proxy gives it, unless it is told not to.
    fn strict_arp_missing(&self) -> Option<Trap> {
        let proxy = self.network.interfaces.iter().find(|i| is_proxy(i))?;
        let lax = |settings: Settings| settings.answers_for_others() || settings.claims_for_others();
        let open = usable(self.network).filter(|(_, settings)| settings.is_some_and(lax));
        let open: Vec<String> = open
            .map(|(interface, settings)| {
                let settings = settings.unwrap_or_default();
                let (ignore, announce) = (settings.arp_ignore, settings.arp_announce);
                format!(
                    "`{}` (arp_ignore {ignore}, arp_announce {announce})",
                    interface.name
                )
            })
            .collect();
        if open.is_empty() {
            return None;
        }
        let count = match self.proxied {
            0 => "the addresses of Services".to_owned(),
            1 => "1 address of a Service".to_owned(),
            n => format!("{n} addresses of Services"),
        };
        Some(self.of_node(
            reason::STRICT_ARP_MISSING,
            format!(
                "kube-proxy in IPVS mode keeps {count} on `{}` of node \"{}\", whose kernel answers for them on {} whoever \
                 owns them; set `ipvs.strictARP: true` in the ConfigMap kube-system/kube-proxy and restart kube-proxy",
                proxy.name,
                self.network.node,
                list(open),
            ),
        ))
    }

    /// The addresses of Services on one interface; nothing if the kernel does not answer for them.
    fn addresses_on_node(&self, name: &InterfaceName, found: &[(IpAddr, ObjectKey)], traps: &mut Vec<Trap>) {
        let mut told = BTreeSet::new();
        for (address, service) in found {
            let answering = self.answering(name, *address);
            if answering.is_empty() || !told.insert(service) {
                continue;
            }
            if told.len() > SERVICES_MAX {
                break;
            }
            traps.push(Trap {
                about: About::Service(service.clone()),
                reason: reason::ADDRESS_ON_NODE,
                message: self.address_on_node(name, *address, answering),
            });
        }
    }

    fn address_on_node(
        &self,
        name: &InterfaceName,
        address: IpAddr,
        answering: Vec<&InterfaceName>,
    ) -> String {
        // What an interface has itself it is asked for whatever the setting is.
        let is_itself = answering.contains(&name);
        let remedy = if is_itself || address.is_ipv6() {
            "remove it there, or take it out of the pool"
        } else {
            "remove it there, or set `net.ipv4.conf.all.arp_ignore` to 1 and `arp_announce` to 2"
        };
        format!(
            "{address} is on interface `{name}` of node \"{}\", whose kernel answers for it on {} whoever owns it; {remedy}",
            self.network.node,
            list(answering.into_iter().map(|name| format!("`{name}`")).collect()),
        )
    }

    /// On which interfaces that can be announced on the kernel answers for an address that the interface `holder` has.
    /// For IPv6 that is where the address is and nowhere else.
    fn answering(&self, holder: &InterfaceName, address: IpAddr) -> Vec<&'a InterfaceName> {
        let answers = |(interface, settings): &(&Interface, Option<Settings>)| {
            let is_holder = interface.name == *holder;
            match (address, settings) {
                (IpAddr::V6(_), _) => is_holder,
                (IpAddr::V4(_), None) => false,
                (IpAddr::V4(_), Some(settings)) if is_holder => settings.answers_for_own(),
                (IpAddr::V4(_), Some(settings)) => settings.answers_for_others(),
            }
        };
        let answering = usable(self.network).filter(answers);
        answering.map(|(interface, _)| &interface.name).collect()
    }

    const fn of_node(&self, reason: Reason, message: String) -> Trap {
        Trap {
            about: About::Node,
            reason,
            message,
        }
    }
}

fn no_usable_interface(network: &Network) -> Option<Trap> {
    if usable(network).next().is_some() {
        return None;
    }
    let why = network
        .interfaces
        .iter()
        .filter_map(|interface| match interface.standing {
            // Nobody expects anything of it.
            _ if interface.name.as_str() == LOOPBACK => None,
            Standing::Unusable(obstacle) => Some(format!("`{}` {obstacle}", interface.name)),
            Standing::Usable(_) => None,
        });
    let why: Vec<String> = why.collect();
    let why = if why.is_empty() {
        "it has none but the loopback".to_owned()
    } else {
        list(why)
    };
    Some(Trap {
        about: About::Node,
        reason: reason::NO_USABLE_INTERFACE,
        message: format!(
            "node \"{}\" can announce nothing by layer 2, since no interface is fit for it: {why}; bring one up, or correct \
             the exclusion file and `--interfaces`",
            network.node
        ),
    })
}

fn reverse_path_filter(network: &Network, interface: &Interface, address: IpAddr) -> Trap {
    Trap {
        about: About::Node,
        reason: reason::REVERSE_PATH_FILTER,
        message: format!(
            "node \"{}\" drops what clients beyond the segment of `{name}` send there to {address} and its like, since it \
             answers them by another interface and `rp_filter` is strict; set `net.ipv4.conf.{name}.rp_filter` and that of \
             `all` to 2, or route the answers back by `{name}`",
            network.node,
            name = interface.name,
        ),
    }
}

/// Interfaces that can be announced on, with what is known of their settings.
fn usable(network: &Network) -> impl Iterator<Item = (&Interface, Option<Settings>)> {
    let usable = network
        .interfaces
        .iter()
        .filter(|interface| interface.is_usable());
    usable.map(|interface| (interface, interface.settings()))
}

/// Strict mode of RFC 3704; mode 2 drops only what cannot be answered at all.
const fn drops_routed(settings: Settings) -> bool {
    settings.rp_filter == 1 && settings.drops_routed_clients
}

fn connects_to(interface: &Interface, address: IpAddr) -> bool {
    let subnets = interface.addresses.iter().map(IpNet::trunc);
    address.is_ipv4() && subnets.into_iter().any(|subnet| subnet.contains(&address))
}

fn is_proxy(interface: &Interface) -> bool {
    PROXY_INTERFACES.contains(&interface.name.as_str())
}

/// The first few, and how many more there are.
fn list(mut items: Vec<String>) -> String {
    let more = items.len().saturating_sub(NAMES_MAX);
    items.truncate(NAMES_MAX);
    if more > 0 {
        items.push(format!("{more} more"));
    }
    items.join(", ")
}

#[cfg(test)]
mod tests;
