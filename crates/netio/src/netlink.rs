//! Requests to the kernel's routing netlink (`rtnetlink(7)`), and its notifications as messages.
//!
//! Requests block: the kernel answers out of the call itself, so there is nothing to wait for.

use std::io;
use std::os::fd::AsFd;

use libc::c_int;
use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use socket2::{Domain, Protocol, Socket, Type};

use crate::sys;

/// Larger than any message the kernel makes (32 KiB for dumps).
pub(crate) const MESSAGE_BYTES: usize = 1 << 16;
/// How often a dump is repeated that changed under way. The last one counts in any case: a change that it
/// missed comes as a notification.
const DUMP_ATTEMPTS: usize = 4;

/// In a message of a dump: what is listed changed under way.
const DUMP_INTERRUPTED: u16 = libc::NLM_F_DUMP_INTR as u16;

pub(crate) fn open(groups: u32) -> io::Result<Socket> {
    let protocol = Protocol::from(libc::NETLINK_ROUTE);
    let socket = Socket::new(
        Domain::from(libc::AF_NETLINK),
        Type::RAW.cloexec(),
        Some(protocol),
    )?;
    socket.bind(&sys::netlink_address(groups))?;
    Ok(socket)
}

/// Asks for a receive buffer of `bytes`; the kernel may grant less.
pub(crate) fn enlarge_receive_buffer(socket: &Socket, bytes: c_int) {
    if sys::set_int_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes).is_err()
        && let Err(error) = sys::set_int_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, bytes)
    {
        tracing::debug!(%error, "the netlink receive buffer keeps its size");
    }
}

/// A socket for requests. It speaks for the network namespace in which it was opened, whatever thread uses
/// it.
#[derive(Debug)]
pub(crate) struct Requests {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Requests {
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self {
            socket: open(0)?,
            sequence: 0,
            buffer: vec![0; MESSAGE_BYTES],
        })
    }

    /// Has the kernel carry out `message` and waits for its acknowledgement. `flags` are those beside request
    /// and acknowledgement, as `NLM_F_CREATE`.
    pub(crate) fn execute(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.send(message, NLM_F_REQUEST | NLM_F_ACK | flags)?;
        self.collect().map(drop)
    }

    /// Asks for one object.
    pub(crate) fn get(&mut self, message: RouteNetlinkMessage) -> io::Result<Option<RouteNetlinkMessage>> {
        self.send(message, NLM_F_REQUEST | NLM_F_ACK)?;
        self.collect().map(|answers| answers.messages.into_iter().next())
    }

    /// Asks for all objects of a kind.
    pub(crate) fn dump(&mut self, message: &RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        let mut answers = Answers::default();
        for _ in 0..DUMP_ATTEMPTS {
            self.send(message.clone(), NLM_F_REQUEST | NLM_F_DUMP)?;
            answers = self.collect()?;
            if !answers.interrupted {
                break;
            }
        }
        Ok(answers.messages)
    }

    fn send(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = NetlinkMessage::from(message);
        message.header.flags = flags;
        message.header.sequence_number = self.sequence;
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send_to(&bytes, &sys::netlink_address(0)).map(drop)
    }

    /// Gathers the answers to the last request until its end or its acknowledgement.
    fn collect(&mut self) -> io::Result<Answers> {
        let mut answers = Answers::default();
        loop {
            let length = sys::receive_datagram(self.socket.as_fd(), &mut self.buffer)?;
            let datagram = self.buffer.get(..length).ok_or(io::ErrorKind::InvalidData)?;
            for message in messages(datagram).filter(|m| m.header.sequence_number == self.sequence) {
                answers.interrupted |= message.header.flags & DUMP_INTERRUPTED != 0;
                match message.payload {
                    NetlinkPayload::InnerMessage(inner) => answers.messages.push(inner),
                    NetlinkPayload::Done(_) => return Ok(answers),
                    NetlinkPayload::Error(error) if error.code.is_none() => return Ok(answers),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    _ => {}
                }
            }
        }
    }
}

#[derive(Default)]
struct Answers {
    messages: Vec<RouteNetlinkMessage>,
    interrupted: bool,
}

/// The messages in a datagram. One that cannot be decoded is passed over with a line in the log: a newer
/// kernel may say more than we know, and its other messages must not suffer from that.
pub(crate) fn messages(datagram: &[u8]) -> impl Iterator<Item = NetlinkMessage<RouteNetlinkMessage>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let (message, behind) = split_message(rest)?;
        rest = behind;
        Some(message)
    })
    .filter_map(|bytes| match NetlinkMessage::deserialize(bytes) {
        Ok(message) => Some(message),
        Err(error) => {
            tracing::debug!(%error, "a netlink message was not understood");
            None
        }
    })
}

/// Splits at the length in the message's first four octets (`struct nlmsghdr`), padded to four.
fn split_message(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_ne_bytes(*bytes.first_chunk()?);
    let length = usize::try_from(length).ok().filter(|&n| n >= 16)?;
    let message = bytes.get(..length)?;
    let behind = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((message, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_split_at_padded_lengths_and_bad_lengths_end_them() {
        let mut bytes = vec![0; 40];
        bytes[..4].copy_from_slice(&17_u32.to_ne_bytes());
        bytes[20..24].copy_from_slice(&20_u32.to_ne_bytes());
        let (first, behind) = split_message(&bytes).unwrap();
        assert_eq!((first.len(), behind.len()), (17, 20));
        assert_eq!(
            split_message(behind).map(|(m, b)| (m.len(), b.len())),
            Some((20, 0))
        );
        for length in [0, 15, 41, u32::MAX] {
            bytes[..4].copy_from_slice(&length.to_ne_bytes());
            assert!(split_message(&bytes).is_none(), "length {length}");
        }
        assert!(split_message(&[]).is_none());
    }

    #[test]
    fn the_kernel_lists_its_links() {
        let mut requests = Requests::open().unwrap();
        let message = RouteNetlinkMessage::GetLink(netlink_packet_route::link::LinkMessage::default());
        assert!(
            !requests.dump(&message).unwrap().is_empty(),
            "every namespace has `lo`"
        );
    }
}
