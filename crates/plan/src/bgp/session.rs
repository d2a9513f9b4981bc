//! Sessions with their parameters (bgp 1.6), as far as configuration decides about them.

use core::net::IpAddr;
use core::time::Duration;

use ferrolb_api::BgpMode;
use ferrolb_api::resolved::{BgpPeer, Password, PeerAsn, Remote, Timers};
use ferrolb_types::{Asn, IpFamily};

/// A session that a node has. Two that are equal need not be told apart by the peer, so a session is opened anew only
/// when its parameters differ (bgp 5.12): selectors, age and the like are not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Name of the BGPPeer object.
    pub peer: Box<str>,
    /// Where the peer is.
    pub remote: Remote,
    /// The peer's TCP port.
    pub port: u16,
    /// The AS of the cluster.
    pub my_asn: Asn,
    /// The AS that the peer sees instead.
    pub local_asn: Option<Asn>,
    /// Which AS the peer must be in.
    pub peer_asn: PeerAsn,
    /// The address to connect from.
    pub source: Option<IpAddr>,
    /// The VRF; empty means the default one.
    pub vrf: Box<str>,
    /// The BGP identifier, if the peer object names one.
    pub router_id: Option<IpAddr>,
    /// Hold and keepalive time as written or derived, with their fractions.
    pub written_timers: Option<Timers>,
    /// What is proposed and sent; none leaves it to the backend.
    pub timers: Option<WireTimers>,
    /// Time between attempts to connect, whole seconds.
    pub connect_time: Option<Duration>,
    /// How it is authenticated, if it is.
    pub password: Option<Password>,
    /// The BFD profile that watches it, by name.
    pub bfd_profile: Option<Box<str>>,
    /// Whether an external peer may be several hops away.
    pub ebgp_multi_hop: bool,
    /// Whether the peer keeps our routes while we restart (RFC 4724).
    pub graceful_restart: bool,
    /// Whether it carries both families whatever its own is.
    pub dual_stack_address_family: bool,
    /// Deprecated, handed on to an frr-k8s daemon only.
    pub disable_mp: bool,
}

/// Timers in the whole seconds of the wire (RFC 4271 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireTimers {
    /// The proposed hold time; 0 means none.
    pub hold_seconds: u16,
    /// Time between KEEPALIVEs; 0 only without a hold time.
    pub keepalive_seconds: u16,
}

impl WireTimers {
    /// Fractions are cut; a keepalive time of zero beside a hold time stands for a third of it (spec/plan.md).
    #[must_use]
    pub fn of(timers: Timers) -> Self {
        let whole = |time: Duration| u16::try_from(time.as_secs()).unwrap_or(u16::MAX);
        let hold_seconds = whole(timers.hold);
        let keepalive_seconds = match whole(timers.keepalive) {
            0 => hold_seconds / 3,
            seconds => seconds,
        };
        Self {
            hold_seconds,
            keepalive_seconds,
        }
    }

    /// What a peer without timers gets (bgp section 6, trap 1).
    const fn default_of(mode: BgpMode) -> Option<Self> {
        let (hold_seconds, keepalive_seconds) = match mode {
            BgpMode::Native => (90, 30),
            BgpMode::Frr => (180, 60),
            BgpMode::FrrK8s => return None,
        };
        Some(Self {
            hold_seconds,
            keepalive_seconds,
        })
    }
}

impl Session {
    /// The session that `peer` asks for.
    #[must_use]
    pub fn new(peer: &BgpPeer, mode: BgpMode) -> Self {
        Self {
            peer: peer.name.clone(),
            remote: peer.remote.clone(),
            port: peer.port,
            my_asn: peer.my_asn,
            local_asn: peer.local_asn,
            peer_asn: peer.peer_asn,
            source: peer.source,
            vrf: peer.vrf.clone(),
            router_id: peer.router_id,
            written_timers: peer.timers,
            timers: peer
                .timers
                .map(WireTimers::of)
                .or_else(|| WireTimers::default_of(mode)),
            connect_time: peer.connect_time,
            password: peer.password.clone(),
            bfd_profile: peer.bfd_profile.clone(),
            ebgp_multi_hop: peer.ebgp_multi_hop,
            graceful_restart: peer.graceful_restart,
            dual_stack_address_family: peer.dual_stack_address_family,
            disable_mp: peer.disable_mp,
        }
    }

    /// Whether routes of `family` go over it: those of its own family, or of both.
    #[must_use]
    pub fn carries(&self, family: IpFamily) -> bool {
        match &self.remote {
            _ if self.dual_stack_address_family => true,
            Remote::Interface(_) => true,
            Remote::Address(address) => IpFamily::of(*address) == family,
        }
    }

    /// The AS that the peer sees.
    #[must_use]
    pub fn seen_asn(&self) -> Asn {
        self.local_asn.unwrap_or(self.my_asn)
    }
}
