//! BGP as one node sees it: what contradicts itself only where it meets (spec/plan.md: "checks between peers and nodes
//! are made for each node's own view").

mod local_pref;
mod peers;

use std::collections::BTreeSet;
use std::sync::Arc;

use ferrolb_types::{IpFamily, PoolName};

use super::Rules;
use super::bgp_advertisement::listed;
use super::report::Report;
use crate::facts::NodeFacts;
use crate::resolved::{BgpAdvertisement, BgpPeer, Config, Pool, PoolSelection, any_or_empty};
use crate::{Object, Problem, metallb, reason};

/// Peers and BGP advertisements of one node, without those that contradict older ones there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeView {
    /// Peers to have sessions with, by name.
    pub bgp_peers: Vec<Arc<BgpPeer>>,
    /// Advertisements to announce, by name; pools that they cannot announce here are in `unusable_pools`.
    pub bgp_advertisements: Vec<Arc<BgpAdvertisement>>,
    /// What is wrong here.
    pub problems: Vec<Problem>,
}

/// What `config` means on `node`. Without any known node, peers are taken to meet and advertisements not to.
#[must_use]
pub fn node_view(config: &Config, node: Option<&NodeFacts>, rules: &Rules) -> NodeView {
    let here = |selectors| node.is_none_or(|n| any_or_empty(selectors, &n.labels));
    let mut problems = Vec::new();
    let peers = config
        .bgp_peers
        .values()
        .filter(|p| here(&p.node_selectors))
        .cloned()
        .collect();
    let peers = peers::without_rivals(peers, rules, &mut problems);
    let mut advertisements: Vec<Advertised> = config
        .bgp_advertisements
        .values()
        .filter(|a| here(&a.node_selectors))
        .map(|a| Advertised::new(a.clone()))
        .collect();
    if node.is_some() {
        local_pref::settle(&mut advertisements, config, rules, &mut problems);
    }
    let echo_peers: Vec<&BgpPeer> = peers
        .iter()
        .map(|p| &**p)
        .filter(|p| uses_echo(p, config))
        .collect();
    for advertised in advertisements.iter_mut().filter(|_| !echo_peers.is_empty()) {
        check_echo(advertised, &echo_peers, config, rules, &mut problems);
    }
    problems.sort_by(|a, b| (&a.kind, &a.name).cmp(&(&b.kind, &b.name)));
    NodeView {
        bgp_peers: peers,
        bgp_advertisements: advertisements
            .into_iter()
            .filter_map(|a| a.finish(config))
            .collect(),
        problems,
    }
}

/// An advertisement and the pools that it cannot announce here.
struct Advertised {
    advertisement: Arc<BgpAdvertisement>,
    without: BTreeSet<PoolName>,
}

impl Advertised {
    const fn new(advertisement: Arc<BgpAdvertisement>) -> Self {
        Self {
            advertisement,
            without: BTreeSet::new(),
        }
    }

    fn reaches(&self, pool: &Pool) -> bool {
        self.advertisement.reaches(pool) && !self.without.contains(&pool.name)
    }

    /// The pools that it announces here.
    fn pools<'a>(&self, config: &'a Config) -> Vec<&'a Pool> {
        match &self.advertisement.pools {
            PoolSelection::Some { names, selectors } if selectors.is_empty() => {
                let named = names.iter().filter_map(|name| config.pools.get(name));
                named.map(|p| &**p).filter(|p| self.reaches(p)).collect()
            }
            _ => config
                .pools
                .values()
                .map(|p| &**p)
                .filter(|p| self.reaches(p))
                .collect(),
        }
    }

    fn leave_out(&mut self, pools: &[&Pool]) {
        self.without.extend(pools.iter().map(|p| p.name.clone()));
    }

    /// What is left of it, if anything is.
    fn finish(self, config: &Config) -> Option<Arc<BgpAdvertisement>> {
        if self.without.is_empty() {
            return Some(self.advertisement);
        }
        if self.pools(config).is_empty() {
            return None;
        }
        let mut rest = BgpAdvertisement::clone(&self.advertisement);
        rest.unusable_pools.extend(self.without);
        Some(Arc::new(rest))
    }

    fn report<'a>(&'a self, rules: &'a Rules) -> Report<'a> {
        Report::about(
            metallb::BgpAdvertisement::KIND,
            &rules.namespace,
            &self.advertisement.name,
            rules,
        )
    }
}

fn uses_echo(peer: &BgpPeer, config: &Config) -> bool {
    let profile = peer
        .bfd_profile
        .as_ref()
        .and_then(|name| config.bfd_profiles.get(name));
    profile.is_some_and(|p| p.echo_mode)
}

/// BFD has no echo function for IPv6 in the reference's daemons.
fn check_echo(
    advertised: &mut Advertised,
    peers: &[&BgpPeer],
    config: &Config,
    rules: &Rules,
    problems: &mut Vec<Problem>,
) {
    let Some(peer) = peers.iter().find(|p| advertised.advertisement.targets(&p.name)) else {
        return;
    };
    let mut pools = advertised.pools(config);
    pools.retain(|pool| pool.has_family(IpFamily::V6));
    if pools.is_empty() {
        return;
    }
    let message = format!(
        "{} has IPv6 addresses, and BFD of peer `{}` uses echo mode, which needs IPv4; announce it to other peers or \
         switch echo mode off",
        listed(&pools),
        peer.name
    );
    let mut report = advertised.report(rules);
    report.error("spec.peers", reason::ECHO_WITH_IPV6, message);
    report.quote(&peer.name);
    problems.extend(report.into_problems());
    advertised.leave_out(&pools);
}

#[cfg(test)]
mod tests;
