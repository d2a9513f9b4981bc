//! All prefixes that the node announces, each with the advertisements behind it.
//!
//! What a peer is offered for a prefix follows from those advertisements alone, so nothing is kept for each session, and
//! a prefix that several Services share is withdrawn with the last of them (bgp 1.4).

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_types::{IpFamily, IpNet};

use super::attribute::Attributes;
use super::offer::Offer;
use super::session::Session;

#[derive(Debug, Default)]
pub(super) struct Table {
    routes: BTreeMap<IpNet, Vec<Backing>>,
}

/// An advertisement behind a prefix, and for how many Services. Oldest advertisement first.
#[derive(Debug)]
struct Backing {
    offer: Arc<Offer>,
    services: u32,
}

impl Table {
    /// One more Service has `prefix` by `offer`.
    pub(super) fn add(&mut self, prefix: IpNet, offer: &Arc<Offer>) {
        let backings = self.routes.entry(prefix).or_default();
        if let Some(backing) = backings.iter_mut().find(|b| Arc::ptr_eq(&b.offer, offer)) {
            backing.services += 1;
            return;
        }
        let seniority = offer.advertisement.seniority();
        let at = backings.partition_point(|b| b.offer.advertisement.seniority() < seniority);
        // Nearly every prefix has one advertisement.
        backings.reserve_exact(1);
        let backing = Backing {
            offer: Arc::clone(offer),
            services: 1,
        };
        backings.insert(at, backing);
    }

    /// One Service less has `prefix` by `offer`.
    pub(super) fn remove(&mut self, prefix: IpNet, offer: &Arc<Offer>) {
        let Some(backings) = self.routes.get_mut(&prefix) else {
            return;
        };
        if let Some(backing) = backings.iter_mut().find(|b| Arc::ptr_eq(&b.offer, offer)) {
            backing.services -= 1;
        }
        backings.retain(|b| b.services > 0);
        if backings.is_empty() {
            self.routes.remove(&prefix);
        }
    }

    /// What the peer of `session` is offered for `prefix`.
    pub(super) fn route(&self, prefix: IpNet, session: &Session) -> Option<Attributes> {
        merge(self.routes.get(&prefix)?, prefix, session)
    }

    /// Everything that the peer of `session` is offered, by prefix.
    pub(super) fn routes<'a>(
        &'a self,
        session: &'a Session,
    ) -> impl Iterator<Item = (IpNet, Attributes)> + 'a {
        let route =
            |(prefix, backings): (&IpNet, &Vec<Backing>)| Some((*prefix, merge(backings, *prefix, session)?));
        self.routes.iter().filter_map(route)
    }

    /// For each prefix, session and advertisement that is left out of the route: the older one that stands, and itself.
    pub(super) fn contradictions<'a>(
        &'a self,
        sessions: impl Iterator<Item = &'a Session> + Clone,
    ) -> impl Iterator<Item = (IpNet, [&'a Offer; 2])> {
        let several = self.routes.iter().filter(|(_, backings)| backings.len() > 1);
        several.flat_map(move |(prefix, backings)| {
            sessions.clone().flat_map(move |session| {
                let mut targeting = targeting(backings, *prefix, session);
                let first = targeting.next();
                let differing = targeting.filter_map(move |other| {
                    let first = first?;
                    let differs = other.attributes.local_pref != first.attributes.local_pref;
                    differs.then_some((*prefix, [first, other]))
                });
                differing.collect::<Vec<_>>()
            })
        })
    }
}

fn targeting<'a>(
    backings: &'a [Backing],
    prefix: IpNet,
    session: &'a Session,
) -> impl Iterator<Item = &'a Offer> {
    let carried = session.carries(IpFamily::of(prefix.addr()));
    let offers = backings.iter().map(|b| &*b.offer);
    offers.filter(move |o| carried && o.advertisement.targets(&session.peer))
}

/// Communities are united. Of two local preferences the older advertisement's stands, and the other advertisement is
/// left out: half of it would be neither what its author nor what the older one's author wanted.
fn merge(backings: &[Backing], prefix: IpNet, session: &Session) -> Option<Attributes> {
    let mut offers = targeting(backings, prefix, session);
    let mut attributes = offers.next()?.attributes.clone();
    for other in offers
        .filter(|o| o.attributes.local_pref == attributes.local_pref)
        .collect::<Vec<_>>()
    {
        attributes.unite(&other.attributes);
    }
    Some(attributes)
}
