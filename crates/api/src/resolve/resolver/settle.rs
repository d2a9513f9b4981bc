//! From what changed to what it means: first what others name, then those who name it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::contested::Turn;
use super::{Delta, Minding, Resolver};
use crate::core::Secret;
use crate::reason;
use crate::resolve::bgp_advertisement::{self, Alias, Shape};
use crate::resolve::bgp_peer::{self, Reference};
use crate::resolve::community::Aliases;
use crate::resolve::report::Report;
use crate::resolve::{bfd_profile, l2_advertisement};
use crate::resolved::{BgpAdvertisement, Pool, PoolSelection};
use crate::{Problem, metallb};

impl Resolver {
    /// Resolves what changed since the last time.
    pub fn settle(&mut self) -> Delta {
        let mut delta = core::mem::take(&mut self.pending);
        self.settle_pools(&mut delta);
        self.settle_communities(&mut delta);
        self.settle_bfd_profiles(&mut delta);
        self.settle_peers(&mut delta);
        self.settle_l2(&mut delta);
        self.settle_bgp(&mut delta);
        delta
    }

    fn settle_pools(&mut self, delta: &mut Delta) {
        for Turn { name, before, after } in self.pools.settle(&self.rules, delta) {
            if before.is_none() || after.is_none() {
                self.touch_users_of_pool(&name);
            }
            if before == after {
                continue;
            }
            for pool in before.iter().chain(&after) {
                self.touch_minding(pool);
            }
            delta.pools.insert((&*name).into());
            match after {
                Some(pool) => {
                    self.shapes
                        .insert(pool.name.clone(), (pool.clone(), Shape::of(&pool)));
                    self.config.pools.insert(pool.name.clone(), pool);
                }
                None => {
                    self.shapes.remove(&*name);
                    self.config.pools.remove(&*name);
                }
            }
        }
    }

    /// Whether the name means something is part of what is wrong with its users.
    fn touch_users_of_pool(&mut self, name: &str) {
        for user in self.uses.pools_by_l2.users_of(name) {
            self.l2.touch(user);
        }
        for user in self.uses.pools_by_bgp.users_of(name) {
            self.bgp.touch(user);
        }
    }

    fn touch_minding(&mut self, pool: &Pool) {
        let shape = Shape::of(pool);
        for (
            name,
            Minding {
                advertisement,
                suffers,
            },
        ) in &self.minding
        {
            let matters = *suffers || bgp_advertisement::minds(advertisement, shape, self.rules.bgp_mode);
            if matters && advertisement.pools.reaches(pool) {
                self.bgp.touch(name);
            }
        }
    }

    fn settle_communities(&mut self, delta: &mut Delta) {
        let turns = self.communities.settle(&self.rules, delta);
        let table = |version: fn(&Turn<Aliases>) -> &Option<Arc<Aliases>>| {
            let aliases = turns
                .iter()
                .filter_map(|turn| version(turn).as_ref())
                .flat_map(|a| &a.0);
            aliases.cloned().collect::<BTreeMap<_, _>>()
        };
        // An alias may move from one object to another, so all that go are compared with all that come.
        let (before, after) = (table(|turn| &turn.before), table(|turn| &turn.after));
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            self.config.communities.remove(name);
        }
        let names = before.keys().chain(after.keys());
        for name in names.filter(|name| before.get(*name) != after.get(*name)) {
            for user in self.uses.communities_by_bgp.users_of(name) {
                self.bgp.touch(user);
            }
            delta.communities.insert(name.clone());
        }
        self.config.communities.extend(after);
    }

    fn settle_bfd_profiles(&mut self, delta: &mut Delta) {
        let (rules, published) = (&self.rules, &mut self.config.bfd_profiles);
        let news = (&mut delta.bfd_profiles, &mut delta.objects);
        let touched = self.bfd_profiles.settle(
            rules.keep_last_accepted,
            published,
            news,
            |raw| {
                let mut report = Report::of(raw, rules);
                (bfd_profile::resolve(raw, &mut report), report.into_problems())
            },
            unchanged,
        );
        for name in touched {
            for user in self.uses.profiles_by_peer.users_of(&name) {
                self.peers.touch(user);
            }
        }
    }

    fn settle_peers(&mut self, delta: &mut Delta) {
        let mut peers = core::mem::take(&mut self.peers);
        let mut published = core::mem::take(&mut self.config.bgp_peers);
        let known = Known {
            profile: &|name| self.bfd_profiles.reference(name, &self.config.bfd_profiles),
            secret: &|name| self.rules.with_secrets.then(|| self.secrets.get(name)),
        };
        let rules = &self.rules;
        let news = (&mut delta.bgp_peers, &mut delta.objects);
        let touched = peers.settle(
            rules.keep_last_accepted,
            &mut published,
            news,
            |raw| {
                let mut report = Report::of(raw, rules);
                (
                    bgp_peer::resolve(raw, &known, &mut report),
                    report.into_problems(),
                )
            },
            |kept, raw| self.authenticate(kept, raw),
        );
        (self.peers, self.config.bgp_peers) = (peers, published);
        for name in touched {
            for user in self.uses.peers_by_bgp.users_of(&name) {
                self.bgp.touch(user);
            }
        }
    }

    fn settle_l2(&mut self, delta: &mut Delta) {
        let (rules, pools) = (&self.rules, &self.pools);
        let published = &mut self.config.l2_advertisements;
        let news = (&mut delta.l2_advertisements, &mut delta.objects);
        self.l2.settle(
            rules.keep_last_accepted,
            published,
            news,
            |raw| {
                let mut report = Report::of(raw, rules);
                let resolved = l2_advertisement::resolve(raw, &mut report);
                check_pool_names(
                    &raw.spec.ip_address_pools,
                    |name| pools.reference(name),
                    &mut report,
                );
                let resolved = resolved.filter(|_| !report.is_refused());
                (resolved, report.into_problems())
            },
            unchanged,
        );
    }

    fn settle_bgp(&mut self, delta: &mut Delta) {
        let mut bgp = core::mem::take(&mut self.bgp);
        let mut published = core::mem::take(&mut self.config.bgp_advertisements);
        let mut minding = core::mem::take(&mut self.minding);
        let news = (&mut delta.bgp_advertisements, &mut delta.objects);
        bgp.settle(
            self.rules.keep_last_accepted,
            &mut published,
            news,
            |raw| {
                let (resolved, minds, problems) = self.resolve_bgp(raw);
                match minds {
                    Some(minds) => minding.insert((*raw.metadata.name).into(), minds),
                    None => minding.remove(&*raw.metadata.name),
                };
                (resolved, problems)
            },
            unchanged,
        );
        (self.bgp, self.config.bgp_advertisements, self.minding) = (bgp, published, minding);
    }

    /// What is in force of `raw`, and what pools mean to it, if anything.
    fn resolve_bgp(
        &self,
        raw: &metallb::BgpAdvertisement,
    ) -> (Option<BgpAdvertisement>, Option<Minding>, Vec<Problem>) {
        let mut report = Report::of(raw, &self.rules);
        let resolved = bgp_advertisement::resolve(raw, |text| self.alias(text), &mut report);
        check_pool_names(
            &raw.spec.ip_address_pools,
            |name| self.pools.reference(name),
            &mut report,
        );
        self.check_peer_names(&raw.spec.peers, &mut report);
        let Some(mut advertisement) = resolved.filter(|_| !report.is_refused()) else {
            return (None, None, report.into_problems());
        };
        if !bgp_advertisement::depends_on_pools(&advertisement, self.rules.bgp_mode) {
            return (Some(advertisement), None, report.into_problems());
        }
        let mut minding = Minding {
            advertisement: advertisement.clone(),
            suffers: false,
        };
        let is_usable = self.check_pools(&mut advertisement, &mut report);
        minding.suffers = !advertisement.unusable_pools.is_empty();
        (
            is_usable.then_some(advertisement),
            Some(minding),
            report.into_problems(),
        )
    }

    fn check_pools(&self, advertisement: &mut BgpAdvertisement, report: &mut Report<'_>) -> bool {
        let pools = self.pools_minded_by(advertisement);
        let reaches_others = |advertisement: &BgpAdvertisement| {
            self.config.pools.values().any(|pool| advertisement.reaches(pool))
        };
        bgp_advertisement::check_pools(advertisement, &pools, reaches_others, report)
    }

    /// Pools that the advertisement reaches and may be unable to use, by name.
    fn pools_minded_by(&self, advertisement: &BgpAdvertisement) -> Vec<(&Pool, Shape)> {
        let minds = |shape| bgp_advertisement::minds(advertisement, shape, self.rules.bgp_mode);
        let minded =
            |(pool, shape): &'_ (Arc<Pool>, Shape)| minds(*shape) && advertisement.pools.reaches(pool);
        let candidate = |entry| {
            if minded(entry) {
                Some((&*entry.0, entry.1))
            } else {
                None
            }
        };
        match &advertisement.pools {
            PoolSelection::Some { names, selectors } if selectors.is_empty() => names
                .iter()
                .filter_map(|name| self.shapes.get(name))
                .filter_map(candidate)
                .collect(),
            _ => self.shapes.values().filter_map(candidate).collect(),
        }
    }

    fn alias(&self, text: &str) -> Alias<'_> {
        if let Some(community) = self.config.communities.get(text) {
            return Alias::Known(*community);
        }
        let defines = |raw: &metallb::Community| raw.spec.communities.iter().any(|alias| alias.name == text);
        let refused = self.communities.refused().find(|(_, raw)| defines(raw));
        refused.map_or(Alias::Unknown, |(meta, _)| Alias::Refused(&meta.name))
    }

    fn check_peer_names(&self, names: &[String], report: &mut Report<'_>) {
        for (i, name) in names.iter().enumerate() {
            let message = match self.peers.reference(name, &self.config.bgp_peers) {
                Reference::InForce => continue,
                Reference::Refused => {
                    format!("BGP peer `{name}` is refused, so nothing is announced to it; repair it")
                }
                Reference::Missing => format!("there is no BGP peer `{name}`; create it or correct the name"),
            };
            report.warning(format!("spec.peers[{i}]"), reason::UNKNOWN_PEER, message);
        }
    }
}

/// A version that needs nothing to be in force again.
fn unchanged<R, V: Clone>(kept: &V, _: &R) -> Option<V> {
    Some(kept.clone())
}

/// A name that means nothing is allowed, but must not go unnoticed.
fn check_pool_names(names: &[String], known: impl Fn(&str) -> Reference, report: &mut Report<'_>) {
    for (i, name) in names.iter().enumerate() {
        let (reason, message) = match known(name) {
            Reference::InForce => continue,
            Reference::Refused => {
                let message =
                    format!("pool `{name}` is refused, so nothing of it is announced; repair the pool");
                (reason::POOL_REFUSED, message)
            }
            Reference::Missing => {
                let message = format!("there is no pool `{name}`; create it or correct the name");
                (reason::UNKNOWN_POOL, message)
            }
        };
        report.warning(format!("spec.ipAddressPools[{i}]"), reason, message);
    }
}

/// What a peer may name, as far as it is known here.
struct Known<'a> {
    profile: &'a dyn Fn(&str) -> Reference,
    secret: &'a dyn Fn(&str) -> Option<Option<&'a Secret>>,
}

impl bgp_peer::References for Known<'_> {
    fn bfd_profile(&self, name: &str) -> Reference {
        (self.profile)(name)
    }

    fn secret(&self, name: &str) -> Option<Option<&Secret>> {
        (self.secret)(name)
    }
}
