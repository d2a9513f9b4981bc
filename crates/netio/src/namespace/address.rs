//! What `ip address`, `ip route` and `ip neighbour` do, inside a namespace.

use std::net::IpAddr;

use ferrolb_types::{InterfaceIndex, IpNet, MacAddr};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::{Namespace, NamespaceError};

/// The kernel's table of local addresses (`RT_TABLE_LOCAL`).
const LOCAL_TABLE: u8 = libc::RT_TABLE_LOCAL;

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
