//! The packet sockets of all interfaces in use.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io;

use ferrolb_l2::Output;
use ferrolb_netio::{PacketPort, SocketError};
use ferrolb_types::{InterfaceIndex, IpFamily};
use ferrolb_wire::Frame;
use mio::{Interest, Registry, Token};

/// Room for an ARP or NDP frame with options; longer ones are none of ours.
const FRAME_BYTES: usize = 1536;

/// Carries out what the machine asks of sockets.
pub(super) struct Ports {
    registry: Registry,
    ports: BTreeMap<InterfaceIndex, PacketPort>,
    /// Sockets that may hold more frames: the poll tells only once.
    readable: BTreeSet<(InterfaceIndex, IpFamily)>,
    buffer: Box<[u8; FRAME_BYTES]>,
}

/// A socket that does not work (any more).
pub(super) struct Failure {
    pub(super) interface: InterfaceIndex,
    pub(super) family: IpFamily,
    pub(super) error: Box<dyn Error>,
}

impl Ports {
    pub(super) fn new(registry: Registry) -> Self {
        Self {
            registry,
            ports: BTreeMap::new(),
            readable: BTreeSet::new(),
            buffer: Box::new([0; FRAME_BYTES]),
        }
    }

    /// Notes that the poll has reported `token`.
    pub(super) fn mark_readable(&mut self, token: Token) {
        self.readable.extend(socket_of(token));
    }

    /// Whether frames may wait that the poll will not report again.
    pub(super) fn any_readable(&self) -> bool {
        !self.readable.is_empty()
    }

    /// The sockets in which frames may wait.
    pub(super) fn readable(&self) -> Vec<(InterfaceIndex, IpFamily)> {
        self.readable.iter().copied().collect()
    }

    /// Hands at most `limit` frames to `handle`.
    pub(super) fn receive(
        &mut self,
        interface: InterfaceIndex,
        family: IpFamily,
        limit: usize,
        mut handle: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let socket = self.ports.get(&interface).and_then(|port| port.socket(family));
        let received = match socket {
            Some(socket) => socket.receive_batch(&mut self.buffer[..], limit, |r| handle(r.frame)),
            None => Ok(0),
        };
        if !matches!(received, Ok(count) if count == limit) {
            self.readable.remove(&(interface, family));
        }
        match received {
            // Once after the interface went down; netlink tells the machine.
            Err(error) if error.kind() == io::ErrorKind::NetworkDown => Ok(()),
            other => other.map(drop),
        }
    }

    /// Carries out one output; what failed must be told to the machine.
    pub(super) fn carry_out(&mut self, output: &Output) -> Vec<Failure> {
        match *output {
            Output::OpenSocket { interface, family } => {
                return self.open(interface, family).err().into_iter().collect();
            }
            Output::CloseSocket { interface, family } => self.close(interface, family),
            Output::WatchAddress { interface, address } => {
                if let Some(port) = self.ports.get_mut(&interface) {
                    port.hold(address);
                }
            }
            Output::UnwatchAddress { interface, address } => {
                if let Some(port) = self.ports.get_mut(&interface) {
                    port.release(address);
                }
            }
            Output::JoinGroup { interface, group } => {
                if let Some(port) = self.ports.get_mut(&interface) {
                    port.join(group);
                }
            }
            Output::LeaveGroup { interface, group } => {
                if let Some(port) = self.ports.get_mut(&interface) {
                    port.leave(group);
                }
            }
            Output::HearAllGroups { interface, on } => {
                if let Some(port) = self.ports.get_mut(&interface) {
                    port.hear_all_groups(on);
                }
            }
            Output::ApplyFilter { interface } => return self.adjust(interface, PacketPort::apply),
            Output::RefineFilter { interface } => return self.adjust(interface, PacketPort::refine),
            Output::SendFrame { interface, ref frame } => self.send(interface, family_of(frame), frame),
            Output::SendReport { interface, ref frame } => self.send(interface, IpFamily::V6, frame),
            Output::ReportConflict { .. } | Output::ReportReclaimed { .. } | Output::ReportRival { .. } => {}
        }
        Vec::new()
    }

    fn open(&mut self, interface: InterfaceIndex, family: IpFamily) -> Result<(), Failure> {
        let failure = |error: Box<dyn Error>| Failure {
            interface,
            family,
            error,
        };
        let port = self
            .ports
            .entry(interface)
            .or_insert_with(|| PacketPort::new(interface));
        let socket = port.enable(family).map_err(|e| failure(e.into()))?;
        let registered = self
            .registry
            .register(socket, token_of(interface, family), Interest::READABLE);
        if let Err(error) = registered {
            port.disable(family);
            return Err(failure(error.into()));
        }
        tracing::info!(%interface, %family, op = "startListening", "answering on an interface");
        Ok(())
    }

    /// Closing a socket takes it out of the poll.
    fn close(&mut self, interface: InterfaceIndex, family: IpFamily) {
        self.readable.remove(&(interface, family));
        let Some(port) = self.ports.get_mut(&interface) else {
            return;
        };
        port.disable(family);
        if port.socket(family.other()).is_none() {
            self.ports.remove(&interface);
        }
        tracing::info!(%interface, %family, op = "stopListening", "not answering on an interface any more");
    }

    /// Without its filter a new address would stay deaf: the sockets are opened again. When the interface is gone,
    /// netlink tells the machine.
    fn adjust(
        &mut self,
        interface: InterfaceIndex,
        adjust: fn(&mut PacketPort) -> Result<(), SocketError>,
    ) -> Vec<Failure> {
        let Some(port) = self.ports.get_mut(&interface) else {
            return Vec::new();
        };
        let error = match adjust(port) {
            Ok(()) | Err(SocketError::NoSuchInterface(_)) => return Vec::new(),
            Err(error) => error.to_string(),
        };
        let open = [IpFamily::V4, IpFamily::V6]
            .into_iter()
            .filter(|family| port.socket(*family).is_some());
        open.map(|family| Failure {
            interface,
            family,
            error: error.clone().into(),
        })
        .collect()
    }

    /// A frame that the kernel does not take is lost as on a wire: the requester asks again, and bursts repeat.
    fn send(&mut self, interface: InterfaceIndex, family: IpFamily, frame: &[u8]) {
        let Some(port) = self.ports.get(&interface) else {
            return;
        };
        if let Err(error) = port.send(family, frame) {
            tracing::debug!(%interface, %error, "a frame was not sent");
        }
    }
}

/// ARP frames go out through the ARP socket, so that either family works without the other.
fn family_of(frame: &Frame) -> IpFamily {
    match frame.get(12..14) {
        Some([0x08, 0x06]) => IpFamily::V4,
        _ => IpFamily::V6,
    }
}

fn token_of(interface: InterfaceIndex, family: IpFamily) -> Token {
    let bit = usize::from(family == IpFamily::V6);
    Token((interface.0 as usize) << 1 | bit)
}

fn socket_of(token: Token) -> Option<(InterfaceIndex, IpFamily)> {
    let index = u32::try_from(token.0 >> 1).ok()?;
    let family = if token.0 & 1 == 1 {
        IpFamily::V6
    } else {
        IpFamily::V4
    };
    Some((InterfaceIndex(index), family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_name_their_sockets_and_the_mailbox_is_none() {
        for family in [IpFamily::V4, IpFamily::V6] {
            let socket = (InterfaceIndex(u32::MAX), family);
            assert_eq!(socket_of(token_of(socket.0, socket.1)), Some(socket));
        }
        assert_eq!(socket_of(super::super::MAILBOX_TOKEN), None);
    }
}
