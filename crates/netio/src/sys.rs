//! System calls without a safe wrapper elsewhere. Every function here is safe to call: arguments are owned or
//! borrowed Rust values whose sizes are taken from their types.

use std::ffi::CStr;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use libc::{c_int, c_void, socklen_t};
use socket2::{SockAddr, Socket};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

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
    // SAFETY: `pointer` refers to `size_of::<T>()` readable bytes for the duration of the call; the kernel
    // copies them and keeps no pointer.
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

/// Receives one frame without blocking; returns its length on the wire, which exceeds `buffer` if it was cut,
/// and the link-layer address that it came with.
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
    // SAFETY: `buffer` is writable for its whole length and `address` for `length` bytes; both outlive the
    // call, and the kernel writes no more than these lengths.
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

/// When the kernel took the frame that was received last from `fd`: seconds and nanoseconds of the wall
/// clock.
pub(crate) fn last_frame_time(fd: BorrowedFd<'_>) -> io::Result<libc::timespec> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: SIOCGSTAMPNS writes one `timespec` to the pointer that it is given.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), SIOCGSTAMPNS as _, &raw mut time) };
    check(result).map(|_| time)
}

/// The address that binds a netlink socket, to a port of the kernel's choice and the multicast `groups` (a
/// mask).
pub(crate) fn netlink_address(groups: u32) -> SockAddr {
    let mut storage = socket2::SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_nl` is one of this platform's address types, and any bit pattern is a valid one.
    let address = unsafe { storage.view_as::<libc::sockaddr_nl>() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address.nl_groups = groups;
    // SAFETY: the storage was initialised as a `sockaddr_nl` just above, and the family says so.
    unsafe { SockAddr::new(storage, length_of::<libc::sockaddr_nl>()) }
}

/// Receives one datagram; returns its length, which exceeds `buffer` if it was cut.
pub(crate) fn receive_datagram(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let pointer = buffer.as_mut_ptr().cast::<c_void>();
    // SAFETY: `pointer` is writable for `buffer.len()` bytes, and the kernel writes no more.
    let result = unsafe { libc::recv(fd.as_raw_fd(), pointer, buffer.len(), libc::MSG_TRUNC) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Puts `socket` under the watch of the current tokio runtime.
pub(crate) fn watch_readable(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: `Socket` owns its file descriptor, closes it only when dropped, and always returns the same
    // one.
    let registered = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
    registered.map_err(|error| error.into_parts().1)
}

/// Moves the calling thread, and for user namespaces the process, into new namespaces.
pub(crate) fn unshare(flags: c_int) -> io::Result<()> {
    // SAFETY: `unshare` takes no pointers; what it changes belongs to the kernel.
    check(unsafe { libc::unshare(flags) }).map(drop)
}

/// Moves the calling thread into the network namespace that `namespace` refers to.
pub(crate) fn enter_network_namespace(namespace: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: `setns` takes no pointers, and the descriptor is open while it is borrowed.
    check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }).map(drop)
}

/// The effective user and group identifiers of the process.
pub(crate) fn effective_ids() -> (u32, u32) {
    // SAFETY: `geteuid` has no arguments and cannot fail.
    let user = unsafe { libc::geteuid() };
    // SAFETY: `getegid` has no arguments and cannot fail.
    let group = unsafe { libc::getegid() };
    (user, group)
}

/// Overwrites a file of `/proc`. Makes system calls only, so that it may run between `fork` and `exec`.
pub(crate) fn write_proc(path: &CStr, content: &[u8]) -> io::Result<()> {
    // SAFETY: `path` ends with a NUL and outlives the call.
    let opened = unsafe { libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
    let raw = check(opened)?;
    // SAFETY: the descriptor was opened just above and nobody else knows it.
    let file = unsafe { OwnedFd::from_raw_fd(raw) };
    // SAFETY: `content` is readable for its length, and the call keeps no pointer.
    let written = unsafe { libc::write(file.as_raw_fd(), content.as_ptr().cast(), content.len()) };
    match usize::try_from(written) {
        Ok(length) if length == content.len() => Ok(()),
        Ok(_) => Err(io::ErrorKind::WriteZero.into()),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// What a child process does between `fork` and `exec`, beside dying with the thread that starts it.
#[derive(Debug)]
pub(crate) enum ChildSetup {
    /// Enters this network namespace.
    Enter(OwnedFd),
    /// Enters a new user namespace with all capabilities, and a new network namespace.
    NewUser(IdMaps),
}

/// The content of `/proc/self/uid_map` and `gid_map`, made before `fork` because it allocates.
#[derive(Clone, Debug)]
pub(crate) struct IdMaps {
    pub(crate) users: Vec<u8>,
    pub(crate) groups: Vec<u8>,
}

/// Has the child that `command` will start carry out `setup`.
pub(crate) fn set_up_child(command: &mut Command, setup: ChildSetup) {
    let parent = std::process::id();
    let in_child = move || {
        match &setup {
            ChildSetup::Enter(namespace) => enter_network_namespace(namespace.as_fd())?,
            ChildSetup::NewUser(maps) => enter_user_namespace(maps)?,
        }
        die_with_parent(parent)
    };
    // SAFETY: the closure makes system calls only; it neither allocates, except for an error's number, nor
    // takes a lock, so that it is safe in the child of a process with threads.
    unsafe { command.pre_exec(in_child) };
}

/// Gives the process all capabilities in a new user namespace with a new network namespace
/// (`user_namespaces(7)`), and the programs that it starts too.
pub(crate) fn enter_user_namespace(maps: &IdMaps) -> io::Result<()> {
    unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)?;
    // The kernel takes a group map of an unprivileged process only after it gave up `setgroups`.
    write_proc(c"/proc/self/setgroups", b"deny")?;
    write_proc(c"/proc/self/uid_map", &maps.users)?;
    write_proc(c"/proc/self/gid_map", &maps.groups)?;
    pass_on_capabilities()
}

/// Has the kernel kill this process when the thread that started it ends, however that happens.
fn die_with_parent(parent: u32) -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes a number.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
    // SAFETY: `getppid` has no arguments and cannot fail.
    let now = unsafe { libc::getppid() };
    // The parent may have died before the call above; then its death brings no signal any more.
    if u32::try_from(now) == Ok(parent) {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::ESRCH))
    }
}

/// Sets `no_new_privs`, so that no program that is started can gain a capability.
pub(crate) fn forbid_new_privileges() -> io::Result<()> {
    // SAFETY: PR_SET_NO_NEW_PRIVS takes numbers.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }).map(drop)
}

/// Takes capability `number` out of the bounding set of the calling thread.
pub(crate) fn drop_from_bounding_set(number: u32) -> io::Result<()> {
    // SAFETY: PR_CAPBSET_DROP takes numbers.
    check(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(number), 0, 0, 0) }).map(drop)
}

/// `struct __user_cap_header_struct` of `linux/capability.h`.
#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: c_int,
}

/// `struct __user_cap_data_struct`; two of them hold 64 capabilities.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapabilityData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// The effective capabilities of the calling thread, one bit each.
pub(crate) fn effective_capabilities() -> io::Result<u64> {
    let mut header = CapabilityHeader {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let mut data = [CapabilityData::default(); 2];
    // SAFETY: the structures have the layout of version 3, with two data elements, and outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::from(data[1].effective) << 32 | u64::from(data[0].effective))
}

/// Leaves the calling thread `bits` of its capabilities, which programs that it starts do not inherit.
pub(crate) fn set_capabilities(bits: u64) -> io::Result<()> {
    set_capability_sets(bits, 0)
}

/// Has every program that the calling thread starts inherit its capabilities, although it is not root's.
fn pass_on_capabilities() -> io::Result<()> {
    let bits = effective_capabilities()?;
    set_capability_sets(bits, bits)?;
    let (option, raise) = (libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as libc::c_ulong);
    for number in (0..64).filter(|number| bits & (1 << number) != 0) {
        // SAFETY: PR_CAP_AMBIENT takes numbers.
        check(unsafe { libc::prctl(option, raise, number as libc::c_ulong, 0, 0) })?;
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves of 64 bits")]
fn set_capability_sets(bits: u64, inheritable: u64) -> io::Result<()> {
    let mut header = CapabilityHeader {
        version: CAPABILITY_VERSION,
        pid: 0,
    };
    let half = |bits: u32, inheritable: u32| CapabilityData {
        effective: bits,
        permitted: bits,
        inheritable,
    };
    let data = [
        half(bits as u32, inheritable as u32),
        half((bits >> 32) as u32, (inheritable >> 32) as u32),
    ];
    // SAFETY: the structures have the layout of version 3, with two data elements, and outlive the call.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, data.as_ptr()) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// `malloc_trim`, where the C library has it.
pub(crate) fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes no pointer and may be called at any time from any thread (malloc_trim(3), "MT-Safe").
    unsafe {
        libc::malloc_trim(0);
    }
}
