//! One IPAddressPool by itself (api-and-config 3.2, 3.3).

use core::net::IpAddr;

use ferrolb_types::{AddressError, IpRange, NamespaceName, PoolName, Selector};

use super::contest::Claim;
use super::report::Report;
use super::{name, pool_annotations, selector};
use crate::metallb::{self, IpAddressPool};
use crate::reason::{self, Reason};
use crate::resolved::{AddressEntry, Pool, ServiceAllocation};

/// Resolves `raw` as if it were alone; `None` if it is refused.
pub(super) fn resolve(raw: &IpAddressPool, report: &mut Report<'_>) -> Option<Pool> {
    if raw.metadata.name.is_empty() {
        report.error(
            "metadata.name",
            reason::MISSING_FIELD,
            "the pool has no name; give it one",
        );
    }
    let entries = addresses(&raw.spec.addresses, report);
    let allocation = raw
        .spec
        .service_allocation
        .as_ref()
        .map(|a| service_allocation(a, report));
    let release_delay = pool_annotations::release_delay(&raw.metadata.annotations, report);
    let max_per_namespace = pool_annotations::max_per_namespace(&raw.metadata.annotations, report);
    pool_annotations::check_reservations(&raw.metadata.annotations, report);
    (!report.is_refused()).then(|| Pool {
        name: PoolName::new(&*raw.metadata.name),
        labels: raw.metadata.labels.clone(),
        entries,
        auto_assign: raw.spec.auto_assign.unwrap_or(true),
        avoid_buggy_ips: raw.spec.avoid_buggy_ips.unwrap_or(false),
        allocation,
        release_delay,
        max_per_namespace,
    })
}

fn addresses(texts: &[String], report: &mut Report<'_>) -> Vec<AddressEntry> {
    if texts.is_empty() {
        let message = "the pool has no addresses; add prefixes like `192.0.2.0/24` or ranges like \
                       `192.0.2.10-192.0.2.20`";
        report.error("spec.addresses", reason::NO_ADDRESSES, message);
    }
    let mut parsed: Vec<(usize, IpRange)> = Vec::with_capacity(texts.len());
    for (i, text) in texts.iter().enumerate() {
        match text.parse() {
            Ok(range) => parsed.push((i, range)),
            Err(error) => report.error(field(i), reason_of(&error), error.to_string()),
        }
    }
    check_overlap(texts, &parsed, report);
    let entry = |(i, range): (usize, IpRange)| AddressEntry {
        text: texts[i].as_str().into(),
        prefixes: range.prefixes(),
    };
    parsed.into_iter().map(entry).collect()
}

/// The run of addresses of each entry, which no other pool may share.
pub(super) fn claims(pool: &Pool) -> Vec<Claim<IpAddr>> {
    let run = |entry: &AddressEntry| {
        let (first, last) = (entry.prefixes.first()?, entry.prefixes.last()?);
        Some(Claim {
            first: first.network(),
            last: last.broadcast(),
        })
    };
    pool.entries.iter().filter_map(run).collect()
}

const fn reason_of(error: &AddressError) -> Reason {
    match error {
        AddressError::Address(_) | AddressError::Prefix(_) => reason::INVALID_ADDRESS,
        AddressError::MixedFamilies(_) | AddressError::Reversed(_) => reason::INVALID_RANGE,
    }
}

/// Sorted by address, an entry overlaps an earlier one exactly if it begins before the furthest end so far.
fn check_overlap(texts: &[String], parsed: &[(usize, IpRange)], report: &mut Report<'_>) {
    let mut sorted: Vec<&(usize, IpRange)> = parsed.iter().collect();
    sorted.sort_unstable_by_key(|(i, range)| (range.first(), *i));
    let mut furthest: Option<&(usize, IpRange)> = None;
    for entry in sorted {
        if let Some(other) =
            furthest.filter(|f| entry.1.first() <= f.1.last() && f.1.family() == entry.1.family())
        {
            let (earlier, later) = (entry.0.min(other.0), entry.0.max(other.0));
            let message = format!(
                "`{}` shares addresses with `{}` of the same pool; let every address appear once",
                texts[later], texts[earlier]
            );
            report.error(field(later), reason::OVERLAPPING_ADDRESSES, message);
        }
        if furthest.is_none_or(|f| entry.1.last() > f.1.last()) {
            furthest = Some(entry);
        }
    }
}

/// Says that entry `entry` of `pool` is held by an older pool.
pub(super) fn report_overlap(
    pool: &Pool,
    entry: usize,
    rival: &Pool,
    rival_entry: usize,
    report: &mut Report<'_>,
) {
    let text = |pool: &Pool, i: usize| {
        pool.entries
            .get(i)
            .map_or_else(String::new, |e| e.text.to_string())
    };
    let message = format!(
        "`{}` shares addresses with `{}` of the older pool `{}`; take them out of one of the two",
        text(pool, entry),
        text(rival, rival_entry),
        rival.name
    );
    report.error(field(entry), reason::OVERLAPPING_ADDRESSES, message);
}

fn field(index: usize) -> String {
    format!("spec.addresses[{index}]")
}

fn service_allocation(raw: &metallb::ServiceAllocation, report: &mut Report<'_>) -> ServiceAllocation {
    const FIELD: &str = "spec.serviceAllocation";
    name::check_unique(&raw.namespaces, &format!("{FIELD}.namespaces"), report);
    let mut list = |raw, field| selector::resolve_list(raw, &format!("{FIELD}.{field}"), report);
    let namespace_selectors = list(&raw.namespace_selectors, "namespaceSelectors");
    let mut service_selectors = list(&raw.service_selectors, "serviceSelectors");
    if raw.namespaces.is_empty() && raw.namespace_selectors.is_empty() && raw.service_selectors.is_empty() {
        // Pinned for every Service, with its priority (api-and-config 3.3 rule 3).
        service_selectors.push(Selector::everything());
    }
    ServiceAllocation {
        priority: raw.priority.unwrap_or(0),
        namespaces: raw
            .namespaces
            .iter()
            .map(|n| NamespaceName::from(n.as_str()))
            .collect(),
        namespace_selectors,
        service_selectors,
    }
}
