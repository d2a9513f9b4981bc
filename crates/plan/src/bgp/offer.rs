//! The advertisements of one node, by the pools that they reach (bgp 1.3).

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_api::resolved::{BgpAdvertisement, Config, Pool, any_or_empty};
use ferrolb_types::{IpFamily, IpNet, Labels, PoolName};

use super::attribute::Attributes;

/// An advertisement with what its routes say. One and the same as long as the advertisement does not change.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) advertisement: Arc<BgpAdvertisement>,
    pub(super) attributes: Attributes,
}

impl Offer {
    fn new(advertisement: Arc<BgpAdvertisement>) -> Arc<Self> {
        let attributes = Attributes::of(&advertisement);
        Arc::new(Self {
            advertisement,
            attributes,
        })
    }

    /// The prefix that stands for `address`.
    pub(super) fn prefix(&self, address: IpAddr) -> Option<IpNet> {
        let length = self.advertisement.aggregation(IpFamily::of(address));
        IpNet::new(address, length).ok().map(|net| net.trunc())
    }
}

/// The advertisements that reach one pool, oldest first.
#[derive(Debug)]
pub(super) struct PoolOffers {
    pool: Arc<Pool>,
    offers: Vec<Arc<Offer>>,
}

impl PoolOffers {
    pub(super) const fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// Those that announce a Service with these labels.
    pub(super) fn selecting(&self, service: &Labels) -> impl Iterator<Item = &Arc<Offer>> {
        let selects = |o: &&Arc<Offer>| any_or_empty(&o.advertisement.service_selectors, service);
        self.offers.iter().filter(selects)
    }

    /// The first two of `selected`, oldest first, that give one route different local preferences.
    ///
    /// Those without service selectors were compared when the node's view was made; they cannot.
    pub(super) fn contradiction<'o>(&self, selected: &[&'o Arc<Offer>]) -> Option<[&'o Arc<Offer>; 2]> {
        let mut newer = selected.iter().enumerate();
        newer.find_map(|(i, &newer)| {
            let contradicts =
                |older: &&&Arc<Offer>| older.advertisement.contradicts(&newer.advertisement, &self.pool);
            let older = selected[..i].iter().find(contradicts)?;
            Some([*older, newer])
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.offers.len() == other.offers.len()
            && self
                .offers
                .iter()
                .zip(&other.offers)
                .all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

/// All advertisements of the node.
#[derive(Debug, Default)]
pub(super) struct Offers {
    by_pool: BTreeMap<PoolName, PoolOffers>,
    all: BTreeMap<Box<str>, Arc<Offer>>,
}

impl Offers {
    pub(super) fn of(&self, pool: &PoolName) -> Option<&PoolOffers> {
        self.by_pool.get(pool)
    }

    /// Takes over a new configuration; returns the pools whose Services may be announced otherwise.
    pub(super) fn renew(
        &mut self,
        config: &Config,
        advertisements: &[Arc<BgpAdvertisement>],
    ) -> BTreeSet<PoolName> {
        let all: BTreeMap<_, _> = advertisements
            .iter()
            .map(|ad| (ad.name.clone(), self.same_or_new(ad)))
            .collect();
        let mut by_age: Vec<&Arc<Offer>> = all.values().collect();
        by_age.sort_by_key(|o| o.advertisement.seniority());
        let reaching = |pool: &Arc<Pool>| {
            let reaches = |o: &&&Arc<Offer>| o.advertisement.reaches(pool);
            by_age.iter().filter(reaches).map(|o| Arc::clone(o)).collect()
        };
        let newer: BTreeMap<_, _> = config
            .pools
            .values()
            .map(|pool| {
                let (pool, offers) = (Arc::clone(pool), reaching(pool));
                (pool.name.clone(), PoolOffers { pool, offers })
            })
            .collect();
        let older = core::mem::replace(&mut self.by_pool, newer);
        self.all = all;
        self.changed_since(&older)
    }

    fn same_or_new(&self, advertisement: &Arc<BgpAdvertisement>) -> Arc<Offer> {
        let known = self.all.get(&advertisement.name);
        match known.filter(|o| o.advertisement == *advertisement) {
            Some(same) => Arc::clone(same),
            None => Offer::new(Arc::clone(advertisement)),
        }
    }

    fn changed_since(&self, older: &BTreeMap<PoolName, PoolOffers>) -> BTreeSet<PoolName> {
        let names = self.by_pool.keys().chain(older.keys());
        let differs = |name: &&PoolName| match (self.by_pool.get(*name), older.get(*name)) {
            (Some(new), Some(old)) => !new.is_same(old),
            _ => true,
        };
        names.filter(differs).cloned().collect()
    }
}
