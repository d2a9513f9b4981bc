//! Taking and releasing addresses: the only place where holders, pools and records change together, and where it shows
//! what has become possible for those who wait.

use core::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::facts::Port;

use crate::engine::{Engine, Step};
use crate::record::{Held, ServiceId};
use crate::sharing::{Claim, GroupKey};
use crate::wake::Opening;

impl Engine {
    /// Gives a Service what it shall hold from now on; who holds it besides must admit that.
    pub(crate) fn set_held(&mut self, step: &mut Step<'_>, id: ServiceId, new: Option<Held>) {
        let old = self.directory[id].held.take();
        if old != new {
            let before = old.as_ref().map_or(&[][..], |held| held.addresses.as_slice());
            let after = new.as_ref().map_or(&[][..], |held| held.addresses.as_slice());
            for addr in before {
                self.reseat(step, *addr, id, old.as_ref(), new.as_ref());
            }
            for addr in after.iter().filter(|addr| !before.contains(addr)) {
                self.reseat(step, *addr, id, None, new.as_ref());
            }
            self.note_orphan(id, new.as_ref());
            self.note_namesake(id, old.as_ref(), new.as_ref());
            self.count_in(step, id, old.as_ref(), new.as_ref());
        }
        self.directory[id].held = new;
    }

    /// Addresses without a pool are looked at again whenever the pools change.
    fn note_orphan(&mut self, id: ServiceId, held: Option<&Held>) {
        if held.is_some_and(|held| held.pool().is_none()) {
            self.orphans.insert(Arc::clone(&self.directory[id].turn));
        } else if !self.orphans.is_empty() {
            self.orphans.remove(&self.directory[id].turn);
        }
    }

    /// What the holders of a name hold is reserved.
    pub(crate) fn note_namesake(&mut self, id: ServiceId, old: Option<&Held>, new: Option<&Held>) {
        let Some(key) = self.reservation_key(id) else {
            return;
        };
        let turn = &self.directory[id].turn;
        if let Some(old) = old {
            self.namesakes.leave(&key, turn, old);
        }
        if let Some(new) = new {
            self.namesakes.enter(&key, turn, new);
        }
    }

    fn reseat(
        &mut self,
        step: &mut Step<'_>,
        addr: IpAddr,
        id: ServiceId,
        old: Option<&Held>,
        new: Option<&Held>,
    ) {
        let new = new.filter(|held| held.addresses.contains(addr));
        let (left, entered) = (old.and_then(Held::claim), new.and_then(Held::claim));
        if old.is_some() && new.is_some() && left == entered {
            return;
        }
        let before = self.use_of(addr);
        if old.is_some() {
            self.holders.release(addr, id, left);
        }
        if new.is_some() {
            self.holders.take(addr, id, entered);
            self.resting.end(addr);
        }
        let after = self.use_of(addr);
        let freed = self.freed_ports(addr, left);
        self.update_pool(addr, &before, &after, &freed, entered);
        let opening = match (before, after) {
            (Some(_), None) => {
                self.release(step, addr);
                None
            }
            (before, Some(Some(group))) if before != Some(Some(Arc::clone(&group))) => {
                Some(Opening::Joined(addr))
            }
            (_, Some(Some(_))) if !freed.is_empty() => Some(Opening::Ports(addr, freed)),
            _ => None,
        };
        opening
            .into_iter()
            .for_each(|opening| self.announce(step, opening));
    }

    /// Notes what has become possible, if anybody waits.
    pub(crate) fn announce(&self, step: &mut Step<'_>, opening: Opening) {
        if !self.waiting.everyone().is_empty() {
            step.openings.push_back(opening);
        }
    }

    /// Whether an address is held, and by which group if it may be shared.
    fn use_of(&self, addr: IpAddr) -> Option<Option<Arc<GroupKey>>> {
        let holding = self.holders.get(addr)?;
        Some(holding.group().cloned())
    }

    fn freed_ports(&self, addr: IpAddr, left: Option<&Claim>) -> Vec<Port> {
        let holding = self.holders.get(addr);
        let ports = left.into_iter().flat_map(|claim| claim.ports.iter().copied());
        ports
            .filter(|port| holding.is_none_or(|holding| !holding.has_port(*port)))
            .collect()
    }

    fn update_pool(
        &mut self,
        addr: IpAddr,
        before: &Option<Option<Arc<GroupKey>>>,
        after: &Option<Option<Arc<GroupKey>>>,
        freed: &[Port],
        entered: Option<&Claim>,
    ) {
        let Some(name) = self.pools.owner(addr).cloned() else {
            return;
        };
        let Some(pool) = self.pools.get_mut(&name) else {
            return;
        };
        match (before, after) {
            (None, Some(_)) => pool.occupy(addr),
            (Some(_), None) => pool.vacate(addr),
            _ => {}
        }
        let group_of = |use_of: &Option<Option<Arc<GroupKey>>>| use_of.clone().flatten();
        match (group_of(before), group_of(after)) {
            (Some(old), Some(new)) if old == new => {
                let taken = entered.map_or(&[][..], |claim| &*claim.ports);
                pool.change_ports(addr, &new, freed, taken);
            }
            (old, new) => {
                if let Some(old) = old {
                    pool.leave(addr, &old);
                }
                if let (Some(_), Some(holding)) = (new, self.holders.get(addr)) {
                    pool.join(addr, holding);
                }
            }
        }
    }
}
