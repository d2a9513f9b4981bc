//! From what users wrote to what it means, with every problem at once.
//!
//! ```text
//!   each object by itself ──▶ objects of a kind with each other ──▶ references between kinds
//!   (syntax, bounds)          (overlaps: the older one stands)      (names that exist, that fit)
//!            │                              │                               │
//!            └──────────────────── problems ┴───────────────────────────────┘
//! ```
//!
//! A refused object is left out alone; nothing else changes its meaning because of it (spec/plan.md, "What a problem
//! stops").

mod contest;
mod l2_advertisement;
mod name;
mod pool;
mod raw;
mod report;
mod selector;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

pub use self::raw::{RawConfig, Rules};

use self::contest::{Claim, Contest, Seniority};
use self::report::Report;
use crate::metallb::{IpAddressPool, L2Advertisement};
use crate::resolved::Config;
use crate::{Object, Problem, reason};

/// What it means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// Everything accepted.
    pub config: Config,
    /// Everything that is wrong, sorted by kind, namespace and name.
    pub problems: Vec<Problem>,
}

/// Resolves everything; total and independent of the order of the input.
///
/// ```
/// use ferrolb_api::metallb::IpAddressPool;
/// use ferrolb_api::{RawConfig, decode, resolve};
/// use serde_json::json;
///
/// let pool = |name, addresses| {
///     decode::<IpAddressPool>(&json!({ "metadata": { "name": name }, "spec": { "addresses": addresses } }))
/// };
/// let raw = RawConfig {
///     pools: vec![pool("a", ["192.0.2.10-192.0.2.19"])?, pool("b", ["192.0.2.300/24"])?],
///     ..RawConfig::default()
/// };
/// let resolved = resolve(&raw);
/// assert_eq!(resolved.config.pools.len(), 1);
/// assert_eq!(resolved.problems[0].to_string(), "error: IPAddressPool /b spec.addresses[0]: `192.0.2.300/24` is not \
///     a prefix; write one like `192.0.2.0/24` or `2001:db8::/64` (InvalidAddress)");
/// # Ok::<(), Box<ferrolb_api::Problem>>(())
/// ```
#[must_use]
pub fn resolve(raw: &RawConfig) -> Resolved {
    let mut out = Resolved::default();
    let pools = distinct(&raw.pools, &raw.rules, &mut out.problems);
    let advertisements = distinct(&raw.l2_advertisements, &raw.rules, &mut out.problems);
    resolve_pools(&pools, &mut out);
    resolve_l2_advertisements(&advertisements, &pools, &mut out);
    // Problems of one object keep the order in which they were found.
    out.problems
        .sort_by(|a, b| (&a.kind, &a.namespace, &a.name).cmp(&(&b.kind, &b.namespace, &b.name)));
    out
}

fn resolve_pools(raw: &[&IpAddressPool], out: &mut Resolved) {
    let mut contest = Contest::default();
    let mut entrants = BTreeMap::new();
    for pool in raw {
        let mut report = Report::of(*pool);
        let Some(resolved) = pool::resolve(pool, &mut report) else {
            out.problems.extend(report.into_problems());
            continue;
        };
        let who = Seniority::of(*pool);
        let claims = resolved.ranges.into_iter().map(|r| Claim {
            first: r.first(),
            last: r.last(),
        });
        contest.enter(who.clone(), vec![claims.collect()]);
        entrants.insert(who, (resolved.pool, report));
    }
    contest.settle();
    let losers: Vec<_> = entrants
        .keys()
        .filter(|who| contest.standing(who).is_none())
        .cloned()
        .collect();
    for who in losers {
        let Some((pool, mut report)) = entrants.remove(&who) else {
            continue;
        };
        for conflict in contest.conflicts(&who) {
            if let Some((rival, _)) = entrants.get(&conflict.rival) {
                pool::report_overlap(&pool, conflict.claim, rival, conflict.rival_claim, &mut report);
            }
        }
        out.problems.extend(report.into_problems());
    }
    let accepted = entrants
        .into_values()
        .map(|(pool, _)| (pool.name.clone(), Arc::new(pool)));
    out.config.pools.extend(accepted);
}

fn resolve_l2_advertisements(raw: &[&L2Advertisement], pools: &[&IpAddressPool], out: &mut Resolved) {
    let written: BTreeSet<&str> = pools.iter().map(|p| &*p.metadata.name).collect();
    for advertisement in raw {
        let mut report = Report::of(*advertisement);
        if let Some(resolved) = l2_advertisement::resolve(advertisement, &mut report) {
            for (i, name) in advertisement.spec.ip_address_pools.iter().enumerate() {
                if !out.config.pools.contains_key(name.as_str()) {
                    report_useless_pool(i, name, written.contains(name.as_str()), &mut report);
                }
            }
            out.config
                .l2_advertisements
                .insert(resolved.name.clone(), Arc::new(resolved));
        }
        out.problems.extend(report.into_problems());
    }
}

/// A name that means nothing is allowed, but must not go unnoticed.
fn report_useless_pool(index: usize, name: &str, is_refused: bool, report: &mut Report<'_>) {
    let field = format!("spec.ipAddressPools[{index}]");
    if is_refused {
        let message = format!("pool `{name}` is refused, so nothing of it is announced; repair the pool");
        report.warning(field, reason::POOL_REFUSED, message);
    } else {
        let message = format!("there is no pool `{name}`; create it or correct the name");
        report.warning(field, reason::UNKNOWN_POOL, message);
    }
}

/// The objects that count, one for each name, in the order of their names.
fn distinct<'a, T: Object + Serialize>(
    objects: &'a [T],
    rules: &Rules,
    problems: &mut Vec<Problem>,
) -> Vec<&'a T> {
    let mut by_name: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
    for object in objects {
        if rules.namespace.is_empty() || object.meta().namespace == rules.namespace {
            by_name.entry(&object.meta().name).or_default().push(object);
        } else {
            let mut report = Report::of(object);
            let message = format!(
                "only objects in namespace `{}` count; move it there",
                rules.namespace
            );
            report.warning("metadata.namespace", reason::OTHER_NAMESPACE, message);
            problems.extend(report.into_problems());
        }
    }
    by_name
        .into_values()
        .flat_map(|same| without_rivals(same, problems))
        .collect()
}

/// Of objects with one name the oldest stands; a cluster has no two, files may.
fn without_rivals<'a, T: Object + Serialize>(
    mut same: Vec<&'a T>,
    problems: &mut Vec<Problem>,
) -> Option<&'a T> {
    if same.len() > 1 {
        // The text decides between equally old ones, so that the order of the input does not.
        same.sort_by_cached_key(|o| {
            (
                o.meta().creation_timestamp.clone(),
                serde_json::to_string(o).unwrap_or_default(),
            )
        });
    }
    let mut same = same.into_iter();
    let first = same.next();
    for object in same {
        let mut report = Report::of(object);
        let message = "another object of this kind has the same name and stands; rename this one";
        report.error("metadata.name", reason::DUPLICATE_NAME, message);
        problems.extend(report.into_problems());
    }
    first
}
