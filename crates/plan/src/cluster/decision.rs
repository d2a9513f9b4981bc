//! The decision on one Service, in the order of layer2 3.1 and 3.2.
//!
//! ```text
//!   addresses ─▶ pool ─▶ endpoints ─▶ advertisements ─▶ sharing ─▶ candidates ─▶ election     the same on every node
//!                                                          └▶ does one cover me? ─▶ am I it?   on one node
//! ```

use core::net::IpAddr;

use ferrolb_api::facts::{Ingress, ServiceFacts};
use ferrolb_types::{Labels, NodeName, ObjectKey};

use super::Verdict;
use super::catalog::{Advertisement, Catalog, PoolIndex, interfaces, score};
use super::endpoints::Endpoints;
use super::roster::{Place, Roster};
use crate::election::{Key, Rank, Standing};
use crate::event::Speaker;
use crate::silence::{Bar, Reason, Silence};

/// A Service of our class, as far as announcing it goes.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) uid: Box<str>,
    pub(crate) labels: Labels,
    pub(crate) addresses: Result<Box<[IpAddr]>, Reason>,
    pub(crate) local_traffic_only: bool,
    has_sharing_annotation: bool,
    /// None until facts are complete.
    pub(crate) decision: Option<Result<Decision, Reason>>,
}

/// What is decided when nothing speaks against announcing the Service as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) pool: PoolIndex,
    pub(crate) owner: Option<(Rank, Place)>,
}

impl Service {
    pub(crate) fn observe(facts: &ServiceFacts) -> Self {
        Self {
            uid: facts.uid.clone(),
            labels: facts.labels.clone(),
            addresses: addresses(&facts.ingress),
            local_traffic_only: facts.local_traffic_only,
            has_sharing_annotation: facts.request.has_sharing_annotation,
            decision: None,
        }
    }

    /// Whether nothing but the decision differs.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.uid == other.uid
            && self.labels == other.labels
            && self.addresses == other.addresses
            && self.local_traffic_only == other.local_traffic_only
            && self.has_sharing_annotation == other.has_sharing_annotation
    }

    /// Whether endpoints that now lack `lack` may change the decision.
    pub(crate) fn minds_endpoints(&self, lack: Option<Reason>) -> bool {
        let before = match self.decision {
            Some(Err(reason @ (Reason::NoEndpointSlice | Reason::NoServingEndpoint))) => Some(reason),
            Some(Ok(_) | Err(Reason::SharedIpWithServiceSelector)) => None,
            Some(Err(_)) | None => return false,
        };
        before != lack || self.local_traffic_only
    }
}

fn addresses(ingress: &[Ingress]) -> Result<Box<[IpAddr]>, Reason> {
    if ingress.is_empty() {
        return Err(Reason::NoIpAllocated);
    }
    let address = |entry: &Ingress| match entry {
        Ingress::Address(address) => Ok(*address),
        Ingress::Malformed(_) | Ingress::Hostname(_) => Err(Reason::InvalidIp),
    };
    ingress.iter().map(address).collect()
}

/// Everything that a decision rests on.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) roster: &'a Roster,
    pub(crate) endpoints: &'a Endpoints,
    pub(crate) catalog: &'a Catalog,
}

impl<'a> Judge<'a> {
    /// Decides as if for the first time.
    pub(crate) fn decide(&self, key: &ObjectKey, service: &Service) -> Result<Decision, Reason> {
        let addresses = service.addresses.as_ref().map_err(|reason| *reason)?;
        let pool = self.catalog.pool_of(addresses).ok_or(Reason::IpNotAllowed)?;
        if let Some(lack) = self.endpoints.lack(key) {
            return Err(lack);
        }
        let advertisements: Vec<_> = self.catalog.selected(pool, &service.labels).collect();
        if service.has_sharing_annotation && advertisements.iter().any(|ad| ad.selects_services()) {
            return Err(Reason::SharedIpWithServiceSelector);
        }
        let owner = self.elect(key, service, &advertisements);
        Ok(Decision { pool, owner })
    }

    fn elect(
        &self,
        key: &ObjectKey,
        service: &Service,
        advertisements: &[&Advertisement],
    ) -> Option<(Rank, Place)> {
        let ballot = Key::new(first(service)?);
        let mut best: Option<(Rank, Place)> = None;
        for place in self.roster.candidates() {
            let Some(score) = score(advertisements, place) else {
                continue;
            };
            let standing = self.standing(service, place, score);
            // Hashing is what costs, and a lower standing loses without it.
            if best.is_some_and(|(rank, _)| standing > rank.standing())
                || !self.may_serve(key, service, place)
            {
                continue;
            }
            let rank = ballot.place(self.roster.name(place), standing);
            if best.is_none_or(|(other, _)| rank < other) {
                best = Some((rank, place));
            }
        }
        best
    }

    fn standing(&self, service: &Service, place: Place, score: u32) -> Standing {
        let addresses = service.addresses.as_deref().unwrap_or_default();
        Standing::new(score, self.roster.lacking(place, addresses))
    }

    /// With policy `Local`, only nodes with an endpoint that can serve.
    fn may_serve(&self, key: &ObjectKey, service: &Service, place: Place) -> bool {
        !service.local_traffic_only || self.endpoints.on_node(key, self.roster.name(place))
    }

    /// Whether a change of these nodes touches the decision: its owner is among them, or one of them would win.
    pub(crate) fn is_concerned(&self, key: &ObjectKey, service: &Service, changed: &[Place]) -> bool {
        let Some(Ok(decision)) = &service.decision else {
            return false;
        };
        match &decision.owner {
            Some((_, owner)) if changed.binary_search(owner).is_ok() => true,
            owner => changed
                .iter()
                .any(|&place| self.wins(key, service, decision.pool, place, owner.map(|(rank, _)| rank))),
        }
    }

    fn wins(
        &self,
        key: &ObjectKey,
        service: &Service,
        pool: PoolIndex,
        place: Place,
        over: Option<Rank>,
    ) -> bool {
        if self.roster.bar(place).is_some() || !self.may_serve(key, service, place) {
            return false;
        }
        let advertisements: Vec<_> = self.catalog.selected(pool, &service.labels).collect();
        let (Some(score), Some(first)) = (score(&advertisements, place), first(service)) else {
            return false;
        };
        let standing = self.standing(service, place, score);
        let rank = || Key::new(first).place(self.roster.name(place), standing);
        over.is_none_or(|over| standing <= over.standing() && rank() < over)
    }

    /// Whether the owner would have to give way to `rival` with this `speaker`, were it in the ring.
    pub(crate) fn yields_to(
        &self,
        key: &ObjectKey,
        service: &Service,
        rival: &NodeName,
        speaker: &Speaker,
    ) -> bool {
        let (Some(Ok(decision)), Some(place)) = (&service.decision, self.roster.find(rival)) else {
            return false;
        };
        let addresses = service.addresses.as_deref().unwrap_or_default();
        let advertisements: Vec<_> = self.catalog.selected(decision.pool, &service.labels).collect();
        let (Some(lacking), Some(score), Some(first)) = (
            self.roster.lacking_if_heard(place, speaker, addresses),
            score(&advertisements, place),
            first(service),
        ) else {
            return false;
        };
        let rank = Key::new(first).place(rival, Standing::new(score, lacking));
        let wins = decision.owner.is_none_or(|(owner, _)| rank < owner);
        wins && self.may_serve(key, service, place)
    }

    /// What `me` makes of the decision.
    pub(crate) fn verdict(&self, key: &ObjectKey, service: &Service, me: &NodeName) -> Verdict {
        let decision = match &service.decision {
            Some(Ok(decision)) => decision,
            Some(Err(reason)) => return Verdict::Silent(Silence::of(*reason)),
            None => return Verdict::Silent(Silence::of(Reason::NoCandidate)),
        };
        let mine = self.roster.find(me);
        let selected = self.catalog.selected(decision.pool, &service.labels);
        match (interfaces(selected, mine), decision.owner) {
            (None, _) => Verdict::Silent(Silence::of(Reason::NoMatchingAdvertisement)),
            (Some(interfaces), Some((_, owner))) if Some(owner) == mine => Verdict::Announced(interfaces),
            (Some(_), owner) => {
                Verdict::Silent(self.defeat(key, service, mine, owner.map(|(_, place)| place)))
            }
        }
    }

    fn defeat(
        &self,
        key: &ObjectKey,
        service: &Service,
        mine: Option<Place>,
        owner: Option<Place>,
    ) -> Silence {
        let own_bar = mine.map_or(Some(Bar::NoSpeaker), |place| self.roster.bar(place));
        let served = mine.is_some_and(|place| self.may_serve(key, service, place));
        Silence {
            reason: if owner.is_some() {
                Reason::NotOwner
            } else {
                Reason::NoCandidate
            },
            owner: owner.map(|place| self.roster.name(place).clone()),
            bar: own_bar.or((!served).then_some(Bar::NoLocalEndpoint)),
        }
    }
}

fn first(service: &Service) -> Option<IpAddr> {
    service.addresses.as_ref().ok()?.first().copied()
}
