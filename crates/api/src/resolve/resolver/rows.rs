//! Objects of a kind that contradict nobody of their own kind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::kept::{self, Origin, Restored};
use super::{Delta, ObjectId};
use crate::resolve::bgp_peer::Reference;
use crate::{Object, Problem};

/// What was written, what became of it and what is wrong with it.
#[derive(Debug)]
pub(super) struct Row<R, V> {
    pub(super) written: Written<R>,
    /// The last accepted version, if it was kept.
    accepted: Option<Arc<V>>,
    /// Which object this is, as far as it was ever readable.
    origin: Origin,
    is_refused: bool,
    pub(super) problems: Vec<Problem>,
}

/// The current version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written<R> {
    Object(Arc<R>),
    Undecodable(Box<Problem>),
}

impl<R: Object> Written<R> {
    pub(super) fn name(&self) -> Box<str> {
        match self {
            Self::Object(raw) => (*raw.meta().name).into(),
            Self::Undecodable(problem) => problem.name.as_str().into(),
        }
    }
}

/// The objects of one kind by name.
#[derive(Debug)]
pub(super) struct Rows<R, V> {
    rows: BTreeMap<Box<str>, Row<R, V>>,
    dirty: BTreeSet<Box<str>>,
    /// Versions that an earlier process had accepted.
    pub(super) restored: Restored<V>,
}

impl<R, V> Default for Rows<R, V> {
    fn default() -> Self {
        Self {
            rows: BTreeMap::new(),
            dirty: BTreeSet::new(),
            restored: Restored::new(),
        }
    }
}

impl<R: Object + PartialEq, V: PartialEq> Rows<R, V> {
    pub(super) fn upsert(&mut self, written: Written<R>) {
        let name = written.name();
        match self.rows.get_mut(&name) {
            Some(row) if row.written == written => return,
            Some(row) => {
                if let Written::Object(raw) = &written {
                    row.origin = Origin::of(raw.meta());
                }
                row.written = written;
            }
            None => drop(self.rows.insert(name.clone(), Row::new(written))),
        }
        self.dirty.insert(name);
    }

    pub(super) fn remove(&mut self, name: &str, delta: &mut Delta) {
        if let Some(row) = self.rows.remove(name) {
            if !row.problems.is_empty() {
                delta.objects.insert(ObjectId::new(R::KIND, name));
            }
            self.touch(name);
        }
    }

    /// Something that the object refers to has changed.
    pub(super) fn touch(&mut self, name: &str) {
        self.dirty.insert(name.into());
    }

    /// The accepted versions of those that are refused now.
    pub(super) fn kept(&self) -> impl Iterator<Item = (&Box<str>, &Origin, &Arc<V>)> {
        let refused = self.rows.iter().filter(|(_, row)| row.is_refused);
        refused.filter_map(|(name, row)| Some((name, &row.origin, row.accepted.as_ref()?)))
    }

    /// Resolves what was touched into `published`, where the names whose version differs go to `changed`; gives
    /// everything that was touched, since others may quote what became of it. `revive` makes a version that an earlier
    /// process had accepted fit for use again.
    pub(super) fn settle(
        &mut self,
        keep: bool,
        published: &mut BTreeMap<Box<str>, Arc<V>>,
        (changed, objects): (&mut BTreeSet<Box<str>>, &mut BTreeSet<ObjectId>),
        mut resolve: impl FnMut(&R) -> (Option<V>, Vec<Problem>),
        revive: impl Fn(&V, &R) -> Option<V>,
    ) -> BTreeSet<Box<str>> {
        let touched = core::mem::take(&mut self.dirty);
        for name in &touched {
            let in_force = self.rows.get_mut(name).and_then(|row| {
                let differs = row.settle(keep, &mut resolve);
                if row.is_refused && row.accepted.is_none() {
                    row.restore(&mut self.restored, &revive);
                }
                if differs {
                    objects.insert(ObjectId::new(R::KIND, name));
                }
                row.accepted.clone()
            });
            if published.get(name) != in_force.as_ref() {
                match in_force {
                    Some(version) => published.insert(name.clone(), version),
                    None => published.remove(name),
                };
                changed.insert(name.clone());
            }
        }
        touched
    }

    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.rows.values().flat_map(|row| &row.problems)
    }

    pub(super) fn problems_of(&self, name: &str) -> &[Problem] {
        self.rows.get(name).map_or(&[], |row| &row.problems)
    }

    pub(super) fn reference(&self, name: &str, published: &BTreeMap<Box<str>, Arc<V>>) -> Reference {
        if published.contains_key(name) {
            Reference::InForce
        } else if self.rows.contains_key(name) {
            Reference::Refused
        } else {
            Reference::Missing
        }
    }
}

impl<R: Object, V> Row<R, V> {
    fn new(written: Written<R>) -> Self {
        let origin = match &written {
            Written::Object(raw) => Origin::of(raw.meta()),
            Written::Undecodable(_) => Origin::default(),
        };
        Self {
            written,
            accepted: None,
            origin,
            is_refused: false,
            problems: Vec::new(),
        }
    }

    /// Takes over what an earlier process had accepted.
    fn restore(&mut self, restored: &mut Restored<V>, revive: &impl Fn(&V, &R) -> Option<V>) {
        let Some((origin, version)) = kept::take(restored, &self.written) else {
            return;
        };
        self.accepted = match &self.written {
            Written::Object(raw) => revive(&version, raw).map(Arc::new),
            Written::Undecodable(_) => Some(version),
        };
        self.origin = origin;
    }

    /// Whether the problems are others than before.
    fn settle(&mut self, keep: bool, resolve: &mut impl FnMut(&R) -> (Option<V>, Vec<Problem>)) -> bool {
        let (resolved, problems) = match &self.written {
            Written::Object(raw) => resolve(raw),
            Written::Undecodable(problem) => (None, vec![(**problem).clone()]),
        };
        self.is_refused = resolved.is_none();
        match resolved {
            Some(version) => self.accepted = Some(Arc::new(version)),
            None if keep => {}
            None => self.accepted = None,
        }
        let differs = self.problems != problems;
        self.problems = problems;
        differs
    }
}
