//! The document. A stable interface: fields may be added, never renamed or removed, and every list has a fixed order.

use serde::Serialize;

use ferrolb_plan::report::Pool;

/// `apiVersion` of [`Status`].
pub const API_VERSION: &str = "status.ferrolb.io/v1";

/// How a cluster stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// [`API_VERSION`].
    pub api_version: &'static str,
    /// Which controller writes; absent without a Lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<Leader>,
    /// Ready pods of controllers, by name.
    pub controllers: Vec<String>,
    /// By name.
    pub nodes: Vec<Node>,
    /// Who is in the ring; absent if no speaker could be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ring: Option<Ring>,
    /// By address, IPv4 first.
    pub addresses: Vec<Address>,
    /// Services without the address that they want, by key.
    pub waiting: Vec<Waiting>,
    /// By name.
    pub pools: Vec<Pool>,
    /// What could not be found out, and why.
    pub unknown: Vec<String>,
}

/// Which of several controllers writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leader {
    /// The name of the Lease.
    pub lease: String,
    /// Who holds it; empty: nobody.
    pub holder: String,
    /// By the API server's clock.
    pub renewed_seconds_ago: Option<i64>,
    /// Whether the holder may still write, as far as that is known.
    pub is_current: bool,
    /// How often it changed hands.
    pub transitions: i64,
}

/// A node and its speaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Whether its kubelet reports it ready.
    pub ready: bool,
    /// Its speaker.
    pub speaker: SpeakerHealth,
    /// What the speaker runs.
    pub image: String,
    /// How many addresses it answers for.
    pub addresses: usize,
    /// How many speakers this one sees in the ring, itself among them; absent if it was not asked.
    pub ring_members: Option<usize>,
    /// Why it withdraws nothing at the moment: `nodesNotReady`, `apiServerAway`.
    pub frozen: Vec<String>,
    /// What it reports to be wrong.
    pub alerts: Vec<String>,
}

/// How a speaker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SpeakerHealth {
    /// Its pod is ready.
    Ready,
    /// Its pod is not.
    NotReady,
    /// There is no pod.
    None,
    /// Pods may not be listed.
    Unknown,
}

/// The ring as the speakers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ring {
    /// Whether all see as many.
    pub agree: bool,
    /// By node.
    pub views: Vec<RingView>,
}

/// The ring as one speaker sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RingView {
    /// Whose view it is.
    pub node: String,
    /// How many are there, itself included.
    pub members: usize,
    /// How many of them are not heard, so that they are not elected.
    pub out: usize,
}

/// An address that Services have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// The address.
    pub ip: String,
    /// The Services that share it, as `namespace/name`.
    pub services: Vec<String>,
    /// Where it comes from.
    pub pool: String,
    /// Who answers for it by layer 2, as the speakers say; sorted.
    pub owners: Vec<String>,
    /// Whom the election names; empty: nobody.
    pub elected: String,
    /// Where it is answered for; empty: on every interface that can announce.
    pub interfaces: Vec<String>,
    /// What that comes to.
    pub state: AddressState,
    /// Why nobody announces it, as far as nodes have a reason.
    pub reasons: Vec<String>,
}

/// What becomes of an address in layer 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AddressState {
    /// One node answers, and it is the one that should.
    Announced,
    /// A host outside of the cluster claims it.
    Conflict,
    /// Nobody answers by layer 2, and nobody should: it is announced by BGP.
    Routed,
    /// Nobody announces it, and nobody should.
    NotAnnounced,
    /// Somebody should answer, and nobody says that it does.
    NotReported,
    /// Another node answers than the one that should, as for a moment when it moves.
    NotElected,
    /// Several nodes answer.
    SeveralOwners,
}

impl AddressState {
    /// For people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Conflict => "conflict",
            Self::Routed => "by bgp",
            Self::NotAnnounced => "not announced",
            Self::NotReported => "not reported",
            Self::NotElected => "not the elected node",
            Self::SeveralOwners => "several owners",
        }
    }
}

impl SpeakerHealth {
    /// For people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "not ready",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// A Service that waits for an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// As `namespace/name`.
    pub service: String,
    /// The word for it.
    pub reason: String,
    /// What keeps it.
    pub message: String,
}
