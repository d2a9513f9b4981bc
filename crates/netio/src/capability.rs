//! What the process may do (`capabilities(7)`): looking, and giving up what is not needed.

use std::io;

use crate::sys;

/// The capabilities that this project has to do with, by their numbers in `linux/capability.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Capability {
    /// Binding to ports below 1024.
    NetBindService = 10,
    /// Configuring interfaces, addresses and routes.
    NetAdmin = 12,
    /// Packet and raw sockets.
    NetRaw = 13,
    /// Creating and entering namespaces.
    SysAdmin = 21,
}

impl Capability {
    const fn bit(self) -> u64 {
        1 << self as u32
    }
}

/// Whether the calling thread has `capability`.
///
/// # Errors
/// The kernel's, which is not to be expected.
pub fn has(capability: Capability) -> io::Result<bool> {
    Ok(sys::effective_capabilities()? & capability.bit() != 0)
}

/// Gives up every capability but those of `kept` that the process has, for good: also programs that it starts
/// cannot get them back. Call it before other threads exist, because each thread has its own.
///
/// # Errors
/// The kernel's. What was given up by then stays given up.
pub fn keep_only(kept: &[Capability]) -> io::Result<()> {
    let wanted = kept.iter().fold(0, |bits, capability| bits | capability.bit());
    let present = sys::effective_capabilities()?;
    drop_bounding_set(wanted);
    sys::set_capabilities(present & wanted)?;
    sys::forbid_new_privileges()
}

/// The bounding set matters only for programs that are started, which `no_new_privs` covers too; so a process
/// that may not change it is fine.
fn drop_bounding_set(kept: u64) {
    for number in (0..64).filter(|number| kept & (1 << number) == 0) {
        if sys::drop_from_bounding_set(number).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_only_what_it_asks_for() {
        let thread = std::thread::spawn(|| {
            let raw_before = has(Capability::NetRaw).unwrap();
            keep_only(&[Capability::NetRaw]).unwrap();
            assert_eq!(has(Capability::NetRaw).unwrap(), raw_before);
            for lost in [
                Capability::NetAdmin,
                Capability::SysAdmin,
                Capability::NetBindService,
            ] {
                assert!(!has(lost).unwrap(), "{lost:?}");
            }
        });
        thread.join().unwrap();
    }
}
