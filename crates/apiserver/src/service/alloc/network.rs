//! Which cluster addresses of one network are taken.

use core::net::IpAddr;
use std::collections::BTreeSet;

use ferrolb_types::IpNet;

use super::Claim;

#[derive(Debug)]
pub(super) struct Network {
    pub(super) net: IpNet,
    pub(super) taken: BTreeSet<IpAddr>,
    /// Where the search for a free address begins.
    next: IpAddr,
}

impl Network {
    pub(super) fn new(net: IpNet) -> Self {
        Self {
            net,
            taken: BTreeSet::new(),
            next: net.network(),
        }
    }

    pub(super) fn commit(&mut self, claim: &Claim) {
        for ip in &claim.old_ips {
            self.taken.remove(ip);
        }
        let mine: Vec<IpAddr> = claim
            .ips
            .iter()
            .copied()
            .filter(|ip| self.net.contains(ip))
            .collect();
        if let Some(new) = mine.iter().find(|ip| !claim.old_ips.contains(ip)) {
            self.next = following(*new).unwrap_or(self.net.network());
        }
        self.taken.extend(mine);
    }

    /// The next free address. The first two (the network's own, and the one that the `kubernetes` Service of a real
    /// cluster has) and the last are never given.
    pub(super) fn free(&self) -> Option<IpAddr> {
        let first = following(following(self.net.network())?)?;
        let start = if self.next > first && self.net.contains(&self.next) {
            self.next
        } else {
            first
        };
        self.free_between(start, None)
            .or_else(|| self.free_between(first, Some(start)))
    }

    fn free_between(&self, start: IpAddr, end: Option<IpAddr>) -> Option<IpAddr> {
        let usable = |ip: &IpAddr| self.net.contains(ip) && *ip != self.net.broadcast() && Some(*ip) != end;
        core::iter::successors(Some(start), |ip| following(*ip))
            .take_while(usable)
            .find(|ip| !self.taken.contains(ip))
    }
}

fn following(ip: IpAddr) -> Option<IpAddr> {
    Some(match ip {
        IpAddr::V4(v4) => IpAddr::V4(u32::from(v4).checked_add(1)?.into()),
        IpAddr::V6(v6) => IpAddr::V6(u128::from(v6).checked_add(1)?.into()),
    })
}
