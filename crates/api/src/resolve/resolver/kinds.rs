//! The two kinds whose objects may contradict each other.

use core::net::IpAddr;

use super::contested::Claimant;
use crate::metallb::{self, IpAddressPool};
use crate::resolve::community::{self, Aliases};
use crate::resolve::contest::{Claim, Conflict};
use crate::resolve::pool;
use crate::resolve::report::Report;
use crate::resolved::Pool;

/// Pools claim addresses.
#[derive(Debug)]
pub(super) struct Pools;

impl Claimant for Pools {
    type Raw = IpAddressPool;
    type Value = Pool;
    type Key = IpAddr;

    fn resolve(raw: &IpAddressPool, report: &mut Report<'_>) -> Option<Pool> {
        pool::resolve(raw, report)
    }

    fn claims(pool: &Pool) -> Vec<Claim<IpAddr>> {
        pool::claims(pool)
    }

    fn report(pool: &Pool, conflict: &Conflict, rival: &Pool, report: &mut Report<'_>) {
        pool::report_overlap(pool, conflict.claim, rival, conflict.rival_claim, report);
    }
}

/// Community objects claim names.
#[derive(Debug)]
pub(super) struct Communities;

impl Claimant for Communities {
    type Raw = metallb::Community;
    type Value = Aliases;
    type Key = Box<str>;

    fn resolve(raw: &metallb::Community, report: &mut Report<'_>) -> Option<Aliases> {
        community::resolve(raw, report)
    }

    fn claims(aliases: &Aliases) -> Vec<Claim<Box<str>>> {
        aliases
            .0
            .iter()
            .map(|(name, _)| Claim {
                first: name.clone(),
                last: name.clone(),
            })
            .collect()
    }

    fn report(aliases: &Aliases, conflict: &Conflict, _: &Aliases, report: &mut Report<'_>) {
        community::report_duplicate(aliases, conflict.claim, conflict.rival.name(), report);
    }
}
