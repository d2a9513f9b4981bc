//! From what changed to what it means: first what others name, then those who name it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::contested::Turn;
use super::{Delta, Resolver};
use crate::core::Secret;
use crate::reason;
use crate::resolve::bgp_advertisement::{self, Alias, Shape};
use crate::resolve::bgp_peer::{self, Reference};
use crate::resolve::community::Aliases;
use crate::resolve::report::Report;
use crate::resolve::{bfd_profile, l2_advertisement};
use crate::resolved::{BgpAdvertisement, Config, Pool};
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
            match after {
                Some(pool) => {
                    let shape = Shape::of(&pool);
                    if shape.has_ipv6 {
                        self.ipv6_pools.insert(pool.name.clone());
                    } else {
                        self.ipv6_pools.remove(&*name);
                    }
                    delta.pools.insert(pool.name.clone());
                    self.shapes.insert(pool.name.clone(), shape);
                    self.config.pools.insert(pool.name.clone(), pool);
                }
                None => {
                    self.ipv6_pools.remove(&*name);
                    self.shapes.remove(&*name);
                    self.config.pools.remove(&*name);
                    delta.pools.insert((&*name).into());
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
        for (name, advertisement) in &self.minding {
            if bgp_advertisement::minds(advertisement, shape, self.rules.bgp_mode)
                && advertisement.pools.reaches(pool)
            {
                self.bgp.touch(name);
            }
        }
    }

    fn settle_communities(&mut self, delta: &mut Delta) {
        let turns = self.communities.settle(&self.rules, delta);
        let names = |aliases: &Option<Arc<Aliases>>| {
            let aliases = aliases.iter().flat_map(|a| &a.0);
            aliases.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        // An alias may move from one object to another, so all go before any comes.
        let mut touched = BTreeSet::new();
        for turn in &turns {
            for name in names(&turn.before) {
                self.config.communities.remove(&name);
                touched.insert(name);
            }
        }
        for turn in &turns {
            touched.extend(names(&turn.after));
            let aliases = turn.after.iter().flat_map(|a| &a.0).cloned();
            self.config.communities.extend(aliases);
        }
        // Those that are defined by refused objects only count too: they are quoted.
        for (_, raw) in self.communities.refused() {
            touched.extend(raw.spec.communities.iter().map(|a| a.name.as_str().into()));
        }
        for name in &touched {
            for user in self.uses.communities_by_bgp.users_of(name) {
                self.bgp.touch(user);
            }
        }
        delta.communities.extend(touched);
    }

    fn settle_bfd_profiles(&mut self, delta: &mut Delta) {
        let (rules, published) = (&self.rules, &mut self.config.bfd_profiles);
        let changed = self
            .bfd_profiles
            .settle(rules.keep_last_accepted, published, delta, |raw| {
                let mut report = Report::of(raw, rules);
                (bfd_profile::resolve(raw, &mut report), report.into_problems())
            });
        for name in changed {
            for user in self.uses.profiles_by_peer.users_of(&name) {
                self.peers.touch(user);
            }
            delta.bfd_profiles.insert(name);
        }
    }

    fn settle_peers(&mut self, delta: &mut Delta) {
        let Config {
            bgp_peers,
            bfd_profiles,
            ..
        } = &mut self.config;
        let known = Known {
            profile: &|name| self.bfd_profiles.reference(name, bfd_profiles),
            secret: &|name| self.rules.with_secrets.then(|| self.secrets.get(name)),
        };
        let rules = &self.rules;
        let changed = self
            .peers
            .settle(rules.keep_last_accepted, bgp_peers, delta, |raw| {
                let mut report = Report::of(raw, rules);
                (
                    bgp_peer::resolve(raw, &known, &mut report),
                    report.into_problems(),
                )
            });
        for name in changed {
            for user in self.uses.peers_by_bgp.users_of(&name) {
                self.bgp.touch(user);
            }
            delta.bgp_peers.insert(name);
        }
    }

    fn settle_l2(&mut self, delta: &mut Delta) {
        let (rules, pools) = (&self.rules, &self.pools);
        let published = &mut self.config.l2_advertisements;
        let changed = self.l2.settle(rules.keep_last_accepted, published, delta, |raw| {
            let mut report = Report::of(raw, rules);
            let resolved = l2_advertisement::resolve(raw, &mut report);
            check_pool_names(
                &raw.spec.ip_address_pools,
                |name| pools.reference(name),
                &mut report,
            );
            let resolved = resolved.filter(|_| !report.is_refused());
            (resolved, report.into_problems())
        });
        delta.l2_advertisements.extend(changed);
    }

    fn settle_bgp(&mut self, delta: &mut Delta) {
        let mut bgp = core::mem::take(&mut self.bgp);
        let mut published = core::mem::take(&mut self.config.bgp_advertisements);
        let mut minding = core::mem::take(&mut self.minding);
        let keep = self.rules.keep_last_accepted;
        let changed = bgp.settle(keep, &mut published, delta, |raw| {
            let (resolved, minds, problems) = self.resolve_bgp(raw);
            match minds {
                Some(advertisement) => minding.insert(raw.metadata.name.clone(), Arc::new(advertisement)),
                None => minding.remove(&raw.metadata.name),
            };
            (resolved, problems)
        });
        (self.bgp, self.config.bgp_advertisements, self.minding) = (bgp, published, minding);
        delta.bgp_advertisements.extend(changed);
    }

    /// What is in force of `raw`, and what it would be with every pool, if pools matter to it.
    fn resolve_bgp(
        &self,
        raw: &metallb::BgpAdvertisement,
    ) -> (Option<BgpAdvertisement>, Option<BgpAdvertisement>, Vec<Problem>) {
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
        let minding = advertisement.clone();
        let is_usable = self.check_pools(&mut advertisement, &mut report);
        (
            is_usable.then_some(advertisement),
            Some(minding),
            report.into_problems(),
        )
    }

    fn check_pools(&self, advertisement: &mut BgpAdvertisement, report: &mut Report<'_>) -> bool {
        let mode = self.rules.bgp_mode;
        let with_shape =
            |name: &ferrolb_types::PoolName| Some((&**self.config.pools.get(name)?, *self.shapes.get(name)?));
        let reaches_others = |advertisement: &BgpAdvertisement| {
            self.config.pools.values().any(|pool| advertisement.reaches(pool))
        };
        let aggregates = advertisement.aggregation_length < 32 || advertisement.aggregation_length_v6 < 128;
        let minded = advertisement.clone();
        let minds = |(_, shape): &(&Pool, Shape)| bgp_advertisement::minds(&minded, *shape, mode);
        if aggregates {
            let pools = self.shapes.keys().filter_map(with_shape).filter(minds);
            bgp_advertisement::check_pools(advertisement, pools, reaches_others, report)
        } else {
            let pools = self.ipv6_pools.iter().filter_map(with_shape).filter(minds);
            bgp_advertisement::check_pools(advertisement, pools, reaches_others, report)
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
