//! System calls without a safe wrapper elsewhere. Every function here is safe to call: arguments are owned or
//! borrowed Rust values whose sizes are taken from their types.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_int, c_void, socklen_t};
use socket2::SockAddr;

/// `SIOCGSTAMPNS` of `asm-generic/sockios.h`, which libc does not export.
const SIOCGSTAMPNS: libc::c_ulong = 0x8907;

/// The length of a `T` as the kernel takes it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "socket structures are a few bytes long"
)]
const fn length_of<T>() -> socklen_t {
    size_of::<T>() as socklen_t
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// `setsockopt` with a value of a plain C type.
fn set_option<T: Copy>(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: &T) -> io::Result<()> {
    let pointer = std::ptr::from_ref(value).cast::<c_void>();
    // SAFETY: `pointer` refers to `size_of::<T>()` readable bytes for the duration of the call; the kernel copies
    // them and keeps no pointer.
    let result = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, pointer, length_of::<T>()) };
    check(result).map(drop)
}

/// Sets a socket option whose value is an `int`.
pub(crate) fn set_int_option(fd: BorrowedFd<'_>, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    set_option(fd, level, name, &value)
}

/// Adds or drops (`name`) a membership of a packet socket.
pub(crate) fn set_packet_membership(
    fd: BorrowedFd<'_>,
    name: c_int,
    request: &libc::packet_mreq,
) -> io::Result<()> {
    set_option(fd, libc::SOL_PACKET, name, request)
}

/// Reads and clears the counters of a packet socket.
pub(crate) fn take_packet_statistics(fd: BorrowedFd<'_>) -> io::Result<libc::tpacket_stats> {
    let mut stats = libc::tpacket_stats {
        tp_packets: 0,
        tp_drops: 0,
    };
    let mut length = length_of::<libc::tpacket_stats>();
    let pointer = std::ptr::from_mut(&mut stats).cast::<c_void>();
    let (level, name) = (libc::SOL_PACKET, libc::PACKET_STATISTICS);
    // SAFETY: `pointer` refers to `length` writable bytes; any bit pattern is a valid `tpacket_stats`.
    let result = unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, pointer, &raw mut length) };
    check(result).map(|_| stats)
}

/// The address that binds a packet socket to interface `index` and EtherType `protocol` (host order).
pub(crate) fn link_address(index: c_int, protocol: u16) -> SockAddr {
    let mut storage = socket2::SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_ll` is one of this platform's address types, and any bit pattern is a valid one.
    let address = unsafe { storage.view_as::<libc::sockaddr_ll>() };
    address.sll_family = libc::AF_PACKET as libc::sa_family_t;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = index;
    // SAFETY: the storage was initialised as a `sockaddr_ll` just above, and the family says so.
    unsafe { SockAddr::new(storage, length_of::<libc::sockaddr_ll>()) }
}

/// Receives one frame without blocking; returns its length on the wire, which exceeds `buffer` if it was cut, and
/// the link-layer address that it came with.
pub(crate) fn receive_frame(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<(usize, libc::sockaddr_ll)> {
    let mut address = libc::sockaddr_ll {
        sll_family: 0,
        sll_protocol: 0,
        sll_ifindex: 0,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let mut length = length_of::<libc::sockaddr_ll>();
    // SAFETY: `buffer` is writable for its whole length and `address` for `length` bytes; both outlive the call, and
    // the kernel writes no more than these lengths.
    let result = unsafe {
        libc::recvfrom(
            fd.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            libc::MSG_DONTWAIT | libc::MSG_TRUNC,
            (&raw mut address).cast(),
            &raw mut length,
        )
    };
    let received = usize::try_from(result).map_err(|_| io::Error::last_os_error())?;
    Ok((received, address))
}

/// When the kernel took the frame that was received last from `fd`: seconds and nanoseconds of the wall clock.
pub(crate) fn last_frame_time(fd: BorrowedFd<'_>) -> io::Result<libc::timespec> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: SIOCGSTAMPNS writes one `timespec` to the pointer that it is given.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), SIOCGSTAMPNS as _, &raw mut time) };
    check(result).map(|_| time)
}
