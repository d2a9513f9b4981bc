//! Membership in IPv6 multicast groups, so that solicitations reach this host at all.
//!
//! A switch with MLD snooping forwards a group only to ports that reported it (RFC 4541), and a network card
//! drops groups that it was not told of. Joining through an IPv6 socket makes the kernel do both: it sends
//! MLD reports, answers queriers, and programs the card. The socket itself receives nothing.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use ferrolb_types::InterfaceIndex;
use socket2::{Domain, Socket, Type};

use crate::SocketError;

/// The groups that this host is a member of on one interface. Dropping it leaves them all.
///
/// The kernel charges each membership to its socket (`net.core.optmem_max`, room for some hundreds); when
/// one socket is full, the next is opened.
#[derive(Debug)]
pub struct MulticastMembership {
    index: InterfaceIndex,
    sockets: Vec<MemberSocket>,
    /// Which socket a group was joined through.
    groups: BTreeMap<Ipv6Addr, usize>,
}

#[derive(Debug)]
struct MemberSocket {
    socket: Socket,
    full: bool,
}

impl MulticastMembership {
    /// No membership yet.
    #[must_use]
    pub const fn new(index: InterfaceIndex) -> Self {
        Self {
            index,
            sockets: Vec::new(),
            groups: BTreeMap::new(),
        }
    }

    /// Whether `group` was joined.
    #[must_use]
    pub fn contains(&self, group: Ipv6Addr) -> bool {
        self.groups.contains_key(&group)
    }

    /// How many groups were joined.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether no group was joined.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Joins `group`; nothing happens if it was joined already.
    ///
    /// # Errors
    /// [`SocketError`]; the kernel refuses IPv6 groups on interfaces on which IPv6 is disabled.
    pub fn join(&mut self, group: Ipv6Addr) -> Result<(), SocketError> {
        if self.contains(group) {
            return Ok(());
        }
        while let Some(slot) = self.sockets.iter().position(|s| !s.full) {
            let member = &mut self.sockets[slot];
            match member.socket.join_multicast_v6(&group, self.index.0) {
                Ok(()) => {
                    self.groups.insert(group, slot);
                    return Ok(());
                }
                Err(error) if is_full(&error) => member.full = true,
                Err(error) => return Err(self.failed("join a multicast group", error)),
            }
        }
        self.join_through_new_socket(group)
    }

    fn join_through_new_socket(&mut self, group: Ipv6Addr) -> Result<(), SocketError> {
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)
            .map_err(|error| self.failed("open a socket for multicast groups", error))?;
        socket
            .join_multicast_v6(&group, self.index.0)
            .map_err(|error| self.failed("join a multicast group", error))?;
        self.groups.insert(group, self.sockets.len());
        self.sockets.push(MemberSocket { socket, full: false });
        Ok(())
    }

    /// Leaves `group`; nothing happens if it was not joined.
    ///
    /// # Errors
    /// [`SocketError`]; the group counts as left in any case, because the kernel refuses only what is gone
    /// anyway.
    pub fn leave(&mut self, group: Ipv6Addr) -> Result<(), SocketError> {
        let Some(slot) = self.groups.remove(&group) else {
            return Ok(());
        };
        let member = &mut self.sockets[slot];
        member.full = false;
        member
            .socket
            .leave_multicast_v6(&group, self.index.0)
            .map_err(|error| self.failed("leave a multicast group", error))
    }

    fn failed(&self, action: &'static str, error: std::io::Error) -> SocketError {
        SocketError::of(action, self.index, error)
    }
}

/// `ENOMEM` is the kernel's word for a socket without room for options, `ENOBUFS` for one with too many.
fn is_full(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::ENOBUFS))
}
