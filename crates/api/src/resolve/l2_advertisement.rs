//! One L2Advertisement by itself (api-and-config 3.5).

use ferrolb_types::{InterfaceName, PoolName};

use super::report::Report;
use super::{name, selector};
use crate::metallb::{self, LabelSelector, PreferredNode};
use crate::reason;
use crate::resolved::{Interfaces, L2Advertisement, NodePreference, PoolSelection};

/// Resolves `raw` as if it were alone; `None` if it is refused.
pub(super) fn resolve(raw: &metallb::L2Advertisement, report: &mut Report<'_>) -> Option<L2Advertisement> {
    let spec = &raw.spec;
    let pools = pool_selection(&spec.ip_address_pools, &spec.ip_address_pool_selectors, report);
    let node_selectors = selector::resolve_list(&spec.node_selectors, "spec.nodeSelectors", report);
    let service_selectors = selector::resolve_list(&spec.service_selectors, "spec.serviceSelectors", report);
    let preferred_nodes = preferences(&spec.preferred_node_selectors, report);
    (!report.is_refused()).then(|| L2Advertisement {
        name: (*raw.metadata.name).into(),
        pools,
        node_selectors,
        interfaces: interfaces(&spec.interfaces),
        service_selectors,
        preferred_nodes,
    })
}

/// Which pools an advertisement of either protocol reaches.
pub(super) fn pool_selection(
    names: &[String],
    selectors: &[LabelSelector],
    report: &mut Report<'_>,
) -> PoolSelection {
    name::check_unique(names, "spec.ipAddressPools", report);
    let resolved = selector::resolve_list(selectors, "spec.ipAddressPoolSelectors", report);
    if names.is_empty() && selectors.is_empty() {
        return PoolSelection::All;
    }
    PoolSelection::Some {
        names: names.iter().map(|n| PoolName::from(n.as_str())).collect(),
        selectors: resolved,
    }
}

fn interfaces(names: &[String]) -> Interfaces {
    if names.is_empty() {
        Interfaces::All
    } else {
        Interfaces::Named(names.iter().map(|n| InterfaceName::from(n.as_str())).collect())
    }
}

fn preferences(raw: &[PreferredNode], report: &mut Report<'_>) -> Vec<NodePreference> {
    let resolve = |(i, preferred): (usize, &PreferredNode)| {
        let field = format!("spec.preferredNodeSelectors[{i}]");
        let weight = weight(preferred.weight, &field, report);
        let preference = match &preferred.preference {
            Some(raw) => selector::resolve(raw, &format!("{field}.preference"), report),
            None => {
                let message = "the preference has no selector; add one (`{}` means every node)";
                report.error(format!("{field}.preference"), reason::MISSING_FIELD, message);
                None
            }
        };
        Some(NodePreference {
            weight: weight?,
            preference: preference?,
        })
    };
    raw.iter().enumerate().filter_map(resolve).collect()
}

fn weight(raw: Option<i64>, field: &str, report: &mut Report<'_>) -> Option<u32> {
    let field = format!("{field}.weight");
    let Some(weight) = raw else {
        report.error(
            field,
            reason::MISSING_FIELD,
            "the preference has no weight; give it one from 1 to 100",
        );
        return None;
    };
    let in_bounds = u32::try_from(weight).ok().filter(|w| (1..=100).contains(w));
    if in_bounds.is_none() {
        let message = format!("weight `{weight}` is out of bounds; use 1 to 100");
        report.error(field, reason::OUT_OF_RANGE, message);
    }
    in_bounds
}
