//! Taking in what the watches show: Services, Namespaces, pools; and the two-phase start.

use std::collections::BTreeSet;
use std::sync::Arc;

use ferrolb_api::facts::{NamespaceFacts, ServiceFacts};
use ferrolb_types::{NamespaceName, ObjectKey, PoolName};

use crate::effect::Effect;
use crate::engine::{Engine, Step};
use crate::event::Pools;
use crate::pool;
use crate::pools::Changes;
use crate::record::{ServiceId, Source, Turn};
use crate::retain::{Lost, Retained};
use crate::write::is_older;

impl Engine {
    /// A Service exists and looks like this.
    pub(crate) fn service_applied(&mut self, step: &mut Step<'_>, facts: Arc<ServiceFacts>) {
        let known = self.directory.find(&facts.key);
        let successor = |id: &ServiceId| self.directory[*id].facts.uid != facts.uid;
        if known.as_ref().is_some_and(successor) {
            self.service_deleted(step, &facts.key);
        }
        match self.directory.find(&facts.key) {
            Some(id) => self.service_changed(step, id, facts),
            None if self.is_relevant(&facts) => self.service_added(step, facts),
            None => {}
        }
    }

    /// Whether there is anything to know about a Service that was not known before.
    fn is_relevant(&self, facts: &ServiceFacts) -> bool {
        let class = &self.options().class;
        let has_ours = || {
            facts.pool_annotation.is_some()
                || facts.request_condition.is_some()
                || (!facts.ingress.is_empty() && facts.has_class(class))
        };
        facts.is_load_balancer || has_ours()
    }

    fn service_added(&mut self, step: &mut Step<'_>, facts: Arc<ServiceFacts>) {
        let id = self.directory.insert(facts);
        if self.is_started() {
            let lost = self.adopt(step, id);
            self.settle(step, id, lost);
        }
    }

    fn service_changed(&mut self, step: &mut Step<'_>, id: ServiceId, facts: Arc<ServiceFacts>) {
        let undecided = self.is_undecided(id);
        let record = &mut self.directory[id];
        // Watches that were reordered or restarted may show an old version again.
        if is_older(&facts.resource_version, &record.facts.resource_version) || record.facts == facts {
            return;
        }
        let edited = record.is_edited_by_others(&facts);
        record.writing.observe(&facts.resource_version);
        record.writing.warned_of_deprecation &=
            record.facts.deprecated_annotations == facts.deprecated_annotations;
        if record.facts.request.reserve_as == facts.request.reserve_as {
            record.facts = facts;
        } else {
            self.renamed(step, id, facts);
        }
        if !self.is_started() {
            return;
        }
        let lost = if edited {
            self.take_over_edit(step, id, undecided)
        } else {
            self.reexamine(step, id, &|_| false)
        };
        self.settle(step, id, lost);
    }

    /// A Service reserves what it holds under another name from now on, or under none.
    fn renamed(&mut self, step: &mut Step<'_>, id: ServiceId, facts: Arc<ServiceFacts>) {
        let (held, old) = (self.directory[id].held.clone(), self.reservation_key(id));
        self.note_namesake(id, held.as_ref(), None);
        if let Some(key) = old {
            self.give_back_reservation(step, id, &key);
        }
        self.directory[id].facts = facts;
        self.note_namesake(id, None, held.as_ref());
    }

    /// A Service is gone.
    pub(crate) fn service_deleted(&mut self, step: &mut Step<'_>, key: &ObjectKey) {
        let Some(id) = self.directory.find(key) else {
            return;
        };
        self.set_held(step, id, None);
        self.set_standing(id, None);
        self.wake_at(id, None);
        if let Some(key) = self.reservation_key(id) {
            self.keep_reservation(step, &key);
        }
        self.directory.remove(id);
    }

    /// Begins to decide once pools are known and everything that exists has been seen: first every valid holder is
    /// adopted, oldest first, then the others are served (design, promise 1).
    pub(crate) fn start_if_ready(&mut self, step: &mut Step<'_>) {
        if self.is_started() || !self.synced || !self.pools_known {
            return;
        }
        self.started = true;
        step.starting = true;
        let mut turns: Vec<Arc<Turn>> = self.directory.records().map(|r| Arc::clone(&r.turn)).collect();
        turns.sort_unstable();
        let adopted: Vec<(Arc<Turn>, Option<Lost>)> = turns
            .into_iter()
            .map(|turn| {
                let lost = self.adopt(step, turn.id);
                (turn, lost)
            })
            .collect();
        let holds = |turn: &Turn| self.directory[turn.id].held.is_some();
        let (assigned, others): (Vec<_>, Vec<_>) = adopted.into_iter().partition(|(turn, _)| holds(turn));
        for (turn, lost) in assigned.into_iter().chain(others) {
            self.settle(step, turn.id, lost);
        }
        step.starting = false;
    }

    /// Takes away from a Service what it may no longer hold.
    pub(crate) fn reexamine(
        &mut self,
        step: &mut Step<'_>,
        id: ServiceId,
        edited: &dyn Fn(&PoolName) -> bool,
    ) -> Option<Lost> {
        let held = self.directory[id].held.as_ref()?;
        let Retained { held, lost } = self.keepable(id, held, edited);
        self.set_held(step, id, held);
        lost
    }

    /// A new set of pools is in force. Looked at are those who hold addresses of pools that changed, and all who wait.
    pub(crate) fn pools_resolved(&mut self, step: &mut Step<'_>, pools: Pools) {
        let changes = self.pools.replace(pools, &self.holders);
        for pool in &changes.removed {
            let pool = pool.name.clone();
            step.out.push(Effect::PoolRemoved { pool });
        }
        self.pools_known = true;
        self.ledger.retain(|pool| self.pools.exists(pool));
        for (_, pool) in &changes.applied {
            self.close_withheld(&pool.name);
        }
        if self.is_started() && !changes.is_empty() {
            self.reexamine_holders(step, &changes);
            self.retry_waiting(step);
        }
    }

    fn reexamine_holders(&mut self, step: &mut Step<'_>, changes: &Changes) {
        let edited = |name: &PoolName| changes.restricts(name);
        let mut shaken = Vec::new();
        for turn in self.holders_of(changes) {
            let before = self.directory[turn.id].held.clone();
            let lost = self.reexamine(step, turn.id, &edited);
            let held = self.directory[turn.id].held.as_ref();
            // That pools exist now and do not own its addresses is to be told.
            let is_orphan = held.is_some_and(|held| held.source == Source::Unknown);
            if lost.is_some() || is_orphan || held != before.as_ref() {
                shaken.push((turn, lost));
            }
        }
        for (turn, lost) in shaken {
            self.settle(step, turn.id, lost);
        }
    }

    /// Those who hold an address of a pool that changed, or one without a pool; oldest first.
    fn holders_of(&self, changes: &Changes) -> BTreeSet<Arc<Turn>> {
        let mut turns = self.orphans.clone();
        for net in changes.prefixes() {
            for (_, holding) in self.holders.range(net.network(), net.broadcast()) {
                turns.extend(holding.users().map(|id| Arc::clone(&self.directory[id].turn)));
            }
        }
        turns
    }

    fn retry_waiting(&mut self, step: &mut Step<'_>) {
        let turns: Vec<Arc<Turn>> = self.waiting.everyone().iter().cloned().collect();
        for turn in turns {
            self.settle(step, turn.id, None);
        }
    }

    /// A Namespace has other labels or another fence, or is gone. Only its own Services are looked at, and only if some pool cares.
    pub(crate) fn namespace_changed(
        &mut self,
        step: &mut Step<'_>,
        name: &NamespaceName,
        facts: Option<NamespaceFacts>,
    ) {
        let before = self.directory.set_namespace(name, facts);
        let after = self.directory.namespace(name);
        let fence =
            |facts: Option<&NamespaceFacts>| facts.map(|facts| facts.fence.clone()).unwrap_or_default();
        let appeared = self.options().await_namespaces && before.is_none() != after.is_none();
        let differs = appeared
            || fence(before.as_ref()) != fence(after)
            || self.pools.iter().any(|(_, state)| {
                let allows = |facts: Option<&NamespaceFacts>| {
                    pool::allows_namespace(&state.pool, name, facts.map(|facts| &facts.labels))
                };
                allows(before.as_ref()) != allows(after)
            });
        if !self.is_started() || !differs {
            return;
        }
        for turn in self.directory.services_of(name) {
            let lost = if self.options().strict_requests {
                self.reexamine(step, turn.id, &|_| false)
            } else {
                None
            };
            if lost.is_some() || self.directory[turn.id].standing.is_some() {
                self.settle(step, turn.id, lost);
            }
        }
    }
}
