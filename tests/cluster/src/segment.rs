//! The network segment that everyone is on.

use std::net::IpAddr;

use anyhow::Result;
use ferrolb_netio::namespace::BridgeOptions;
use ferrolb_netio::{Namespace, NamespaceError, VethEnd};
use ferrolb_types::{IpNet, MacAddr};

/// A bridge in a namespace of its own.
#[derive(Debug)]
pub(crate) struct Segment {
    switch: Namespace,
}

/// Someone on the segment: a network stack with one interface, `eth0`.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) namespace: Namespace,
    pub(crate) mac: MacAddr,
    pub(crate) v4: IpAddr,
    pub(crate) v6: IpAddr,
}

impl Segment {
    pub(crate) fn new() -> Result<Self> {
        let switch = Namespace::new()?;
        switch.create_bridge("br0", BridgeOptions::default())?;
        // Else the host's packet filter would see what only passes through the bridge.
        for setting in [
            "bridge/bridge-nf-call-iptables",
            "bridge/bridge-nf-call-ip6tables",
        ] {
            match switch.set_sysctl(setting, "0") {
                Err(NamespaceError::System { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound => {}
                outcome => outcome?,
            }
        }
        Ok(Self { switch })
    }

    /// Connects a new host; `number` makes its addresses, `192.168.10.NUMBER` and `fd00:10::NUMBER`.
    pub(crate) fn host(&self, number: u8) -> Result<Host> {
        let namespace = Namespace::new()?;
        let mac = MacAddr([2, 0, 0, 0, 10, number]);
        let port = format!("p{number}");
        Namespace::create_veth(
            VethEnd {
                namespace: &namespace,
                name: "eth0",
                mac: Some(mac),
            },
            VethEnd {
                namespace: &self.switch,
                name: &port,
                mac: None,
            },
        )?;
        self.switch.set_controller(&port, Some("br0"))?;
        let (v4, v6) = (
            format!("192.168.10.{number}").parse()?,
            format!("fd00:10::{number}").parse()?,
        );
        namespace.add_address("eth0", IpNet::new(v4, 24)?)?;
        namespace.add_address("eth0", IpNet::new(v6, 64)?)?;
        Ok(Host {
            namespace,
            mac,
            v4,
            v6,
        })
    }
}
