//! What goes into a resolver, and what comes out.

use std::borrow::Cow;
use std::collections::BTreeSet;

use ferrolb_types::{ObjectKey, PoolName};

use crate::core::Secret;
use crate::{Object, ObjectMeta, Problem, metallb};

/// The kinds that a resolver takes.
const KINDS: [&str; 7] = [
    metallb::IpAddressPool::KIND,
    metallb::L2Advertisement::KIND,
    metallb::BgpAdvertisement::KIND,
    metallb::BgpPeer::KIND,
    metallb::BfdProfile::KIND,
    metallb::Community::KIND,
    Secret::KIND,
];

/// One object came, changed or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An IPAddressPool as it is now.
    Pool(metallb::IpAddressPool),
    /// An L2Advertisement as it is now.
    L2Advertisement(metallb::L2Advertisement),
    /// A BGPAdvertisement as it is now.
    BgpAdvertisement(metallb::BgpAdvertisement),
    /// A BGPPeer as it is now.
    BgpPeer(metallb::BgpPeer),
    /// A BFDProfile as it is now.
    BfdProfile(metallb::BfdProfile),
    /// A Community as it is now.
    Community(metallb::Community),
    /// A Secret as it is now; only counts with [`crate::Rules::with_secrets`].
    Secret(Secret),
    /// An object whose current version does not decode, by what [`crate::decode`] says of it.
    Undecodable(Problem),
    /// An object that is gone.
    Deleted {
        /// Its kind.
        kind: Cow<'static, str>,
        /// Its namespace and name.
        key: ObjectKey,
    },
}

impl Change {
    /// The object that it is about; none for a kind that configures nothing.
    #[must_use]
    pub fn id(&self) -> Option<ObjectId> {
        let id = |kind, meta: &ObjectMeta| Some(ObjectId::new(kind, &meta.name));
        match self {
            Self::Pool(raw) => id(metallb::IpAddressPool::KIND, &raw.metadata),
            Self::L2Advertisement(raw) => id(metallb::L2Advertisement::KIND, &raw.metadata),
            Self::BgpAdvertisement(raw) => id(metallb::BgpAdvertisement::KIND, &raw.metadata),
            Self::BgpPeer(raw) => id(metallb::BgpPeer::KIND, &raw.metadata),
            Self::BfdProfile(raw) => id(metallb::BfdProfile::KIND, &raw.metadata),
            Self::Community(raw) => id(metallb::Community::KIND, &raw.metadata),
            Self::Secret(secret) => id(Secret::KIND, &secret.metadata),
            Self::Undecodable(problem) => ObjectId::find(&problem.kind, &problem.name),
            Self::Deleted { kind, key } => ObjectId::find(kind, &key.name),
        }
    }
}

macro_rules! from_object {
    ($($type:ty => $variant:ident),*) => {
        $(impl From<$type> for Change {
            fn from(object: $type) -> Self {
                Self::$variant(object)
            }
        })*
    };
}

from_object! {
    metallb::IpAddressPool => Pool,
    metallb::L2Advertisement => L2Advertisement,
    metallb::BgpAdvertisement => BgpAdvertisement,
    metallb::BgpPeer => BgpPeer,
    metallb::BfdProfile => BfdProfile,
    metallb::Community => Community,
    Secret => Secret
}

/// An object of the namespace that counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: Box<str>,
}

impl ObjectId {
    /// The object `name` of a kind that is known only as text; none if it configures nothing.
    #[must_use]
    pub fn find(kind: &str, name: &str) -> Option<Self> {
        let kind = KINDS.into_iter().find(|known| *known == kind)?;
        Some(Self::new(kind, name))
    }

    /// The object `name` of this kind.
    #[must_use]
    pub fn new(kind: &'static str, name: &str) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }
}

/// What is different after [`crate::Resolver::settle`]: names whose entry in the configuration came, changed or went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Pools.
    pub pools: BTreeSet<PoolName>,
    /// Layer 2 advertisements.
    pub l2_advertisements: BTreeSet<Box<str>>,
    /// BGP advertisements.
    pub bgp_advertisements: BTreeSet<Box<str>>,
    /// BGP peers.
    pub bgp_peers: BTreeSet<Box<str>>,
    /// BFD profiles.
    pub bfd_profiles: BTreeSet<Box<str>>,
    /// Aliases of communities.
    pub communities: BTreeSet<Box<str>>,
    /// Objects whose problems are others than before.
    pub objects: BTreeSet<ObjectId>,
}

impl Delta {
    /// Whether the configuration is the same as before; problems may be others.
    #[must_use]
    pub fn is_config_unchanged(&self) -> bool {
        *self
            == Self {
                objects: self.objects.clone(),
                ..Self::default()
            }
    }
}
