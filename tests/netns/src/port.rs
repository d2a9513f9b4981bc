//! The product's sockets on a host of a segment.

use std::net::IpAddr;

use anyhow::Context;
use ferrolb_netio::{PacketPort, PacketSocket, PacketType};
use ferrolb_types::IpFamily;
use ferrolb_types::address::solicited_node_group;

use crate::segment::Host;
use crate::wait;

/// A port on the host's `eth0` that holds `addresses`, both families on.
///
/// # Errors
/// What the kernel refused.
pub fn port(host: &Host, addresses: &[&str]) -> anyhow::Result<PacketPort> {
    let mut port = PacketPort::new(host.interface()?);
    host.namespace.run(|| {
        for address in addresses {
            let address = address.parse()?;
            port.hold(address);
            if let IpAddr::V6(v6) = address {
                port.join(solicited_node_group(v6));
            }
        }
        port.enable(IpFamily::V4)?;
        port.enable(IpFamily::V6)?;
        port.apply()?;
        anyhow::Ok(port)
    })?
}

/// The port's socket of `family`.
///
/// # Errors
/// When the family is off.
pub fn socket(port: &PacketPort, family: IpFamily) -> anyhow::Result<&PacketSocket> {
    port.socket(family).context("the family is off")
}

/// Waits until a frame comes through the socket, and returns it with its packet type.
///
/// # Errors
/// That none came in time.
pub fn next_frame(socket: &PacketSocket) -> anyhow::Result<(Vec<u8>, PacketType)> {
    let mut buffer = [0; 2048];
    wait::until("a frame through the filter", || {
        let received = socket.receive(&mut buffer)?;
        Ok(received.map(|received| (received.frame.to_vec(), received.packet_type)))
    })
}
