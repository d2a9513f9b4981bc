//! Settings of the kernel's IPv4 stack (`/proc/sys/net/ipv4/conf`), as they are in force.

use std::io;
use std::path::Path;

use ferrolb_types::InterfaceName;

/// A setting of which the larger of two values counts: the interface's own and the one of `all`
/// (`Documentation/networking/ip-sysctl.rst` of the kernel).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Which addresses of the host the kernel does not answer ARP requests for.
    ArpIgnore,
    /// Which addresses of the host the kernel does not send in its own ARP requests.
    ArpAnnounce,
    /// Whether packets are dropped whose source would be answered another way.
    ReversePathFilter,
}

impl Setting {
    const fn file(self) -> &'static str {
        match self {
            Self::ArpIgnore => "arp_ignore",
            Self::ArpAnnounce => "arp_announce",
            Self::ReversePathFilter => "rp_filter",
        }
    }

    /// Its value in force on `interface`, in the network namespace of the calling thread.
    ///
    /// # Errors
    /// `NotFound` for an interface that does not exist or has no IPv4; else the kernel's.
    pub fn value(self, interface: &InterfaceName) -> io::Result<u8> {
        Ok(self.read(interface.as_str())?.max(self.read("all")?))
    }

    fn read(self, whose: &str) -> io::Result<u8> {
        let path = Path::new("/proc/sys/net/ipv4/conf").join(whose).join(self.file());
        let text = std::fs::read_to_string(path)?;
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        text.trim().parse().map_err(invalid)
    }
}
