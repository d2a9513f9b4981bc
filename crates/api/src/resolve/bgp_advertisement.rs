//! One BGPAdvertisement, with the aliases and pools that it names (api-and-config 3.4, 3.5).

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_types::IpFamily;

use super::l2_advertisement::pool_selection;
use super::report::Report;
use super::rules::BgpMode;
use super::{community, name, selector};
use crate::metallb::{self, BgpAdvertisementSpec};
use crate::reason;
use crate::resolved::{BgpAdvertisement, Pool};
use crate::{Community, CommunityError};

/// What an alias stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alias<'a> {
    Known(Community),
    /// Defined by this object only, which is refused.
    Refused(&'a str),
    Unknown,
}

/// Resolves `raw` but for the pools that it cannot use; `None` if it is refused.
pub(super) fn resolve<'a>(
    raw: &metallb::BgpAdvertisement,
    alias: impl Fn(&str) -> Alias<'a>,
    report: &mut Report<'_>,
) -> Option<BgpAdvertisement> {
    let spec = &raw.spec;
    let pools = pool_selection(&spec.ip_address_pools, &spec.ip_address_pool_selectors, report);
    name::check_unique(&spec.communities, "spec.communities", report);
    name::check_unique(&spec.peers, "spec.peers", report);
    let node_selectors = selector::resolve_list(&spec.node_selectors, "spec.nodeSelectors", report);
    let service_selectors = selector::resolve_list(&spec.service_selectors, "spec.serviceSelectors", report);
    let v4 = aggregation(spec, spec.aggregation_length, &V4, report);
    let v6 = aggregation(spec, spec.aggregation_length_v6, &V6, report);
    let local_pref = local_pref(spec.local_pref, report);
    let communities = communities(&spec.communities, alias, report);
    if report.is_refused() {
        return None;
    }
    Some(BgpAdvertisement {
        name: (*raw.metadata.name).into(),
        created_at: raw.metadata.creation_timestamp.clone(),
        pools,
        unusable_pools: BTreeSet::new(),
        aggregation_length: v4?,
        aggregation_length_v6: v6?,
        local_pref: local_pref?,
        communities,
        node_selectors,
        peers: spec.peers.iter().map(|p| p.as_str().into()).collect(),
        service_selectors,
    })
}

/// The aggregation length of one family.
struct Aggregation {
    field: &'static str,
    least: i64,
    host: u8,
}

const V4: Aggregation = Aggregation {
    field: "spec.aggregationLength",
    least: 1,
    host: 32,
};
const V6: Aggregation = Aggregation {
    field: "spec.aggregationLengthV6",
    least: 0,
    host: 128,
};

fn aggregation(
    spec: &BgpAdvertisementSpec,
    raw: Option<i64>,
    of: &Aggregation,
    report: &mut Report<'_>,
) -> Option<u8> {
    let host = of.host;
    let number = raw.unwrap_or_else(|| host.into());
    if !spec.service_selectors.is_empty() && number != i64::from(host) {
        let message = format!(
            "`serviceSelectors` need an aggregation length of {host}, since a wider route would draw traffic of other \
             Services too; remove one of the two"
        );
        report.error(of.field, reason::CONFLICTING_FIELDS, message);
    }
    let length = u8::try_from(number)
        .ok()
        .filter(|n| (of.least..=host.into()).contains(&i64::from(*n)));
    if length.is_none() {
        let message = format!("`{number}` is out of bounds; use {} to {host}", of.least);
        report.error(of.field, reason::OUT_OF_RANGE, message);
    }
    length
}

fn local_pref(raw: Option<i64>, report: &mut Report<'_>) -> Option<u32> {
    let number = raw.unwrap_or(0);
    let value = u32::try_from(number).ok();
    if value.is_none() {
        let message = format!("`{number}` is out of bounds; use 0 to 4294967295");
        report.error("spec.localPref", reason::OUT_OF_RANGE, message);
    }
    value
}

fn communities<'a>(
    texts: &[String],
    alias: impl Fn(&str) -> Alias<'a>,
    report: &mut Report<'_>,
) -> BTreeSet<Community> {
    let mut out = BTreeSet::new();
    for (i, text) in texts.iter().enumerate() {
        let field = format!("spec.communities[{i}]");
        match alias(text) {
            Alias::Known(community) => {
                out.insert(community);
            }
            // An alias may have the form of a literal, but a refused one does not hide the literal.
            Alias::Refused(by) => match text.parse() {
                Ok(community) => {
                    out.insert(community);
                }
                Err(_) => {
                    let message =
                        format!("alias `{text}` is defined by Community `{by}`, which is refused; repair it");
                    report.error(field, reason::UNKNOWN_COMMUNITY, message);
                }
            },
            Alias::Unknown => out.extend(literal(text, &field, report)),
        }
    }
    out
}

fn literal(text: &str, field: &str, report: &mut Report<'_>) -> Option<Community> {
    match text.parse::<Community>() {
        Ok(literal) => {
            community::check_mode(literal, field, report);
            Some(literal)
        }
        Err(error @ CommunityError::Value(_)) => {
            report.error(field, reason::INVALID_COMMUNITY, error.to_string());
            None
        }
        Err(CommunityError::Format(_)) => {
            let message = match Community::well_known(text) {
                Some(known) => {
                    format!("there is no alias `{text}`; write `{known}`, or define the alias in a Community")
                }
                None => format!(
                    "there is no alias `{text}`; define it in a Community, or write the community itself"
                ),
            };
            report.error(field, reason::UNKNOWN_COMMUNITY, message);
            None
        }
    }
}

/// What a pool asks of advertisements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Shortest aggregation length that no entry is narrower than; 0 without IPv4.
    v4: u8,
    /// The same for IPv6.
    v6: u8,
    has_ipv6: bool,
}

impl Shape {
    pub(super) fn of(pool: &Pool) -> Self {
        let mut shape = Self::default();
        for entry in &pool.entries {
            // Each entry by itself needs a length of at least its shortest prefix.
            let Some(shortest) = entry.prefixes.iter().min_by_key(|p| p.prefix_len()) else {
                continue;
            };
            let needed = match IpFamily::of(shortest.addr()) {
                IpFamily::V4 => &mut shape.v4,
                IpFamily::V6 => {
                    shape.has_ipv6 = true;
                    &mut shape.v6
                }
            };
            *needed = (*needed).max(shortest.prefix_len());
        }
        shape
    }

    const fn needed(self, family: IpFamily) -> u8 {
        match family {
            IpFamily::V4 => self.v4,
            IpFamily::V6 => self.v6,
        }
    }
}

/// Whether any pool could be unusable for the advertisement at all.
pub(super) fn depends_on_pools(advertisement: &BgpAdvertisement, mode: BgpMode) -> bool {
    mode == BgpMode::Native
        || advertisement.aggregation_length < 32
        || advertisement.aggregation_length_v6 < 128
}

/// Whether a pool of this shape is unusable for the advertisement, if it reaches it, or worth a warning.
pub(super) fn minds(advertisement: &BgpAdvertisement, shape: Shape, mode: BgpMode) -> bool {
    (mode == BgpMode::Native && shape.has_ipv6)
        || advertisement.aggregation_length < shape.v4
        || advertisement.aggregation_length_v6 < shape.v6
}

/// Leaves out what `advertisement` cannot use of the `pools` that it reaches, and reports it; false if nothing is left.
pub(super) fn check_pools(
    advertisement: &mut BgpAdvertisement,
    pools: &[(&Pool, Shape)],
    reaches_others: impl FnOnce(&BgpAdvertisement) -> bool,
    report: &mut Report<'_>,
) -> bool {
    let mode = report.rules().bgp_mode;
    let mut narrow: BTreeMap<&str, (u8, Vec<&Pool>)> = BTreeMap::new();
    let mut ipv6 = Vec::new();
    for (pool, shape) in pools {
        for (family, of) in [(IpFamily::V4, V4), (IpFamily::V6, V6)] {
            if advertisement.aggregation(family) < shape.needed(family) {
                let (needed, pools) = narrow.entry(of.field).or_default();
                *needed = shape.needed(family).max(*needed);
                pools.push(*pool);
            }
        }
        if mode == BgpMode::Native && shape.has_ipv6 {
            ipv6.push(*pool);
        }
    }
    for (field, (needed, pools)) in &narrow {
        let message = format!(
            "routes would cover more than an entry of {}; use {needed} or more, or select other pools",
            listed(pools)
        );
        leave_out(pools, advertisement);
        report.error(*field, reason::AGGREGATION_TOO_SHORT, message);
    }
    if !ipv6.is_empty() {
        report.reference_would_refuse(
            "spec.ipAddressPools",
            &format!("{} has IPv6 addresses", listed(&ipv6)),
        );
        if report.rules().strict {
            leave_out(&ipv6, advertisement);
        }
    }
    advertisement.unusable_pools.is_empty() || reaches_others(advertisement)
}

fn leave_out(pools: &[&Pool], advertisement: &mut BgpAdvertisement) {
    advertisement
        .unusable_pools
        .extend(pools.iter().map(|p| p.name.clone()));
}

/// `pool `a`` or `pools `a`, `b` and 3 more`.
pub(super) fn listed(pools: &[&Pool]) -> String {
    const SHOWN: usize = 3;
    let names: Vec<String> = pools
        .iter()
        .take(SHOWN)
        .map(|p| format!("`{}`", p.name))
        .collect();
    let names = names.join(", ");
    match pools.len() {
        1 => format!("pool {names}"),
        n if n <= SHOWN => format!("pools {names}"),
        n => format!("pools {names} and {} more", n - SHOWN),
    }
}
