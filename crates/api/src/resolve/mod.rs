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
//! stops"). [`resolve`] does everything once; [`Resolver`] does the same object by object.

mod bfd_profile;
mod bgp_advertisement;
mod bgp_peer;
mod community;
mod contest;
mod l2_advertisement;
mod name;
mod node_view;
mod pool;
mod pool_annotations;
mod raw;
mod report;
mod resolver;
mod rules;
mod scope;
mod selector;
mod timers;

use std::collections::BTreeMap;

use serde::Serialize;

pub use self::node_view::{NodeView, node_view};
pub use self::raw::RawConfig;
pub use self::resolver::{Change, Delta, Encoded, Kept, ObjectId, Resolver};
pub use self::rules::{BgpMode, Rules, UnknownBgpMode};
pub use self::scope::{NodeScope, is_found_by_nodes};

use self::report::Report;
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
    let rules = &raw.rules;
    let mut problems = raw.notes.clone();
    let mut resolver = Resolver::new(Rules {
        keep_last_accepted: false,
        ..rules.clone()
    });
    apply(&raw.pools, rules, &mut resolver, &mut problems);
    apply(&raw.l2_advertisements, rules, &mut resolver, &mut problems);
    apply(&raw.bgp_advertisements, rules, &mut resolver, &mut problems);
    apply(&raw.bgp_peers, rules, &mut resolver, &mut problems);
    apply(&raw.bfd_profiles, rules, &mut resolver, &mut problems);
    apply(&raw.communities, rules, &mut resolver, &mut problems);
    for secret in raw.secrets.iter().filter(|s| rules.counts(&s.metadata.namespace)) {
        resolver.apply(secret.clone().into());
    }
    resolver.settle();
    let (config, found) = resolver.into_parts();
    problems.extend(found);
    // Problems of one object keep the order in which they were found.
    problems.sort_by(|a, b| (&a.kind, &a.namespace, &a.name).cmp(&(&b.kind, &b.namespace, &b.name)));
    Resolved { config, problems }
}

/// Hands the objects that count to the resolver, one for each name.
fn apply<T>(objects: &[T], rules: &Rules, resolver: &mut Resolver, problems: &mut Vec<Problem>)
where
    T: Object + Serialize + Into<Change>,
{
    let mut by_name: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
    for object in objects {
        if rules.counts(&object.meta().namespace) {
            by_name.entry(&object.meta().name).or_default().push(object);
        } else {
            let mut report = Report::of(object, rules);
            let message = format!(
                "only objects in namespace `{}` count; move it there",
                rules.namespace
            );
            report.warning("metadata.namespace", reason::OTHER_NAMESPACE, message);
            problems.extend(report.into_problems());
        }
    }
    for object in by_name
        .into_values()
        .filter_map(|same| without_rivals(same, rules, problems))
    {
        resolver.apply(object.clone().into());
    }
}

/// Of objects with one name the oldest stands; a cluster has no two, files may.
fn without_rivals<'a, T>(mut same: Vec<&'a T>, rules: &Rules, problems: &mut Vec<Problem>) -> Option<&'a T>
where
    T: Object + Serialize,
{
    if same.len() > 1 {
        // The text decides between equally old ones, so that the order of the input does not.
        let text = |o: &&T| serde_json::to_string(o).unwrap_or_default();
        same.sort_by_cached_key(|o| (o.meta().creation_timestamp.clone(), text(o)));
    }
    let mut same = same.into_iter();
    let first = same.next();
    for object in same {
        let mut report = Report::of(object, rules);
        let message = "another object of this kind has the same name and stands; rename this one";
        report.error("metadata.name", reason::DUPLICATE_NAME, message);
        problems.extend(report.into_problems());
    }
    first
}
