//! What the kernel says of the node's network stack, as facts to be judged.

use std::net::{IpAddr, Ipv4Addr};

use ferrolb_diagnosis::{Interface, Network, Settings, Standing};
use ferrolb_netio::link::{Link, LinkChange};
use ferrolb_netio::{Namespace, RouteLookup, Setting};
use ferrolb_types::{InterfaceName, NodeName};

use crate::exclude::ExcludedInterfaces;
use crate::links::Links;

/// Stands for all clients that are on no segment of the node: an address that is on none, kept for documentation (RFC 5737).
/// No packet is sent to it.
const FAR_CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// The network stack that the calling thread is in, as a speaker on `node` with these flags would see it.
///
/// # Errors
/// When the kernel does not list its interfaces.
pub fn observe_network(
    node: NodeName,
    interfaces: Vec<InterfaceName>,
    excluded: ExcludedInterfaces,
) -> anyhow::Result<Network> {
    let mut links = Links::new(interfaces, excluded);
    for link in Namespace::current()?.links()?.links() {
        links.observe(LinkChange::Applied(link.clone()));
    }
    Ok(observe(node, &links))
}

/// Adds to what is known of the interfaces the settings of those that can be announced on.
pub(crate) fn observe(node: NodeName, links: &Links) -> Network {
    let mut lookup = RouteLookup::open().ok();
    let interfaces = links.standings().map(|(link, obstacle)| Interface {
        name: link.name.clone(),
        addresses: link.addresses.clone(),
        standing: match obstacle {
            Some(obstacle) => Standing::Unusable(obstacle),
            None => Standing::Usable(settings(link, lookup.as_mut())),
        },
    });
    Network {
        node,
        interfaces: interfaces.collect(),
    }
}

/// None where `/proc/sys` is not there or may not be read.
fn settings(link: &Link, lookup: Option<&mut RouteLookup>) -> Option<Settings> {
    let value = |setting: Setting| setting.value(&link.name).ok();
    let rp_filter = value(Setting::ReversePathFilter)?;
    let own = link.addresses.iter().find_map(|net| match net.addr() {
        IpAddr::V4(own) => Some(own),
        IpAddr::V6(_) => None,
    });
    // With mode 0 the kernel drops nothing, so it need not be asked.
    let asked = lookup.zip(own).filter(|_| rp_filter != 0);
    let drops = asked.is_some_and(|(lookup, own)| {
        lookup.reaches(FAR_CLIENT) && !lookup.takes(FAR_CLIENT, own, link.index)
    });
    Some(Settings {
        arp_ignore: value(Setting::ArpIgnore)?,
        arp_announce: value(Setting::ArpAnnounce)?,
        rp_filter,
        drops_routed_clients: drops,
    })
}
