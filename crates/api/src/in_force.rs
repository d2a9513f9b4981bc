//! The configuration of a running process: the last accepted version of each object (design promise 5).
//!
//! An edit that is refused changes nothing: the version before it stays in force until the object is repaired or
//! deleted (spec/plan.md, last section). `plan` has no history and resolves what it reads; a running process keeps
//! this.
//!
//! ```text
//!   applied, malformed, deleted ──▶ written ──resolve──▶ problems ──▶ refused ones give way to their
//!                                                                      last accepted version ──resolve──▶ Config
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use ferrolb_types::ObjectKey;

use crate::metallb::{IpAddressPool, L2Advertisement};
use crate::resolve::{RawConfig, Resolved, Rules, resolve};
use crate::{Object, Problem, Severity};

/// Kind and key of an object.
type Id = (&'static str, ObjectKey);

/// What is written and what is in force.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    rules: Rules,
    pools: Versions<IpAddressPool>,
    l2_advertisements: Versions<L2Advertisement>,
    /// Objects that do not decode, with what is wrong.
    malformed: BTreeMap<Id, Problem>,
}

/// Objects of one kind.
#[derive(Clone, Debug)]
struct Versions<T> {
    written: BTreeMap<ObjectKey, T>,
    accepted: BTreeMap<ObjectKey, T>,
}

impl<T> Default for Versions<T> {
    fn default() -> Self {
        Self { written: BTreeMap::new(), accepted: BTreeMap::new() }
    }
}

/// A kind that configures something.
pub trait ConfigObject: Object + Eq {
    #[doc(hidden)]
    fn versions(in_force: &mut InForce) -> &mut (impl VersionsOf<Self> + use<Self>);
}

#[doc(hidden)]
pub trait VersionsOf<T> {
    fn apply(&mut self, key: ObjectKey, object: T) -> bool;
    fn remove(&mut self, key: &ObjectKey) -> bool;
    fn unreadable(&mut self, key: &ObjectKey);
}
