//! Addresses in a status that were not decided here: found at the start, written by hand, or by another controller
//! that runs beside this one.
//!
//! They are taken over where they may be held. Where they collide with decisions of this engine, what the API server
//! holds counts more than what has not reached it yet. Between two statuses that both hold an address, which a person or a
//! request that was held up in the network brings about, the holder that is known here stays and the other status is put
//! right. Whoever writes that again is another controller at work: then the older of the two Services has the address,
//! there as here, and only the younger one moves. So two controllers end with the same decisions (design, promise 1), even
//! if they see and do everything at the same time.

use core::net::IpAddr;
use std::collections::BTreeSet;

use crate::engine::{Engine, Step};
use crate::record::{Addresses, Held, ServiceId, Source};
use crate::retain::{Lost, Retained};
use crate::settle::Concern;

impl Engine {
    /// Takes over the addresses in a status of a Service that nothing has been decided on, as far as they may be held.
    pub(crate) fn adopt(&mut self, step: &mut Step<'_>, id: ServiceId) -> Option<Lost> {
        if Concern::of(&self.directory[id].facts, &self.options().class) != Concern::Ours {
            return None;
        }
        self.take_over(step, id, true, |engine| engine.adoptable(id)).lost
    }

    /// Somebody else changed the status of a Service. Addresses that may be held from there are taken over, all or
    /// none (controller 9); everything else is put right. `undecided` says that the decision on the Service had not
    /// reached the API server.
    pub(crate) fn take_over_edit(
        &mut self,
        step: &mut Step<'_>,
        id: ServiceId,
        undecided: bool,
    ) -> Option<Lost> {
        let record = &self.directory[id];
        let own = record.held.as_ref().map(|held| held.addresses);
        // What is asked for and decided is not given up for something else.
        let satisfied = record.held.as_ref().is_some_and(|held| self.meets_wish(id, held));
        let is_foreign = |addr| own.is_none_or(|own| !own.contains(addr));
        let is_ours = Concern::of(&record.facts, &self.options().class) == Concern::Ours;
        if is_ours && record.facts.addresses().any(is_foreign) {
            let is_contested = undecided || record.writing.has_corrected(step.now);
            let edit = self.take_over(step, id, is_contested, |engine| {
                let edit = engine.adoptable_edit(id);
                let wanted = |held: &Held| edit.lost.is_none() && (!satisfied || engine.meets_wish(id, held));
                let held = edit.held.filter(wanted);
                Retained {
                    held,
                    lost: edit.lost,
                }
            });
            if edit.held.is_some() {
                return None;
            }
        }
        let unproven = self.unproven(step, id);
        let lost = self.reexamine(step, id, &|_| false).or(unproven);
        if !self.is_written(id) {
            self.slow_down_corrections(step, id);
        }
        lost
    }

    /// Addresses that no pool owns are kept because the status names them. One that somebody took out of there is given
    /// up. Of a status that was emptied as a whole all are put back, as long as the pool annotation says where they come
    /// from: whoever deletes a pool on purpose, and another controller that sees that, leaves neither.
    fn unproven(&mut self, step: &mut Step<'_>, id: ServiceId) -> Option<Lost> {
        let record = &self.directory[id];
        let held = record.held.as_ref().filter(|held| held.pool().is_none())?;
        let list = held.addresses.as_slice();
        let source = self.source_by_history(&record.facts, list[0]);
        let annotation = record.facts.pool_annotation.as_deref();
        let has_origin = matches!(
            &source,
            Some(Source::Missing(pool) | Source::Refused(pool)) if annotation == Some(pool.as_str())
        );
        let is_empty = record.facts.addresses().next().is_none();
        let is_named = |addr: &&IpAddr| record.facts.addresses().any(|named| named == **addr);
        let proven = |addr: &&IpAddr| is_named(addr) || (is_empty && has_origin);
        let rest: Vec<IpAddr> = list.iter().filter(proven).copied().collect();
        let is_complete = rest.len() == list.len();
        let rest = Addresses::from_slice(&rest).map(|addresses| Held {
            addresses,
            source: source.unwrap_or_else(|| held.source.clone()),
            claim: held.claim.clone(),
        });
        self.set_held(step, id, rest);
        (!is_complete)
            .then(|| Lost::Invalid("the status does not name it any more and no pool owns it".to_owned()))
    }

    /// Makes way, gives the Service what `examine` finds then, and gives back what is not needed.
    fn take_over(
        &mut self,
        step: &mut Step<'_>,
        id: ServiceId,
        is_contested: bool,
        examine: impl Fn(&Self) -> Retained,
    ) -> Retained {
        let mut displaced = Vec::new();
        for other in self.in_the_way(id, is_contested) {
            displaced.extend(self.directory[other].held.clone().map(|held| (other, held)));
            self.set_held(step, other, None);
        }
        let found = examine(self);
        if found.held.is_some() {
            self.set_held(step, id, found.held.clone());
        }
        if !displaced.is_empty() {
            // If the Service asks for something else, and gets it, nobody has to go for it.
            self.settle(step, id, None);
        }
        for (other, held) in displaced {
            if self.is_admitted(other, &held) {
                self.set_held(step, other, Some(held));
                if let Some(key) = self.reservation_key(other) {
                    self.keep_reservation(step, &key);
                }
            } else {
                let winner = &self.directory[id].facts.key;
                let cause = format!("the status of Service `{winner}` holds the address");
                self.settle(step, other, Some(Lost::Invalid(cause)));
            }
        }
        found
    }

    /// Those who keep a Service from the addresses in its status and have to give way: whose own statuses do not hold them,
    /// and, where that is contested, the younger ones.
    fn in_the_way(&self, id: ServiceId, is_contested: bool) -> BTreeSet<ServiceId> {
        let record = &self.directory[id];
        let mut others = BTreeSet::new();
        for addr in record.facts.addresses().take(2) {
            let users = self
                .holders
                .get(addr)
                .into_iter()
                .flat_map(|holding| holding.users());
            for other in users.filter(|other| *other != id) {
                let other_record = &self.directory[other];
                let stored = other_record.is_shown_with(addr);
                if !stored || (is_contested && record.turn < other_record.turn) {
                    others.insert(other);
                }
            }
        }
        others
    }

    fn is_admitted(&self, id: ServiceId, held: &Held) -> bool {
        let addresses = held.addresses.as_slice();
        addresses
            .iter()
            .all(|addr| self.holders.admits(*addr, id, held.claim()).is_ok())
    }
}
