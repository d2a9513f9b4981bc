//! The network of the demo: a bridge with one port for each host.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;

use ferrolb_netio::namespace::{BridgeOptions, Namespace, NamespaceError, VethEnd};
use ferrolb_types::{IpNet, MacAddr};

/// The interface that every host has.
pub(super) const INTERFACE: &str = "eth0";
const BRIDGE: &str = "br0";
/// The discard port: what is sent there only makes the kernel look for the neighbour.
const DISCARD: u16 = 9;

/// A host on the bridge.
pub(super) struct Host {
    pub(super) name: &'static str,
    pub(super) number: u8,
    pub(super) mac: MacAddr,
    pub(super) namespace: Arc<Namespace>,
}

impl Host {
    pub(super) fn ipv4(&self) -> IpAddr {
        IpAddr::from([192, 168, 10, self.number])
    }

    pub(super) fn ipv6(&self) -> IpAddr {
        IpAddr::from([0xfd00, 0x10, 0, 0, 0, 0, 0, self.number.into()])
    }
}

/// The bridge, in a namespace of its own.
pub(super) struct Segment {
    switch: Namespace,
}

impl Segment {
    pub(super) fn new() -> Result<Self, NamespaceError> {
        let switch = Namespace::new()?;
        switch.create_bridge(BRIDGE, BridgeOptions::default())?;
        Ok(Self { switch })
    }

    /// Plugs in a host; its addresses and its hardware address end in `number`.
    pub(super) fn plug(&self, name: &'static str, number: u8) -> anyhow::Result<Host> {
        let mac = MacAddr([0x02, 0, 0, 0, 0x10, number]);
        let host = Host {
            name,
            number,
            mac,
            namespace: Arc::new(Namespace::new()?),
        };
        let inside = VethEnd {
            namespace: &host.namespace,
            name: INTERFACE,
            mac: Some(mac),
        };
        let port = format!("port{number}");
        Namespace::create_veth(
            inside,
            VethEnd {
                namespace: &self.switch,
                name: &port,
                mac: None,
            },
        )?;
        self.switch.set_controller(&port, Some(BRIDGE))?;
        host.namespace
            .add_address(INTERFACE, IpNet::new(host.ipv4(), 24)?)?;
        host.namespace
            .add_address(INTERFACE, IpNet::new(host.ipv6(), 64)?)?;
        Ok(host)
    }
}

/// Has the kernel ask for `address` and returns who answered, if somebody has.
pub(super) fn ask_who_has(client: &Namespace, address: IpAddr) -> anyhow::Result<Option<MacAddr>> {
    if let Some(mac) = client.neighbour_mac(address)? {
        return Ok(Some(mac));
    }
    client.run(|| -> std::io::Result<()> {
        let any: IpAddr = if address.is_ipv4() {
            [0, 0, 0, 0].into()
        } else {
            [0u16; 8].into()
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        // Unanswered so far is no error; the datagram itself is of no interest.
        let _unreachable = socket.send_to(&[], SocketAddr::new(address, DISCARD));
        Ok(())
    })??;
    Ok(client.neighbour_mac(address)?)
}
