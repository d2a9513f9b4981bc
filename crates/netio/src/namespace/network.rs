//! What `ip link`, `ip address`, `ip route` and `ip neighbour` do, inside a namespace.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};

use ferrolb_types::{InterfaceIndex, InterfaceName, IpNet, MacAddr};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{
    InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoPortKind, InfoVeth, LinkAttribute,
    LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{Namespace, NamespaceError};
use crate::link::{Link, LinkTable};

/// The kernel's table of local addresses (`RT_TABLE_LOCAL`).
const LOCAL_TABLE: u8 = libc::RT_TABLE_LOCAL;

/// One end of a veth pair.
#[derive(Clone, Copy, Debug)]
pub struct VethEnd<'a> {
    /// Where it is put.
    pub namespace: &'a Namespace,
    /// Its name there.
    pub name: &'a str,
    /// Its hardware address; the kernel picks one if there is none.
    pub mac: Option<MacAddr>,
}

/// How a bridge treats multicast.
#[derive(Clone, Copy, Debug, Default)]
pub struct BridgeOptions {
    /// Forward a group only where it was reported (RFC 4541), else to all ports.
    pub snooping: bool,
    /// Ask for reports, without which nothing is snooped.
    pub querier: bool,
}

/// How long hosts may take to answer the querier, in hundredths of a second. The bridge floods for that long
/// after its first question.
const QUERY_RESPONSE_CENTISECONDS: u64 = 10;
/// How often the querier asks; the kernel's minimum. The first question fails because the bridge has no
/// address yet, so the second must not be far.
const QUERY_CENTISECONDS: u64 = 100;

/// An entry of the neighbour table: who answered for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// On which interface.
    pub interface: InterfaceIndex,
    /// Which address.
    pub address: IpAddr,
    /// Who answered; none while nobody did.
    pub mac: Option<MacAddr>,
    /// Answered or confirmed recently enough to be used without asking again.
    pub reachable: bool,
}

/// Interfaces.
impl Namespace {
    /// Creates two interfaces that are connected like by a cable, and sets both up.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn create_veth(one: VethEnd<'_>, other: VethEnd<'_>) -> Result<(), NamespaceError> {
        let mut message = veth_end(&one);
        let peer = InfoData::Veth(InfoVeth::Peer(veth_end(&other)));
        let info = vec![LinkInfo::Kind(InfoKind::Veth), LinkInfo::Data(peer)];
        message.attributes.push(LinkAttribute::LinkInfo(info));
        let action = format!("create the veth pair `{}` and `{}`", one.name, other.name);
        one.namespace
            .create(RouteNetlinkMessage::NewLink(message), action)?;
        // Not by a flag in the message: the kernel refuses to set one end up while the other does not exist.
        one.namespace.set_up(one.name)?;
        other.namespace.set_up(other.name)
    }

    /// Creates a bridge, a switch in software, that is up and forwards at once.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn create_bridge(&self, name: &str, options: BridgeOptions) -> Result<(), NamespaceError> {
        let mut message = named_link(name);
        message.attributes.push(bridge_settings(vec![
            InfoBridge::ForwardDelay(0),
            InfoBridge::MulticastSnooping(options.snooping),
            InfoBridge::MulticastQueryResponseInterval(QUERY_RESPONSE_CENTISECONDS),
            InfoBridge::MulticastStartupQueryInterval(QUERY_CENTISECONDS),
            InfoBridge::MulticastQueryInterval(QUERY_CENTISECONDS),
        ]));
        self.create(
            RouteNetlinkMessage::NewLink(message),
            format!("create the bridge `{name}`"),
        )?;
        // In a message of its own: the bridge takes the response interval into account that it has at that
        // time.
        let mut message = self.link_message(name)?;
        message
            .attributes
            .push(bridge_settings(vec![InfoBridge::MulticastQuerier(
                options.querier,
            )]));
        self.change_link(message, format!("set the querier of the bridge `{name}`"))?;
        self.set_up(name)
    }

    /// Deletes the interface, and with one end of a veth pair the other.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn delete_interface(&self, name: &str) -> Result<(), NamespaceError> {
        let message = RouteNetlinkMessage::DelLink(self.link_message(name)?);
        self.execute(message, 0, format!("delete `{name}`"))
    }

    /// `ip link set NAME up`.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn set_up(&self, name: &str) -> Result<(), NamespaceError> {
        let mut message = self.link_message(name)?;
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
        self.change_link(message, format!("set `{name}` up"))
    }

    /// `ip link set NAME down`; the other end of a veth pair loses its carrier.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn set_down(&self, name: &str) -> Result<(), NamespaceError> {
        let mut message = self.link_message(name)?;
        message.header.change_mask = LinkFlags::Up;
        self.change_link(message, format!("set `{name}` down"))
    }

    /// Gives the interface another hardware address.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn set_mac(&self, name: &str, mac: MacAddr) -> Result<(), NamespaceError> {
        let mut message = self.link_message(name)?;
        message
            .attributes
            .push(LinkAttribute::Address(mac.octets().to_vec()));
        self.change_link(message, format!("set the address of `{name}` to `{mac}`"))
    }

    /// Gives the interface another name.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn rename(&self, name: &str, new_name: &str) -> Result<(), NamespaceError> {
        let mut message = self.link_message(name)?;
        message
            .attributes
            .push(LinkAttribute::IfName(new_name.to_owned()));
        self.change_link(message, format!("rename `{name}` to `{new_name}`"))
    }

    /// Makes the interface a port of a bridge, or of none.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn set_controller(&self, name: &str, bridge: Option<&str>) -> Result<(), NamespaceError> {
        let controller = match bridge {
            Some(bridge) => self.interface_index(bridge)?.0,
            None => 0,
        };
        let mut message = self.link_message(name)?;
        message.attributes.push(LinkAttribute::Controller(controller));
        self.change_link(
            message,
            format!("connect `{name}` to `{}`", bridge.unwrap_or("nothing")),
        )
    }

    /// Cuts a bridge's port off from other isolated ports, or joins it to them again: a partition of the
    /// segment.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn set_isolated(&self, port: &str, isolated: bool) -> Result<(), NamespaceError> {
        let mut message = self.link_message(port)?;
        let data = InfoPortData::BridgePort(vec![InfoBridgePort::Isolated(isolated)]);
        let info = vec![LinkInfo::PortKind(InfoPortKind::Bridge), LinkInfo::PortData(data)];
        message.attributes.push(LinkAttribute::LinkInfo(info));
        self.change_link(message, format!("set isolation of `{port}` to `{isolated}`"))
    }

    /// The interface's index.
    ///
    /// # Errors
    /// [`NamespaceError::NoSuchInterface`].
    pub fn interface_index(&self, name: &str) -> Result<InterfaceIndex, NamespaceError> {
        Ok(InterfaceIndex(self.link_message(name)?.header.index))
    }

    /// The interface with its addresses.
    ///
    /// # Errors
    /// [`NamespaceError::NoSuchInterface`], or the kernel's answer.
    pub fn link(&self, name: &str) -> Result<Link, NamespaceError> {
        let wanted = InterfaceName::new(name);
        let table = self.links()?;
        let found = table.links().find(|link| link.name == wanted).cloned();
        found.ok_or_else(|| NamespaceError::NoSuchInterface(name.to_owned()))
    }

    /// All interfaces with their addresses, at this moment.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn links(&self) -> Result<LinkTable, NamespaceError> {
        LinkTable::observe(&mut self.requests()).map_err(NamespaceError::of("list links and addresses"))
    }

    /// A message about the interface with its index, for which the kernel is asked.
    fn link_message(&self, name: &str) -> Result<LinkMessage, NamespaceError> {
        let index = match self
            .requests()
            .get(RouteNetlinkMessage::GetLink(named_link(name)))
        {
            Ok(Some(RouteNetlinkMessage::NewLink(link))) => link.header.index,
            Err(error) if error.raw_os_error() != Some(libc::ENODEV) => {
                return Err(NamespaceError::of(format!("look up `{name}`"))(error));
            }
            _ => return Err(NamespaceError::NoSuchInterface(name.to_owned())),
        };
        let mut message = LinkMessage::default();
        message.header.index = index;
        Ok(message)
    }

    fn change_link(&self, message: LinkMessage, action: String) -> Result<(), NamespaceError> {
        self.execute(RouteNetlinkMessage::NewLink(message), 0, action)
    }
}

/// Addresses, routes and neighbours.
impl Namespace {
    /// Adds an address, usable at once.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn add_address(&self, name: &str, address: IpNet) -> Result<(), NamespaceError> {
        let mut message = self.address_message(name, address)?;
        message
            .attributes
            .push(AddressAttribute::Flags(AddressFlags::Nodad));
        self.create(
            RouteNetlinkMessage::NewAddress(message),
            format!("add `{address}` to `{name}`"),
        )
    }

    /// Removes an address.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn remove_address(&self, name: &str, address: IpNet) -> Result<(), NamespaceError> {
        let message = RouteNetlinkMessage::DelAddress(self.address_message(name, address)?);
        self.execute(message, 0, format!("remove `{address}` from `{name}`"))
    }

    /// Adds a route to `destination` by way of `gateway`.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn add_route(&self, destination: IpNet, gateway: IpAddr) -> Result<(), NamespaceError> {
        let mut message = route_message(destination);
        message
            .attributes
            .push(RouteAttribute::Gateway(route_address(gateway)));
        let action = format!("add a route to `{destination}` by way of `{gateway}`");
        self.create(RouteNetlinkMessage::NewRoute(message), action)
    }

    /// Has the namespace take packets to `address` for its own, as kube-proxy does for the address of a
    /// Service: programs can serve it, but no interface has it. The kernel would answer ARP requests for it;
    /// the setting `ipv4/conf/all/arp_ignore` = `1` keeps it from that. Programs serve an IPv6 address like
    /// this by binding to `::`.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn add_local_address(&self, address: IpAddr) -> Result<(), NamespaceError> {
        let message = self.local_route_message(address)?;
        self.create(
            RouteNetlinkMessage::NewRoute(message),
            format!("make `{address}` local"),
        )
    }

    /// Undoes [`Namespace::add_local_address`].
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn remove_local_address(&self, address: IpAddr) -> Result<(), NamespaceError> {
        let message = RouteNetlinkMessage::DelRoute(self.local_route_message(address)?);
        self.execute(message, 0, format!("make `{address}` foreign"))
    }

    /// The neighbour table of both families.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn neighbours(&self) -> Result<Vec<Neighbour>, NamespaceError> {
        let request = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
        let answers = self
            .requests()
            .dump(&request)
            .map_err(NamespaceError::of("list neighbours"))?;
        Ok(answers.into_iter().filter_map(neighbour_of).collect())
    }

    /// The hardware address that answered for `address`, if one did.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn neighbour_mac(&self, address: IpAddr) -> Result<Option<MacAddr>, NamespaceError> {
        let entries = self.neighbours()?;
        Ok(entries
            .into_iter()
            .find(|n| n.address == address)
            .and_then(|n| n.mac))
    }

    /// Makes a permanent entry, which is never asked for again.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn set_neighbour(&self, name: &str, address: IpAddr, mac: MacAddr) -> Result<(), NamespaceError> {
        let mut message = self.neighbour_message(name, address)?;
        message.header.state = NeighbourState::Permanent;
        message
            .attributes
            .push(NeighbourAttribute::LinkLayerAddress(mac.octets().to_vec()));
        let action = format!("make `{mac}` the neighbour for `{address}`");
        self.execute(
            RouteNetlinkMessage::NewNeighbour(message),
            NLM_F_CREATE | NLM_F_REPLACE,
            action,
        )
    }

    /// Forgets who answered for `address`, so that the next packet asks again. Nothing happens if nobody is
    /// known.
    ///
    /// # Errors
    /// [`NamespaceError`].
    pub fn forget_neighbour(&self, name: &str, address: IpAddr) -> Result<(), NamespaceError> {
        let message = RouteNetlinkMessage::DelNeighbour(self.neighbour_message(name, address)?);
        match self.requests().execute(message, 0) {
            Err(error) if error.raw_os_error() != Some(libc::ENOENT) => Err(NamespaceError::of(format!(
                "forget the neighbour for `{address}`"
            ))(error)),
            _ => Ok(()),
        }
    }

    fn address_message(&self, name: &str, address: IpNet) -> Result<AddressMessage, NamespaceError> {
        let mut message = AddressMessage::default();
        message.header.family = family_of(address.addr());
        message.header.prefix_len = address.prefix_len();
        message.header.index = self.interface_index(name)?.0;
        message.attributes = vec![
            AddressAttribute::Local(address.addr()),
            AddressAttribute::Address(address.addr()),
        ];
        if let IpNet::V4(v4) = address
            && v4.prefix_len() < 31
        {
            message
                .attributes
                .push(AddressAttribute::Broadcast(v4.broadcast()));
        }
        Ok(message)
    }

    fn local_route_message(&self, address: IpAddr) -> Result<RouteMessage, NamespaceError> {
        let mut message = route_message(IpNet::from(address));
        message.header.table = LOCAL_TABLE;
        message.header.kind = RouteType::Local;
        message.header.scope = RouteScope::Host;
        message
            .attributes
            .push(RouteAttribute::Oif(self.interface_index("lo")?.0));
        Ok(message)
    }

    fn neighbour_message(&self, name: &str, address: IpAddr) -> Result<NeighbourMessage, NamespaceError> {
        let mut message = NeighbourMessage::default();
        message.header.family = family_of(address);
        message.header.ifindex = self.interface_index(name)?.0;
        let destination = match address {
            IpAddr::V4(v4) => NeighbourAddress::Inet(v4),
            IpAddr::V6(v6) => NeighbourAddress::Inet6(v6),
        };
        message
            .attributes
            .push(NeighbourAttribute::Destination(destination));
        Ok(message)
    }

    fn create(&self, message: RouteNetlinkMessage, action: String) -> Result<(), NamespaceError> {
        self.execute(message, NLM_F_CREATE | NLM_F_EXCL, action)
    }

    fn execute(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
        action: String,
    ) -> Result<(), NamespaceError> {
        let outcome: io::Result<()> = self.requests().execute(message, flags);
        outcome.map_err(NamespaceError::of(action))
    }
}

fn named_link(name: &str) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    message
}

fn bridge_settings(settings: Vec<InfoBridge>) -> LinkAttribute {
    let data = LinkInfo::Data(InfoData::Bridge(settings));
    LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge), data])
}

fn veth_end(end: &VethEnd<'_>) -> LinkMessage {
    let mut message = named_link(end.name);
    message
        .attributes
        .push(LinkAttribute::NetNsFd(end.namespace.as_fd().as_raw_fd()));
    if let Some(mac) = end.mac {
        message
            .attributes
            .push(LinkAttribute::Address(mac.octets().to_vec()));
    }
    message
}

fn route_message(destination: IpNet) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family_of(destination.addr());
    message.header.destination_prefix_length = destination.prefix_len();
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Static;
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    message
        .attributes
        .push(RouteAttribute::Destination(route_address(destination.network())));
    message
}

fn neighbour_of(message: RouteNetlinkMessage) -> Option<Neighbour> {
    let RouteNetlinkMessage::NewNeighbour(message) = message else {
        return None;
    };
    let destination = |attribute: &NeighbourAttribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => Some(IpAddr::V4(*v4)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => Some(IpAddr::V6(*v6)),
        _ => None,
    };
    let mac = |attribute: &NeighbourAttribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(octets) => octets.as_slice().try_into().ok().map(MacAddr),
        _ => None,
    };
    let usable = [
        NeighbourState::Reachable,
        NeighbourState::Permanent,
        NeighbourState::Noarp,
    ];
    Some(Neighbour {
        interface: InterfaceIndex(message.header.ifindex),
        address: message.attributes.iter().find_map(destination)?,
        mac: message.attributes.iter().find_map(mac),
        reachable: usable.contains(&message.header.state),
    })
}

const fn family_of(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

const fn route_address(address: IpAddr) -> RouteAddress {
    match address {
        IpAddr::V4(v4) => RouteAddress::Inet(v4),
        IpAddr::V6(v6) => RouteAddress::Inet6(v6),
    }
}
