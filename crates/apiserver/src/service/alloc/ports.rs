//! Which node ports are taken.

use core::ops::RangeInclusive;
use std::collections::BTreeSet;

use serde_json::json;

use super::Claim;
use crate::error::Cause;

#[derive(Debug)]
pub(super) struct Ports {
    range: RangeInclusive<u16>,
    pub(super) taken: BTreeSet<u16>,
    /// Where the search for a free port begins, so that a port that was just given back rests a while.
    next: u16,
}

impl Ports {
    pub(super) fn new(range: RangeInclusive<u16>) -> Self {
        Self {
            next: *range.start(),
            range,
            taken: BTreeSet::new(),
        }
    }

    /// Gives `old` back and takes `new`.
    pub(super) fn commit(&mut self, old: &BTreeSet<u16>, new: BTreeSet<u16>) {
        for port in old {
            self.taken.remove(port);
        }
        if let Some(last) = new.difference(old).last() {
            self.next = last.saturating_add(1);
        }
        self.taken.extend(new);
    }

    /// Two ports of one Service may ask for the same number (TCP and UDP).
    pub(super) fn requested(&self, asked: u64, claim: &Claim, field: &str) -> Result<u16, Vec<Cause>> {
        let refuse = |why: String| vec![Cause::invalid(field, &json!(asked), &why)];
        let number = u16::try_from(asked).ok().filter(|n| self.range.contains(n));
        let number = number.ok_or_else(|| {
            let (first, last) = (self.range.start(), self.range.end());
            refuse(format!(
                "provided port is not in the valid range. The range of valid ports is {first}-{last}"
            ))
        })?;
        if self.taken.contains(&number) && !claim.old_ports.contains(&number) {
            return Err(refuse("provided port is already allocated".to_owned()));
        }
        Ok(number)
    }

    /// A port for `field` that neither another Service nor this claim has.
    pub(super) fn free(&self, claim: &Claim, field: &str) -> Result<u16, Vec<Cause>> {
        let free = |n: &u16| !self.taken.contains(n) && !claim.ports.contains(n);
        let (first, last) = (*self.range.start(), *self.range.end());
        let start = self.next.clamp(first, last);
        (start..=last).chain(first..start).find(free).ok_or_else(|| {
            let why = "failed to allocate a nodePort: range is full";
            vec![Cause::invalid(field, &json!(0), why)]
        })
    }
}
