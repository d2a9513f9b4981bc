//! Objects of a kind that may contradict each other: the older one stands.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::kept::{self, Origin, Restored};
use super::rows::Written;
use super::{Delta, ObjectId};
use crate::resolve::Rules;
use crate::resolve::bgp_peer::Reference;
use crate::resolve::contest::{Claim, Conflict, Contest, Seniority};
use crate::resolve::report::Report;
use crate::{Object, ObjectMeta, Problem};

/// A kind whose objects claim things that only one of them can have.
pub(super) trait Claimant {
    /// The object as it was written.
    type Raw: Object + PartialEq + Serialize;
    /// What it means.
    type Value: PartialEq + fmt::Debug;
    /// What it claims.
    type Key: Ord + Clone + fmt::Debug;

    fn resolve(raw: &Self::Raw, report: &mut Report<'_>) -> Option<Self::Value>;
    fn claims(value: &Self::Value) -> Vec<Claim<Self::Key>>;
    fn report(value: &Self::Value, conflict: &Conflict, rival: &Self::Value, report: &mut Report<'_>);
}

#[derive(Debug)]
struct Row<K: Claimant> {
    written: Written<K::Raw>,
    /// Which object this is, as far as it was ever readable.
    origin: Origin,
    seniority: Seniority,
    /// Problems that it has by itself.
    own: Vec<Problem>,
    /// The current version, if it is sound by itself.
    candidate: Option<Arc<K::Value>>,
    /// The last accepted version, if it was kept.
    accepted: Option<Arc<K::Value>>,
    /// The versions in the contest, preferred first.
    entered: Vec<Arc<K::Value>>,
    in_force: Option<Arc<K::Value>>,
    problems: Vec<Problem>,
}

/// The objects of one kind by name.
#[derive(Debug)]
pub(super) struct Contested<K: Claimant> {
    rows: BTreeMap<Box<str>, Row<K>>,
    contest: Contest<K::Key>,
    dirty: BTreeSet<Box<str>>,
    /// What was in force of those that were removed.
    removed: BTreeMap<Box<str>, Option<Arc<K::Value>>>,
    /// Versions that an earlier process had accepted.
    pub(super) restored: Restored<K::Value>,
}

/// What was in force and what is now.
#[derive(Debug)]
pub(super) struct Turn<V> {
    pub(super) name: Box<str>,
    pub(super) before: Option<Arc<V>>,
    pub(super) after: Option<Arc<V>>,
}

impl<K: Claimant> Default for Contested<K> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            contest: Contest::default(),
            dirty: BTreeSet::new(),
            removed: BTreeMap::new(),
            restored: Restored::new(),
        }
    }
}

impl<K: Claimant> Contested<K> {
    pub(super) fn upsert(&mut self, written: Written<K::Raw>, rules: &Rules) {
        let name = written.name();
        let old = self.rows.get(&name);
        if old.is_some_and(|row| row.written == written) {
            return;
        }
        let (candidate, own) = resolve_alone::<K>(&written, rules);
        let old = self.rows.remove(&name);
        let (mut origin, mut accepted, mut in_force, mut problems) = Default::default();
        if let Some(old) = old {
            self.contest.leave(&old.seniority);
            accepted = old.accepted.filter(|_| rules.keep_last_accepted);
            (origin, in_force, problems) = (old.origin, old.in_force, old.problems);
        } else if let Some((kept, version)) = kept::take(&mut self.restored, &written) {
            (origin, accepted) = (kept, Some(version));
        }
        if let Written::Object(raw) = &written {
            origin = Origin::of(raw.meta());
        }
        let seniority = Seniority::new(&origin.created_at, &name);
        let mut entered: Vec<_> = candidate.iter().cloned().collect();
        entered.extend(
            accepted
                .iter()
                .filter(|a| candidate.as_ref() != Some(*a))
                .cloned(),
        );
        if !entered.is_empty() {
            self.contest
                .enter(seniority.clone(), entered.iter().map(|v| K::claims(v)).collect());
        }
        let row = Row {
            written,
            origin,
            seniority,
            own,
            candidate,
            accepted,
            entered,
            in_force,
            problems,
        };
        self.rows.insert(name.clone(), row);
        self.dirty.insert(name);
    }

    pub(super) fn remove(&mut self, name: &str, delta: &mut Delta) {
        let Some(row) = self.rows.remove(name) else { return };
        self.contest.leave(&row.seniority);
        if !row.problems.is_empty() {
            delta.objects.insert(ObjectId::new(K::Raw::KIND, name));
        }
        self.dirty.insert(name.into());
        self.removed.entry(name.into()).or_insert(row.in_force);
    }

    /// Decides what changed; gives the objects of which another version is in force now, or which came or went.
    pub(super) fn settle(&mut self, rules: &Rules, delta: &mut Delta) -> Vec<Turn<K::Value>> {
        let mut touched = core::mem::take(&mut self.dirty);
        touched.extend(self.contest.settle().iter().map(|who| who.name().into()));
        let mut removed = core::mem::take(&mut self.removed);
        let mut turns = Vec::with_capacity(touched.len());
        for name in touched {
            let gone = removed.remove(&name);
            let (before, after) = match self.decide(&name) {
                Some((before, after)) => (gone.unwrap_or(before), after),
                None => (gone.flatten(), None),
            };
            turns.push(Turn { name, before, after });
        }
        // Only now is everybody's standing known, which problems quote.
        for turn in &turns {
            self.explain(&turn.name, rules, delta);
        }
        turns
    }

    /// The version in force before and now.
    #[expect(clippy::type_complexity, reason = "a pair of one type")]
    fn decide(&mut self, name: &str) -> Option<(Option<Arc<K::Value>>, Option<Arc<K::Value>>)> {
        let row = self.rows.get_mut(name)?;
        let standing = self.contest.standing(&row.seniority);
        let after = standing.and_then(|version| row.entered.get(version)).cloned();
        if after.is_some() && after == row.candidate {
            row.accepted = row.candidate.clone();
            if row.entered.len() > 1 {
                row.entered.truncate(1);
                self.contest.forget_former(&row.seniority);
            }
        }
        let before = core::mem::replace(&mut row.in_force, after.clone());
        Some((before, after))
    }

    /// Writes down what is wrong with the current version.
    fn explain(&mut self, name: &str, rules: &Rules, delta: &mut Delta) {
        let Some(row) = self.rows.get(name) else { return };
        let problems = match (&row.candidate, &row.written) {
            (Some(candidate), Written::Object(raw)) if row.in_force.as_ref() != Some(candidate) => {
                let mut report = Report::of(&**raw, rules).resume(&row.own);
                for conflict in self.contest.conflicts(&row.seniority) {
                    let rival = self
                        .rows
                        .get(conflict.rival.name())
                        .and_then(|r| r.in_force.as_ref());
                    if let Some(rival) = rival {
                        K::report(candidate, &conflict, rival, &mut report);
                    }
                }
                report.into_problems()
            }
            _ => row.own.clone(),
        };
        if let Some(row) = self.rows.get_mut(name).filter(|row| row.problems != problems) {
            row.problems = problems;
            delta.objects.insert(ObjectId::new(K::Raw::KIND, name));
        }
    }

    /// The accepted versions of those that are refused now.
    pub(super) fn kept(&self) -> impl Iterator<Item = (&Box<str>, &Origin, &Arc<K::Value>)> {
        let refused = self.rows.iter().filter(|(_, row)| row.in_force != row.candidate);
        refused.filter_map(|(name, row)| Some((name, &row.origin, row.in_force.as_ref()?)))
    }

    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.rows.values().flat_map(|row| &row.problems)
    }

    pub(super) fn problems_of(&self, name: &str) -> &[Problem] {
        self.rows.get(name).map_or(&[], |row| &row.problems)
    }

    pub(super) fn reference(&self, name: &str) -> Reference {
        match self.rows.get(name) {
            Some(row) if row.in_force.is_some() => Reference::InForce,
            Some(_) => Reference::Refused,
            None => Reference::Missing,
        }
    }

    /// An object as it is written, if it decodes.
    pub(super) fn written(&self, name: &str) -> Option<&K::Raw> {
        match &self.rows.get(name)?.written {
            Written::Object(raw) => Some(raw),
            Written::Undecodable(_) => None,
        }
    }

    /// Objects as they were written of which no version is in force.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&ObjectMeta, &K::Raw)> {
        self.rows
            .values()
            .filter(|row| row.in_force.is_none())
            .filter_map(|row| match &row.written {
                Written::Object(raw) => Some((raw.meta(), &**raw)),
                Written::Undecodable(_) => None,
            })
    }
}

/// The version as if it were alone, and what is wrong with it.
fn resolve_alone<K: Claimant>(
    written: &Written<K::Raw>,
    rules: &Rules,
) -> (Option<Arc<K::Value>>, Vec<Problem>) {
    match written {
        Written::Object(raw) => {
            let mut report = Report::of(&**raw, rules);
            (K::resolve(raw, &mut report).map(Arc::new), report.into_problems())
        }
        Written::Undecodable(problem) => (None, vec![(**problem).clone()]),
    }
}
