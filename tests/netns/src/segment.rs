//! A network segment: a switch and hosts on it, each a namespace.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Context;
use ferrolb_netio::{BridgeOptions, EtherProtocol, Filter, Link, Namespace, PacketSocket, VethEnd};
use ferrolb_types::{InterfaceIndex, IpNet, Ipv4Net, Ipv6Net, MacAddr};

use crate::capture::Capture;
use crate::frame::Solicitation;
use crate::wait;

/// The switch's own interface.
const BRIDGE: &str = "br0";
/// Each host's interface to the segment.
pub const INTERFACE: &str = "eth0";

/// A switch with hosts `10.77.0.N/24`, `fd77::N/64` and MAC `02:00:00:00:00:N`, N counted from one in the
/// order of their names.
#[derive(Debug)]
pub struct Segment {
    switch: Namespace,
    hosts: Vec<Host>,
}

/// What is not as usual about a segment.
#[derive(Clone, Copy, Debug)]
pub struct SegmentBuilder {
    bridge: BridgeOptions,
    first_number: u8,
}

impl Default for SegmentBuilder {
    fn default() -> Self {
        Self {
            bridge: BridgeOptions::default(),
            first_number: 1,
        }
    }
}

impl SegmentBuilder {
    /// The first host has this number, so that a second segment does not repeat the hardware addresses of the first.
    #[must_use]
    pub const fn numbered_from(mut self, first_number: u8) -> Self {
        self.first_number = first_number;
        self
    }

    /// The switch forwards multicast only where it was reported (RFC 4541), and asks for reports itself.
    #[must_use]
    pub const fn snooping(mut self) -> Self {
        self.bridge = BridgeOptions {
            snooping: true,
            querier: true,
        };
        self
    }

    /// Builds the segment with a host for each name.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn build(self, names: &[&str]) -> anyhow::Result<Segment> {
        let switch = Namespace::new()?;
        switch.create_bridge(BRIDGE, self.bridge)?;
        let hosts = names
            .iter()
            .zip(self.first_number..)
            .map(|(name, number)| Host::plug_in(&switch, name, number));
        let hosts = hosts.collect::<anyhow::Result<_>>()?;
        Ok(Segment { switch, hosts })
    }
}

impl Segment {
    /// A segment whose switch floods multicast.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn new(names: &[&str]) -> anyhow::Result<Self> {
        SegmentBuilder::default().build(names)
    }

    /// The host of this name.
    ///
    /// # Panics
    /// If the segment was built without it.
    #[must_use]
    #[track_caller]
    pub fn host(&self, name: &str) -> &Host {
        self.hosts
            .iter()
            .find(|host| host.name == name)
            .expect("the segment was built with this host")
    }

    /// All hosts in the order of their names.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The namespace of the switch.
    #[must_use]
    pub const fn switch(&self) -> &Namespace {
        &self.switch
    }

    /// Gives `host`, of this or another segment, an interface `name` to this one, up and with a link-local address.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn connect(&self, host: &Host, name: &str, mac: MacAddr) -> anyhow::Result<()> {
        let port = VethEnd {
            namespace: &self.switch,
            name: &format!("x{}", self.switch.links()?.links().count()),
            mac: None,
        };
        let end = VethEnd {
            namespace: &host.namespace,
            name,
            mac: Some(mac),
        };
        Namespace::create_veth(end, port)?;
        self.switch.set_controller(port.name, Some(BRIDGE))?;
        wait::until("a usable link-local address", || {
            Ok(host.namespace.link(name)?.link_local.map(drop))
        })
    }

    /// Has the host `from` solicit `target` until the host `at`, which has not joined its group, does not hear it any
    /// more: before there is a querier a snooping switch floods.
    ///
    /// # Errors
    /// That the switch does not begin to snoop.
    pub fn wait_until_snooping(&self, from: &str, at: &str, target: Ipv6Addr) -> anyhow::Result<()> {
        let (from, at) = (self.host(from), Capture::start(self.host(at))?);
        let question = Solicitation::multicast(from.mac, from.link_local, target).to_bytes();
        wait::until("the switch to begin snooping", || {
            let before = at.len();
            from.send_frame(&question)?;
            at.wait_for_mark(from)?;
            let heard = at.select_after(before, |frame| (frame == question).then_some(()));
            Ok(heard.is_empty().then_some(()))
        })
    }

    /// Pulls the host's cable: its interface loses the carrier.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn unplug(&self, name: &str) -> anyhow::Result<()> {
        Ok(self.switch.set_down(&self.host(name).port)?)
    }

    /// Undoes [`Segment::unplug`].
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn plug(&self, name: &str) -> anyhow::Result<()> {
        Ok(self.switch.set_up(&self.host(name).port)?)
    }

    /// Keeps the hosts `names` from hearing each other; the others hear all.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn part(&self, names: &[&str]) -> anyhow::Result<()> {
        self.set_isolated(names, true)
    }

    /// Undoes [`Segment::part`].
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn join(&self, names: &[&str]) -> anyhow::Result<()> {
        self.set_isolated(names, false)
    }

    fn set_isolated(&self, names: &[&str], isolated: bool) -> anyhow::Result<()> {
        for name in names {
            self.switch.set_isolated(&self.host(name).port, isolated)?;
        }
        Ok(())
    }
}

/// A host on a segment.
#[derive(Debug)]
pub struct Host {
    /// Its network stack.
    pub namespace: Namespace,
    /// What tests call it.
    pub name: String,
    /// The hardware address of its `eth0`.
    pub mac: MacAddr,
    /// Its IPv4 address.
    pub ipv4: Ipv4Addr,
    /// Its global IPv6 address.
    pub ipv6: Ipv6Addr,
    /// Its link-local address, which the kernel makes of the MAC address.
    pub link_local: Ipv6Addr,
    /// The switch's end of its cable.
    port: String,
}

impl Host {
    fn plug_in(switch: &Namespace, name: &str, number: u8) -> anyhow::Result<Self> {
        let host = Self {
            namespace: Namespace::new()?,
            name: name.to_owned(),
            mac: MacAddr([2, 0, 0, 0, 0, number]),
            ipv4: Ipv4Addr::new(10, 77, 0, number),
            ipv6: Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, number.into()),
            link_local: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x00ff, 0xfe00, number.into()),
            port: format!("p{number}"),
        };
        let port = VethEnd {
            namespace: switch,
            name: &host.port,
            mac: None,
        };
        let end = VethEnd {
            namespace: &host.namespace,
            name: INTERFACE,
            mac: Some(host.mac),
        };
        Namespace::create_veth(end, port)?;
        switch.set_controller(&host.port, Some(BRIDGE))?;
        host.namespace
            .add_address(INTERFACE, IpNet::V4(Ipv4Net::new(host.ipv4, 24)?))?;
        host.namespace
            .add_address(INTERFACE, IpNet::V6(Ipv6Net::new(host.ipv6, 64)?))?;
        host.wait_for_link_local()?;
        Ok(host)
    }

    /// The switch's end of its cable.
    pub(crate) fn port(&self) -> &str {
        &self.port
    }

    /// The kernel adds the address when it has seen the carrier, a moment after the interface went up.
    fn wait_for_link_local(&self) -> anyhow::Result<()> {
        wait::until("a usable link-local address", || {
            Ok((self.link()?.link_local == Some(self.link_local)).then_some(()))
        })
    }

    /// Its `eth0` as the kernel describes it.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn link(&self) -> anyhow::Result<Link> {
        Ok(self.namespace.link(INTERFACE)?)
    }

    /// The index of its `eth0`.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn interface(&self) -> anyhow::Result<InterfaceIndex> {
        Ok(self.namespace.interface_index(INTERFACE)?)
    }

    /// A packet socket on its `eth0`.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn packet_socket(&self, protocol: EtherProtocol, filter: &Filter) -> anyhow::Result<PacketSocket> {
        let index = self.interface()?;
        let socket = self
            .namespace
            .run(|| PacketSocket::open(index, protocol, filter))?;
        socket.with_context(|| format!("open a packet socket on {}", self.name))
    }

    /// Sends `frame` out of its `eth0`, as it is.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn send_frame(&self, frame: &[u8]) -> anyhow::Result<()> {
        let socket = self.packet_socket(EtherProtocol::All, &Filter::nothing())?;
        socket
            .send(frame)
            .with_context(|| format!("send a frame from {}", self.name))
    }

    /// Which hardware address its kernel knows for `address`, if any.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn neighbour_mac(&self, address: IpAddr) -> anyhow::Result<Option<MacAddr>> {
        Ok(self.namespace.neighbour_mac(address)?)
    }
}
