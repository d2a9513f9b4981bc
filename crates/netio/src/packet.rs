//! Raw sockets that see and send whole Ethernet frames on one interface (`packet(7)`).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use ferrolb_types::InterfaceIndex;
use libc::c_int;
use mio::unix::SourceFd;
use socket2::{Domain, Socket, Type};

use crate::Filter;
use crate::sys;

/// What is asked for as receive buffer: enough for a burst of a thousand small frames. Without the capability
/// NET_ADMIN the kernel cuts it to `net.core.rmem_max`.
const RECEIVE_BUFFER_BYTES: c_int = 1 << 20;

/// The EtherType that a packet socket is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EtherProtocol {
    /// RFC 826.
    Arp,
    /// RFC 2464; Neighbor Discovery is in it.
    Ipv6,
    /// Every frame, those of other hosts in promiscuous mode too. For captures.
    All,
}

impl EtherProtocol {
    #[expect(
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "ETH_P_* are 16-bit numbers"
    )]
    const fn number(self) -> u16 {
        (match self {
            Self::Arp => libc::ETH_P_ARP,
            Self::Ipv6 => libc::ETH_P_IPV6,
            Self::All => libc::ETH_P_ALL,
        }) as u16
    }
}

/// How a frame came to this host, by the kernel's judgement of its destination address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketType {
    /// Addressed to the interface's own MAC address.
    Host,
    /// Addressed to all.
    Broadcast,
    /// Addressed to a group.
    Multicast,
    /// Addressed to another host, seen because the interface is promiscuous.
    OtherHost,
    /// Sent by this host itself.
    Outgoing,
}

impl PacketType {
    const fn from_kernel(number: u8) -> Self {
        match number {
            libc::PACKET_HOST => Self::Host,
            libc::PACKET_BROADCAST => Self::Broadcast,
            libc::PACKET_MULTICAST => Self::Multicast,
            libc::PACKET_OUTGOING => Self::Outgoing,
            _ => Self::OtherHost,
        }
    }
}

/// One received frame in the caller's buffer.
#[derive(Debug)]
pub struct Received<'a> {
    /// The frame from its Ethernet header on, cut to the buffer's length.
    pub frame: &'a [u8],
    /// How it was addressed.
    pub packet_type: PacketType,
}

/// Counters of a packet socket since they were last taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Frames that passed the filter, those dropped included.
    pub passed: u32,
    /// Frames that passed the filter and found the receive buffer full.
    pub dropped: u32,
}

/// Why a packet socket or a membership is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The process lacks the capability NET_RAW.
    #[error("opening a packet socket needs the capability `NET_RAW`; run as root or add it to the container")]
    NotPermitted,
    /// There is no such interface any more.
    #[error("interface {0} does not exist any more")]
    NoSuchInterface(InterfaceIndex),
    /// A filter does not fit into the memory that the kernel grants to a socket's options.
    #[error("the kernel has no room for the packet filter of interface {0}; raise `net.core.optmem_max`")]
    NoFilterMemory(InterfaceIndex),
    /// Any other failure of a system call.
    #[error("could not {action} on interface {index}: {source}")]
    System {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which interface.
        index: InterfaceIndex,
        /// The kernel's answer.
        source: io::Error,
    },
}

impl SocketError {
    pub(crate) fn of(action: &'static str, index: InterfaceIndex, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::NotPermitted,
            Some(libc::ENODEV | libc::ENXIO) => Self::NoSuchInterface(index),
            _ => Self::System {
                action,
                index,
                source,
            },
        }
    }
}

/// A non-blocking packet socket bound to one interface and one EtherType. Needs the capability NET_RAW.
///
/// Frames that this host sends through the interface are not received. VLAN-tagged frames do not pass the ARP
/// and NDP filters: open a socket on the VLAN interface for them.
#[derive(Debug)]
pub struct PacketSocket {
    socket: Socket,
    index: InterfaceIndex,
}

impl PacketSocket {
    /// Opens a socket that receives only what `filter` lets pass, from its first frame on.
    ///
    /// # Errors
    /// [`SocketError`]; with an interface that is down the socket opens and stays silent until it is up.
    pub fn open(
        index: InterfaceIndex,
        protocol: EtherProtocol,
        filter: &Filter,
    ) -> Result<Self, SocketError> {
        let failed = |action| move |source| SocketError::of(action, index, source);
        // Protocol 0 receives nothing: there is no moment in which a frame arrives unfiltered.
        let socket = Socket::new_raw(Domain::PACKET, Type::RAW.nonblocking().cloexec(), None)
            .map_err(failed("open a packet socket"))?;
        let this = Self { socket, index };
        this.enlarge_receive_buffer();
        this.ignore_own_frames();
        this.set_filter(filter)?;
        let ifindex = c_int::try_from(index.0).map_err(|_| SocketError::NoSuchInterface(index))?;
        this.socket
            .bind(&sys::link_address(ifindex, protocol.number()))
            .map_err(failed("bind a packet socket"))?;
        Ok(this)
    }

    /// The interface that the socket is bound to.
    #[must_use]
    pub const fn interface(&self) -> InterfaceIndex {
        self.index
    }

    /// Puts `filter` in the place of the present one; each frame is judged by one or the other.
    ///
    /// # Errors
    /// [`SocketError::NoFilterMemory`] when a shorter program may still fit, else another [`SocketError`].
    /// The present filter stays in force.
    pub fn set_filter(&self, filter: &Filter) -> Result<(), SocketError> {
        self.socket
            .attach_filter(&filter.to_kernel())
            .map_err(|source| match source.raw_os_error() {
                Some(libc::ENOMEM) => SocketError::NoFilterMemory(self.index),
                _ => SocketError::of("attach a packet filter", self.index, source),
            })
    }

    /// Takes the next frame, or `None` when none is waiting.
    ///
    /// # Errors
    /// `ENETDOWN` once after the interface went down; the socket works again when it is up. Other errors of
    /// `recvfrom` are not to be expected.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<Received<'a>>> {
        match sys::receive_frame(self.as_fd(), buffer) {
            Ok((length, address)) => Ok(Some(Received {
                frame: &buffer[..length.min(buffer.len())],
                packet_type: PacketType::from_kernel(address.sll_pkttype),
            })),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Hands waiting frames to `handle`, one after another, until none waits or `limit` is reached, so that a
    /// flood cannot keep the caller from its other work. Returns how many there were; a result equal to
    /// `limit` means that more may wait.
    ///
    /// # Errors
    /// As [`PacketSocket::receive`]; frames handed on before stay handled.
    pub fn receive_batch(
        &self,
        buffer: &mut [u8],
        limit: usize,
        mut handle: impl FnMut(&Received<'_>),
    ) -> io::Result<usize> {
        for count in 0..limit {
            match self.receive(buffer)? {
                Some(received) => handle(&received),
                None => return Ok(count),
            }
        }
        Ok(limit)
    }

    /// Sends `frame`, which begins with its Ethernet header.
    ///
    /// # Errors
    /// `ENETDOWN` while the interface is down, `ENXIO` when it is gone, `ENOBUFS` or `WouldBlock` when its
    /// queue is full.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.socket.send(frame).map(drop)
    }

    /// Reads the counters and sets them to zero.
    ///
    /// # Errors
    /// [`SocketError::System`].
    pub fn take_statistics(&self) -> Result<Statistics, SocketError> {
        let stats = sys::take_packet_statistics(self.as_fd())
            .map_err(|source| SocketError::of("read packet statistics", self.index, source))?;
        Ok(Statistics {
            passed: stats.tp_packets,
            dropped: stats.tp_drops,
        })
    }

    /// Lets the interface receive the frames of all groups, or no longer. It programs the interface's own filter, but
    /// tells switches nothing: for that, see [`crate::MulticastMembership`]. Counted by the kernel: what was begun twice
    /// must be ended twice; closing the socket ends it.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn hear_all_groups(&self, on: bool) -> Result<(), SocketError> {
        let (option, action) = if on {
            (libc::PACKET_ADD_MEMBERSHIP, "begin to receive all groups")
        } else {
            (libc::PACKET_DROP_MEMBERSHIP, "end to receive all groups")
        };
        let ifindex = c_int::try_from(self.index.0).map_err(|_| SocketError::NoSuchInterface(self.index))?;
        let request = libc::packet_mreq {
            mr_ifindex: ifindex,
            mr_type: libc::PACKET_MR_ALLMULTI as u16,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        sys::set_packet_membership(self.as_fd(), option, &request)
            .map_err(|source| SocketError::of(action, self.index, source))
    }

    /// When the kernel took the frame that [`PacketSocket::receive`] returned last, as time since the Unix
    /// epoch. The first call switches time stamps on, which takes the kernel a moment; a frame that has none
    /// gets the time of this call.
    ///
    /// # Errors
    /// [`SocketError::System`], when nothing has been received yet.
    pub fn last_frame_time(&self) -> Result<Duration, SocketError> {
        let time = sys::last_frame_time(self.as_fd())
            .map_err(|source| SocketError::of("read a frame's time stamp", self.index, source))?;
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Ok(Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0)))
    }

    /// A larger buffer is a help, not a need: what the kernel grants is good enough.
    fn enlarge_receive_buffer(&self) {
        let (level, bytes) = (libc::SOL_SOCKET, RECEIVE_BUFFER_BYTES);
        if sys::set_int_option(self.as_fd(), level, libc::SO_RCVBUFFORCE, bytes).is_err()
            && let Err(error) = sys::set_int_option(self.as_fd(), level, libc::SO_RCVBUF, bytes)
        {
            tracing::debug!(index = %self.index, %error, "the receive buffer keeps its size");
        }
    }

    /// Sockets for one EtherType do not see outgoing frames anyway; the option (Linux 4.20) spares those for
    /// all EtherTypes.
    fn ignore_own_frames(&self) {
        let (level, name) = (libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING);
        if let Err(error) = sys::set_int_option(self.as_fd(), level, name, 1) {
            tracing::debug!(index = %self.index, %error, "the kernel does not know `PACKET_IGNORE_OUTGOING`");
        }
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for PacketSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Edge-triggered: after an event, receive until `None`.
impl mio::event::Source for PacketSocket {
    fn register(
        &mut self,
        registry: &mio::Registry,
        token: mio::Token,
        interests: mio::Interest,
    ) -> io::Result<()> {
        SourceFd(&self.as_raw_fd()).register(registry, token, interests)
    }

    fn reregister(
        &mut self,
        registry: &mio::Registry,
        token: mio::Token,
        interests: mio::Interest,
    ) -> io::Result<()> {
        SourceFd(&self.as_raw_fd()).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &mio::Registry) -> io::Result<()> {
        SourceFd(&self.as_raw_fd()).deregister(registry)
    }
}
