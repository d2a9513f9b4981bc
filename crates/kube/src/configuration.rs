//! Everything that configures, as changes for a resolver.
//!
//! ```text
//!   IPAddressPool, L2Advertisement, BGPAdvertisement, BGPPeer, BFDProfile, Community ──watch──▶ Report
//! ```
//!
//! BGPPeers are asked for in version `v1beta2`, which is the one that is stored; the API server converts others.

use std::borrow::Cow;
use std::sync::Arc;

use ferrolb_api::core::Secret;
use ferrolb_api::metallb::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, IpAddressPool, L2Advertisement,
};
use ferrolb_api::{Change as ConfigChange, Object, ObjectId};
use ferrolb_types::{NamespaceName, ObjectKey};
use futures::StreamExt;
use futures::stream::BoxStream;
use kube::Client;

use crate::Error;
use crate::event::Reference;
use crate::watch::{Change, Options, watch};

/// The kinds that [`watch_all`] watches.
pub const KINDS: [&str; 6] = [
    IpAddressPool::KIND,
    L2Advertisement::KIND,
    BgpAdvertisement::KIND,
    BgpPeer::KIND,
    BfdProfile::KIND,
    Community::KIND,
];

/// What the watch of one kind says, whatever the kind.
#[derive(Clone, Debug)]
pub enum Report {
    /// An object came, changed or went.
    Changed {
        /// Its UID; empty if it is gone.
        uid: Box<str>,
        /// What is to be resolved.
        change: Box<ConfigChange>,
    },
    /// Every object of this kind that existed at the start has been reported. Once.
    Listed(&'static str),
    /// Objects of this kind cannot be read, until they are [`Report::Found`].
    Lost(&'static str, Arc<Error>),
    /// They can be read again; what changed meanwhile follows.
    Found(&'static str),
}

/// Watches all kinds that configure, in the namespace that counts.
#[must_use]
pub fn watch_all(client: &Client, namespace: &NamespaceName) -> Vec<BoxStream<'static, Report>> {
    let options = || Options::in_namespace(namespace.clone());
    vec![
        reports::<IpAddressPool>(client, options()),
        reports::<L2Advertisement>(client, options()),
        reports::<BgpAdvertisement>(client, options()),
        reports::<BgpPeer>(client, options()),
        reports::<BfdProfile>(client, options()),
        reports::<Community>(client, options()),
    ]
}

/// What an event on an object that configures refers to. Anything that is no such kind is taken for a Secret.
#[must_use]
pub fn reference(id: &ObjectId, namespace: &str, uid: &str) -> Reference {
    let key = ObjectKey::new(namespace, &*id.name);
    match id.kind {
        IpAddressPool::KIND => Reference::to::<IpAddressPool>(key, uid),
        L2Advertisement::KIND => Reference::to::<L2Advertisement>(key, uid),
        BgpAdvertisement::KIND => Reference::to::<BgpAdvertisement>(key, uid),
        BgpPeer::KIND => Reference::to::<BgpPeer>(key, uid),
        BfdProfile::KIND => Reference::to::<BfdProfile>(key, uid),
        Community::KIND => Reference::to::<Community>(key, uid),
        _ => Reference::to::<Secret>(key, uid),
    }
}

/// Watches the objects of one kind that configures.
pub fn reports<T: Object + Into<ConfigChange>>(
    client: &Client,
    options: Options,
) -> BoxStream<'static, Report> {
    watch::<T>(client.clone(), options).map(report).boxed()
}

fn report<T: Object + Into<ConfigChange>>(change: Change<T>) -> Report {
    let changed = |uid, change| Report::Changed {
        uid,
        change: Box::new(change),
    };
    match change {
        Change::Applied(object) => changed(object.meta().uid.clone(), object.into()),
        Change::Malformed { uid, problem, .. } => changed(uid, ConfigChange::Undecodable(*problem)),
        Change::Deleted(key) => changed(
            Box::default(),
            ConfigChange::Deleted {
                kind: Cow::Borrowed(T::KIND),
                key,
            },
        ),
        Change::Synced => Report::Listed(T::KIND),
        Change::Away { error } => Report::Lost(T::KIND, error),
        Change::Back => Report::Found(T::KIND),
    }
}
