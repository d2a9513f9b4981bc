//! Advertisements that would give one route two local preferences (api-and-config 3.5, A-19).

use std::collections::BTreeMap;

use ferrolb_types::PoolName;

use super::Advertised;
use crate::resolve::Rules;
use crate::resolve::bgp_advertisement::listed;
use crate::resolved::{BgpAdvertisement, Config, Pool};
use crate::{Problem, reason};

/// Takes from the newer of two that conflict the pools on which they do.
///
/// Advertisements with service selectors are left alone: which Services they meet at is known only when announcing.
pub(super) fn settle(
    advertisements: &mut [Advertised],
    config: &Config,
    rules: &Rules,
    problems: &mut Vec<Problem>,
) {
    let mut order: Vec<usize> = (0..advertisements.len())
        .filter(|i| advertisements[*i].advertisement.service_selectors.is_empty())
        .collect();
    let pref = |i: &usize| advertisements[*i].advertisement.local_pref;
    if order.windows(2).all(|pair| pref(&pair[0]) == pref(&pair[1])) {
        return;
    }
    let age = |i: &usize| {
        let advertisement = &advertisements[*i].advertisement;
        (advertisement.created_at.clone(), advertisement.name.clone())
    };
    order.sort_by_cached_key(age);
    let mut standing: BTreeMap<&PoolName, Vec<usize>> = BTreeMap::new();
    for i in order {
        let mut lost: BTreeMap<usize, Vec<&Pool>> = BTreeMap::new();
        for pool in advertisements[i].pools(config) {
            let older = standing.entry(&pool.name).or_default();
            let mine = &advertisements[i].advertisement;
            match older
                .iter()
                .find(|o| advertisements[**o].advertisement.contradicts(mine, pool))
            {
                Some(rival) => lost.entry(*rival).or_default().push(pool),
                None => older.push(i),
            }
        }
        for (rival, pools) in lost {
            let rival = advertisements[rival].advertisement.clone();
            report(&advertisements[i], &rival, &pools, rules, problems);
            advertisements[i].leave_out(&pools);
        }
    }
}

fn report(
    advertised: &Advertised,
    rival: &BgpAdvertisement,
    pools: &[&Pool],
    rules: &Rules,
    problems: &mut Vec<Problem>,
) {
    let message = format!(
        "the older advertisement `{}` gives routes of {} local preference {} instead of {}; use one value, or other \
         aggregation lengths, peers or nodes",
        rival.name,
        listed(pools),
        rival.local_pref,
        advertised.advertisement.local_pref
    );
    let mut report = advertised.report(rules);
    report.error("spec.localPref", reason::CONFLICTING_LOCAL_PREF, message);
    report.quote(&advertised.advertisement.local_pref);
    problems.extend(report.into_problems());
}
