//! BGP peers: routers to announce to.

use core::net::IpAddr;
use core::time::Duration;

use ferrolb_types::{Asn, InterfaceName, Selector};
use serde::{Deserialize, Serialize, Serializer};

use crate::Redacted;
use crate::metallb::SecretReference;

/// An accepted BGPPeer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BgpPeer {
    /// The object's name, which advertisements refer to.
    pub name: Box<str>,
    /// RFC 3339; of two peers that contradict each other the older one stands. Empty is oldest.
    pub created_at: Box<str>,
    /// The AS of the cluster.
    pub my_asn: Asn,
    /// The AS that this peer sees instead of [`BgpPeer::my_asn`].
    pub local_asn: Option<Asn>,
    /// Which AS the peer must be in.
    pub peer_asn: PeerAsn,
    /// Where the peer is.
    pub remote: Remote,
    /// The peer's TCP port.
    pub port: u16,
    /// The address to connect from.
    pub source: Option<IpAddr>,
    /// Timers, if any were given; otherwise the backend decides.
    pub timers: Option<Timers>,
    /// Time between attempts to connect, whole seconds.
    pub connect_time: Option<Duration>,
    /// BGP identifier, if one was given. An IPv6 address is accepted, as in the reference.
    pub router_id: Option<IpAddr>,
    /// Nodes that peer, any selector; empty means all.
    pub node_selectors: Vec<Selector>,
    /// How the session is authenticated, if it is.
    pub password: Option<Password>,
    /// The BFD profile that the session uses, which exists.
    pub bfd_profile: Option<Box<str>>,
    /// Whether the peer keeps our routes while we restart.
    pub graceful_restart: bool,
    /// Whether an external peer may be several hops away.
    pub ebgp_multi_hop: bool,
    /// The VRF of the session; empty means the default one.
    pub vrf: Box<str>,
    /// Deprecated, only handed on.
    pub disable_mp: bool,
    /// Whether the session carries both families whatever its own is.
    pub dual_stack_address_family: bool,
}

impl BgpPeer {
    /// The AS that the peer sees.
    #[must_use]
    pub fn seen_asn(&self) -> Asn {
        self.local_asn.unwrap_or(self.my_asn)
    }
}

/// Which AS a peer must be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerAsn {
    /// This one.
    Number(Asn),
    /// The same as ours, whatever number that is.
    Internal,
    /// Any other than ours.
    External,
}

/// Where a peer is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Remote {
    /// At this address.
    Address(IpAddr),
    /// At the other end of this interface, by its link-local address.
    Interface(InterfaceName),
}

/// Hold and keepalive time as they were written or follow from each other (api-and-config 3.6). Fractions of a second are
/// kept; the wire has whole seconds only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timers {
    /// Below a second: no limit. Otherwise 3 s to 65535 s.
    pub hold: Duration,
    /// At most the hold time; zero beside a hold time that is not means a third of it.
    pub keepalive: Duration,
}

/// The password of a session. Neither debugging output nor serialising shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Password {
    /// The password itself; empty if only its Secret is handed on.
    #[serde(serialize_with = "retracted")]
    pub text: Redacted,
    /// The Secret that it comes from, if it does.
    pub secret: Option<SecretReference>,
}

fn retracted<S: Serializer>(_: &Redacted, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("<retracted>")
}
