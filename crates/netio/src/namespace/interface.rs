//! What `ip link` does, inside a namespace.

use std::os::fd::{AsFd, AsRawFd};

use ferrolb_types::{InterfaceIndex, InterfaceName, MacAddr};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoPortKind, InfoVeth, LinkAttribute,
    LinkFlags, LinkInfo, LinkMessage,
};

use super::{Namespace, NamespaceError};
use crate::link::{Link, LinkTable};

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
