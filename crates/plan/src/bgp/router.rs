//! The machine of one node: Services and configuration in, what to tell which peer out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_api::resolved::{BgpAdvertisement, BgpPeer, Config};
use ferrolb_api::{BgpMode, NodeView};
use ferrolb_types::{IpNet, ObjectKey, PoolName};

use super::attribute::Attributes;
use super::eligibility::{Bar, Candidate, advertised};
use super::offer::{Offer, Offers};
use super::session::Session;
use super::table::Table;
use crate::silence::Reason;

/// What a node tells its peers.
///
/// Changes go in by [`Router::decide`], [`Router::forget`] and [`Router::set_advertisements`], as many as belong
/// together; [`Router::flush`] then tells the difference between before and after, each prefix once for each session.
/// [`Router::set_peers`] flushes first.
#[derive(Debug)]
pub struct Router {
    mode: BgpMode,
    bar: Option<Bar>,
    offers: Offers,
    sessions: BTreeMap<Box<str>, Arc<Session>>,
    services: BTreeMap<ObjectKey, Box<[Contribution]>>,
    table: Table,
    /// Prefixes touched since the last flush, with what each session was offered before, in the order of the sessions.
    touched: BTreeMap<IpNet, Box<[Option<Attributes>]>>,
}

/// A prefix that a Service has by an advertisement.
type Contribution = (IpNet, Arc<Offer>);

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// End the session with this peer; its routes go with it.
    Close {
        /// Name of the BGPPeer object.
        peer: Box<str>,
    },
    /// Begin a session. Its routes follow.
    Open(Arc<Session>),
    /// Announce `prefix` to `peer`, whether or not it is announced already: the latest attributes count.
    Offer {
        /// Name of the BGPPeer object.
        peer: Box<str>,
        /// The destination.
        prefix: IpNet,
        /// What to say about it.
        attributes: Attributes,
    },
    /// Withdraw `prefix` from `peer`.
    Retract {
        /// Name of the BGPPeer object.
        peer: Box<str>,
        /// The destination.
        prefix: IpNet,
    },
}

/// Two advertisements that give one route different local preferences.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contradiction {
    /// The advertisement that is left out.
    pub newer: Box<str>,
    /// Its local preference.
    pub newer_local_pref: u32,
    /// The advertisement that stands.
    pub older: Box<str>,
    /// Its local preference.
    pub older_local_pref: u32,
}

impl Contradiction {
    fn new(older: &BgpAdvertisement, newer: &BgpAdvertisement) -> Self {
        Self {
            newer: newer.name.clone(),
            newer_local_pref: newer.local_pref,
            older: older.name.clone(),
            older_local_pref: older.local_pref,
        }
    }
}

impl Router {
    /// A router without peers and routes, with the defaults of `mode`.
    #[must_use]
    pub fn new(mode: BgpMode) -> Self {
        Self {
            mode,
            bar: None,
            offers: Offers::default(),
            sessions: BTreeMap::new(),
            services: BTreeMap::new(),
            table: Table::default(),
            touched: BTreeMap::new(),
        }
    }

    /// Whether anything speaks against announcing from this node at all. Returns whether that is new; then every
    /// Service has to be decided again.
    pub fn set_bar(&mut self, bar: Option<Bar>) -> bool {
        core::mem::replace(&mut self.bar, bar) != bar
    }

    /// Takes over pools and the advertisements of the node's view; returns the pools whose Services have to be decided
    /// again.
    #[must_use]
    pub fn set_advertisements(&mut self, config: &Config, view: &NodeView) -> BTreeSet<PoolName> {
        self.offers.renew(config, &view.bgp_advertisements)
    }

    /// Takes over the peers of the node's view. Sessions of peers that are gone or have other parameters are closed
    /// before new ones are opened; the others go on.
    pub fn set_peers(&mut self, peers: &[Arc<BgpPeer>], out: &mut Vec<Change>) {
        self.flush(out);
        let wanted: BTreeMap<_, _> = peers
            .iter()
            .map(|peer| (peer.name.clone(), Session::new(peer, self.mode)))
            .collect();
        self.sessions.retain(|peer, session| {
            let stays = wanted.get(peer) == Some(&**session);
            if !stays {
                out.push(Change::Close { peer: peer.clone() });
            }
            stays
        });
        for (peer, session) in wanted {
            if !self.sessions.contains_key(&peer) {
                self.open(Arc::new(session), out);
            }
        }
    }

    fn open(&mut self, session: Arc<Session>, out: &mut Vec<Change>) {
        out.push(Change::Open(Arc::clone(&session)));
        out.extend(
            self.table
                .routes(&session)
                .map(|(prefix, attributes)| Change::Offer {
                    peer: session.peer.clone(),
                    prefix,
                    attributes,
                }),
        );
        self.sessions.insert(session.peer.clone(), session);
    }

    /// Decides anew about a Service that has addresses in one pool.
    ///
    /// # Errors
    /// Why it is not announced; then whatever was announced of it ends.
    pub fn decide(&mut self, key: &ObjectKey, candidate: &Candidate<'_>) -> Result<(), Reason> {
        let contributions = self.contributions(candidate);
        let reason = contributions.as_ref().err().copied();
        self.replace(key, contributions.unwrap_or_default());
        reason.map_or(Ok(()), Err)
    }

    /// A Service is not to be announced for a reason that has nothing to do with BGP.
    pub fn forget(&mut self, key: &ObjectKey) {
        self.replace(key, Box::default());
    }

    /// Every address by every advertisement, each route once.
    fn contributions(&self, candidate: &Candidate<'_>) -> Result<Box<[Contribution]>, Reason> {
        let offers = advertised(candidate, self.offers.of(candidate.pool), self.bar)?;
        let mut contributions: Vec<Contribution> =
            Vec::with_capacity(offers.len() * candidate.addresses.len());
        for (address, offer) in candidate
            .addresses
            .iter()
            .flat_map(|a| offers.iter().map(move |o| (*a, *o)))
        {
            let known = |(p, o): &Contribution, prefix| *p == prefix && Arc::ptr_eq(o, offer);
            if let Some(prefix) = offer.prefix(address)
                && !contributions.iter().any(|c| known(c, prefix))
            {
                contributions.push((prefix, Arc::clone(offer)));
            }
        }
        Ok(contributions.into())
    }

    fn replace(&mut self, key: &ObjectKey, new: Box<[Contribution]>) {
        let old = self.services.get(key).map_or(&[][..], |c| c);
        if is_same(old, &new) {
            return;
        }
        let old = self.services.remove(key).unwrap_or_default();
        for (prefix, _) in old.iter().chain(&*new) {
            self.touch(*prefix);
        }
        for (prefix, offer) in &new {
            self.table.add(*prefix, offer);
        }
        for (prefix, offer) in &old {
            self.table.remove(*prefix, offer);
        }
        if !new.is_empty() {
            self.services.insert(key.clone(), new);
        }
    }

    /// Remembers what is offered for `prefix` before it changes.
    fn touch(&mut self, prefix: IpNet) {
        let Self {
            touched,
            table,
            sessions,
            ..
        } = self;
        touched
            .entry(prefix)
            .or_insert_with(|| sessions.values().map(|s| table.route(prefix, s)).collect());
    }

    /// Tells each peer what is different since the last time, withdrawals first.
    pub fn flush(&mut self, out: &mut Vec<Change>) {
        let mut offers = Vec::new();
        for (prefix, before) in core::mem::take(&mut self.touched) {
            for (session, before) in self.sessions.values().zip(before) {
                let peer = || session.peer.clone();
                match self.table.route(prefix, session) {
                    after if after == before => {}
                    Some(attributes) => offers.push(Change::Offer {
                        peer: peer(),
                        prefix,
                        attributes,
                    }),
                    None => out.push(Change::Retract { peer: peer(), prefix }),
                }
            }
        }
        out.append(&mut offers);
    }
}

/// Questions.
impl Router {
    /// All sessions, by name of the peer.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> + Clone {
        self.sessions.values().map(|s| &**s)
    }

    /// Everything that the peer of `session` is offered, by prefix.
    pub fn routes<'a>(&'a self, session: &'a Session) -> impl Iterator<Item = (IpNet, Attributes)> + 'a {
        self.table.routes(session)
    }

    /// Whether any route of the Service is announced.
    #[must_use]
    pub fn announces(&self, key: &ObjectKey) -> bool {
        self.services.contains_key(key)
    }

    /// What keeps `candidate` from being announced with reason `conflictingAdvertisements`.
    #[must_use]
    pub fn contradiction(&self, candidate: &Candidate<'_>) -> Option<Contradiction> {
        let offers = self.offers.of(candidate.pool)?;
        let selected: Vec<_> = offers.selecting(candidate.labels).collect();
        let [older, newer] = offers.contradiction(&selected)?;
        Some(Contradiction::new(&older.advertisement, &newer.advertisement))
    }

    /// Prefixes that Services share whose advertisements contradict each other: the older one's attributes stand.
    pub fn contradictions(&self) -> impl Iterator<Item = (IpNet, Contradiction)> {
        let named = |(prefix, [older, newer]): (IpNet, [&Offer; 2])| {
            (
                prefix,
                Contradiction::new(&older.advertisement, &newer.advertisement),
            )
        };
        self.table.contradictions(self.sessions()).map(named)
    }
}

fn is_same(a: &[Contribution], b: &[Contribution]) -> bool {
    let same = |((p, o), (q, r)): (&Contribution, &Contribution)| p == q && Arc::ptr_eq(o, r);
    a.len() == b.len() && a.iter().zip(b).all(same)
}
