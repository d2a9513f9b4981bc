//! Who keeps what two objects of a kind claim: the older one.
//!
//! ```text
//!   enter(a, 10.0.0.0/8) ─┐                      ┌─▶ a stands
//!   enter(b, 10.1.0.0/16) ├─▶ settle: by age ────┼─▶ b is out: a holds 10.1.0.0
//!   enter(c, 192.0.2.0/24)┘   oldest first       └─▶ c stands
//! ```
//!
//! A claim is an inclusive interval of anything ordered: addresses of a pool, or a single name. Objects are decided from
//! the oldest to the newest; one that claims what an older one holds is out and holds nothing, so that it contradicts
//! nobody. A change decides again only those that it can concern: work is `O(log n)` for each claim, plus one look at
//! each object that is out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// Order of precedence: by creation (RFC 3339; empty, as in manifests, is oldest), then by name. Equal for versions of
/// one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seniority(
    /// Both in one text, so that comparing and cloning are one step: what separates them sorts before everything.
    Arc<str>,
);

impl Seniority {
    pub(super) fn new(created_at: &str, name: &str) -> Self {
        Self(format!("{created_at}\0{name}").into())
    }

    /// The object's name.
    pub(super) fn name(&self) -> &str {
        self.0.split_once('\0').map_or("", |(_, name)| name)
    }
}

/// An inclusive interval, `first <= last`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim<T> {
    pub(super) first: T,
    pub(super) last: T,
}

/// A claim that an older object holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    /// Which claim of the object, in the order of entry.
    pub(super) claim: usize,
    /// Who holds it.
    pub(super) rival: Seniority,
    /// Which claim of the rival's standing version.
    pub(super) rival_claim: usize,
}

/// The objects of a kind and what they hold.
#[derive(Debug)]
pub(super) struct Contest<T> {
    candidates: BTreeMap<Seniority, Candidate<T>>,
    /// Claims of those that stand, by their first element; no two overlap.
    held: BTreeMap<T, Held<T>>,
    /// Those of whom not the first version stands.
    out: BTreeSet<Seniority>,
    undecided: BTreeSet<Seniority>,
}

#[derive(Debug)]
struct Candidate<T> {
    /// What each version claims, preferred first, each sorted by `first` and with its place in the order of entry.
    versions: Vec<Vec<(usize, Claim<T>)>>,
    standing: Option<usize>,
}

#[derive(Debug)]
struct Held<T> {
    last: T,
    owner: Seniority,
    claim: usize,
}

impl<T> Default for Contest<T> {
    fn default() -> Self {
        Self {
            candidates: BTreeMap::new(),
            held: BTreeMap::new(),
            out: BTreeSet::new(),
            undecided: BTreeSet::new(),
        }
    }
}

impl<T: Ord + Clone> Contest<T> {
    /// Enters an object or replaces what it claims. `versions` is in order of preference; the claims of one version must
    /// not overlap each other.
    pub(super) fn enter(&mut self, who: Seniority, versions: Vec<Vec<Claim<T>>>) {
        if self.candidates.contains_key(&who) {
            self.leave(&who);
        }
        let versions = versions.into_iter().map(sorted).collect();
        self.undecided.insert(who.clone());
        self.candidates.insert(
            who,
            Candidate {
                versions,
                standing: None,
            },
        );
    }

    /// Removes an object.
    pub(super) fn leave(&mut self, who: &Seniority) {
        if let Some(candidate) = self.candidates.remove(who) {
            self.release(who, &candidate);
        }
        self.out.remove(who);
        self.undecided.remove(who);
    }

    /// Decides what changed since the last time, and gives everybody whose standing or conflicts may be different now.
    pub(super) fn settle(&mut self) -> BTreeSet<Seniority> {
        let mut touched = BTreeSet::new();
        while let Some(who) = self.undecided.pop_first() {
            self.decide(&who);
            touched.insert(who);
        }
        touched
    }

    /// Forgets the former versions of `who`, whose preferred one stands.
    pub(super) fn forget_former(&mut self, who: &Seniority) {
        if let Some(candidate) = self.candidates.get_mut(who) {
            candidate.versions.truncate(1);
        }
    }

    /// Which version of `who` stands, if any does.
    pub(super) fn standing(&self, who: &Seniority) -> Option<usize> {
        self.candidates.get(who)?.standing
    }

    /// Why the preferred version of `who` does not stand: for each of its claims the first rival in the order of `T`.
    pub(super) fn conflicts(&self, who: &Seniority) -> Vec<Conflict> {
        let Some(candidate) = self.candidates.get(who) else {
            return Vec::new();
        };
        let rival = |(claim, wanted): &(usize, Claim<T>)| {
            let held = self.overlapping(wanted).filter(|h| h.owner < *who).last()?;
            Some(Conflict {
                claim: *claim,
                rival: held.owner.clone(),
                rival_claim: held.claim,
            })
        };
        let mut conflicts: Vec<Conflict> = candidate
            .versions
            .iter()
            .take(1)
            .flatten()
            .filter_map(rival)
            .collect();
        conflicts.sort_unstable_by_key(|c| c.claim);
        conflicts
    }

    fn decide(&mut self, who: &Seniority) {
        let Some(mut candidate) = self.withdraw(who) else {
            return;
        };
        candidate.standing = candidate
            .versions
            .iter()
            .position(|claims| !self.is_held_by_older(who, claims));
        let Some(version) = candidate.standing else {
            self.out.insert(who.clone());
            self.put_back(who, candidate);
            return;
        };
        if version > 0 {
            self.out.insert(who.clone());
        } else if !self.out.is_empty() {
            self.out.remove(who);
        }
        self.take(who, &candidate.versions[version]);
        self.put_back(who, candidate);
    }

    /// Takes a candidate in hand, without any claim.
    fn withdraw(&mut self, who: &Seniority) -> Option<Candidate<T>> {
        let slot = self.candidates.get_mut(who)?;
        let empty = Candidate {
            versions: Vec::new(),
            standing: None,
        };
        let candidate = core::mem::replace(slot, empty);
        self.release(who, &candidate);
        Some(candidate)
    }

    fn put_back(&mut self, who: &Seniority, candidate: Candidate<T>) {
        if let Some(slot) = self.candidates.get_mut(who) {
            *slot = candidate;
        }
    }

    fn is_held_by_older(&self, who: &Seniority, claims: &[(usize, Claim<T>)]) -> bool {
        claims
            .iter()
            .any(|(_, claim)| self.overlapping(claim).any(|h| h.owner < *who))
    }

    /// Takes the claims from whoever newer holds them; those are decided again later.
    fn take(&mut self, who: &Seniority, claims: &[(usize, Claim<T>)]) {
        let losers = claims.iter().flat_map(|(_, claim)| self.overlapping(claim));
        let losers: BTreeSet<Seniority> = losers.map(|h| h.owner.clone()).collect();
        for loser in losers {
            self.evict(&loser);
        }
        for (claim, Claim { first, last }) in claims {
            let held = Held {
                last: last.clone(),
                owner: who.clone(),
                claim: *claim,
            };
            self.held.insert(first.clone(), held);
        }
        self.reconsider(who, claims);
    }

    fn evict(&mut self, who: &Seniority) {
        let Some(mut candidate) = self.withdraw(who) else {
            return;
        };
        candidate.standing = None;
        self.put_back(who, candidate);
        self.undecided.insert(who.clone());
    }

    fn release(&mut self, who: &Seniority, candidate: &Candidate<T>) {
        let Some(version) = candidate.standing else { return };
        let claims = &candidate.versions[version];
        for (_, claim) in claims {
            self.held.remove(&claim.first);
        }
        self.reconsider(who, claims);
    }

    /// Those who are out and newer than `who` may stand, or fail for another reason, when `claims` change hands.
    fn reconsider(&mut self, who: &Seniority, claims: &[(usize, Claim<T>)]) {
        let newer = self.out.range((Bound::Excluded(who), Bound::Unbounded));
        let concerned = newer.filter(|other| {
            let candidate = self.candidates.get(*other);
            candidate.is_some_and(|c| c.versions.iter().any(|version| any_overlap(version, claims)))
        });
        self.undecided.extend(concerned.cloned());
    }

    /// What is held of `claim`, from the last to the first.
    fn overlapping(&self, claim: &Claim<T>) -> impl Iterator<Item = &Held<T>> {
        let below = self.held.range(..=claim.last.clone()).rev().map(|(_, held)| held);
        let first = claim.first.clone();
        below.take_while(move |held| held.last >= first)
    }
}

fn sorted<T: Ord>(claims: Vec<Claim<T>>) -> Vec<(usize, Claim<T>)> {
    let mut claims: Vec<_> = claims.into_iter().enumerate().collect();
    claims.sort_unstable_by(|(_, a), (_, b)| a.first.cmp(&b.first));
    claims
}

/// Whether two sorted lists without overlaps of their own overlap each other.
fn any_overlap<T: Ord>(a: &[(usize, Claim<T>)], b: &[(usize, Claim<T>)]) -> bool {
    a.iter().any(|(_, claim)| {
        let at = b.partition_point(|(_, other)| other.first <= claim.last);
        at.checked_sub(1).is_some_and(|i| b[i].1.last >= claim.first)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn who(name: u8) -> Seniority {
        Seniority::new("", &format!("{name:02}"))
    }

    fn claims(pairs: &[(u8, u8)]) -> Vec<Claim<u8>> {
        pairs.iter().map(|&(first, last)| Claim { first, last }).collect()
    }

    #[test]
    fn the_older_keeps_what_both_claim_whoever_comes_first() {
        let mut contest = Contest::default();
        contest.enter(who(2), vec![claims(&[(10, 20)])]);
        contest.settle();
        assert_eq!(contest.standing(&who(2)), Some(0));
        contest.enter(who(1), vec![claims(&[(15, 15)])]);
        assert_eq!(contest.settle(), [who(1), who(2)].into());
        assert_eq!(
            (contest.standing(&who(1)), contest.standing(&who(2))),
            (Some(0), None)
        );
        let conflict = Conflict {
            claim: 0,
            rival: who(1),
            rival_claim: 0,
        };
        assert_eq!(contest.conflicts(&who(2)), [conflict]);
    }

    #[test]
    fn who_is_out_contradicts_nobody() {
        let mut contest = Contest::default();
        contest.enter(who(1), vec![claims(&[(0, 9)])]);
        contest.enter(who(2), vec![claims(&[(5, 5), (20, 29)])]);
        contest.enter(who(3), vec![claims(&[(25, 25)])]);
        contest.settle();
        assert_eq!(
            [1, 2, 3].map(|n| contest.standing(&who(n))),
            [Some(0), None, Some(0)]
        );
        assert!(contest.conflicts(&who(3)).is_empty());
    }

    #[test]
    fn a_change_touches_only_those_whom_it_concerns() {
        let mut contest = Contest::default();
        for n in 1..=3 {
            contest.enter(who(n), vec![claims(&[(n * 10, n * 10 + 5)])]);
        }
        contest.enter(who(4), vec![claims(&[(10, 10)])]);
        contest.settle();
        contest.leave(&who(1));
        assert_eq!(contest.settle(), [who(4)].into());
        assert_eq!(contest.standing(&who(4)), Some(0));
    }

    #[test]
    fn a_former_version_stands_in_for_one_that_cannot_stand() {
        let mut contest = Contest::default();
        contest.enter(who(1), vec![claims(&[(0, 9)])]);
        contest.enter(who(2), vec![claims(&[(0, 99)]), claims(&[(20, 29)])]);
        contest.settle();
        assert_eq!(contest.standing(&who(2)), Some(1));
        contest.leave(&who(1));
        contest.settle();
        assert_eq!(contest.standing(&who(2)), Some(0));
    }

    /// Disjoint claims from cut points.
    fn any_claims() -> impl Strategy<Value = Vec<Claim<u8>>> {
        proptest::collection::btree_set(0u8..40, 0..6).prop_map(|cuts| {
            let cuts: Vec<u8> = cuts.into_iter().collect();
            cuts.chunks_exact(2)
                .map(|c| Claim {
                    first: c[0],
                    last: c[1],
                })
                .collect()
        })
    }

    fn any_versions() -> impl Strategy<Value = Option<Vec<Vec<Claim<u8>>>>> {
        proptest::option::weighted(0.8, proptest::collection::vec(any_claims(), 1..3))
    }

    /// The definition: from the oldest on, the first version that touches nothing held.
    fn by_definition(objects: &BTreeMap<u8, Vec<Vec<Claim<u8>>>>) -> BTreeMap<u8, Option<usize>> {
        let mut held: Vec<Claim<u8>> = Vec::new();
        let mut standing = BTreeMap::new();
        for (name, versions) in objects {
            let touches = |c: &Claim<u8>| held.iter().any(|h| h.first <= c.last && c.first <= h.last);
            let version = versions.iter().position(|claims| !claims.iter().any(touches));
            held.extend(version.map(|v| versions[v].clone()).unwrap_or_default());
            standing.insert(*name, version);
        }
        standing
    }

    proptest! {
        #[test]
        fn any_order_of_changes_ends_like_the_definition(
            changes in proptest::collection::vec((0u8..8, any_versions(), any::<bool>()), 0..24),
        ) {
            let (mut contest, mut objects) = (Contest::default(), BTreeMap::new());
            for (name, versions, settle) in changes {
                match versions {
                    Some(versions) => {
                        contest.enter(who(name), versions.clone());
                        objects.insert(name, versions);
                    }
                    None => {
                        contest.leave(&who(name));
                        objects.remove(&name);
                    }
                }
                if settle {
                    contest.settle();
                }
            }
            contest.settle();
            for (name, expected) in by_definition(&objects) {
                prop_assert_eq!(contest.standing(&who(name)), expected, "object {}", name);
                let blocked = !contest.conflicts(&who(name)).is_empty();
                prop_assert_eq!(blocked, expected != Some(0), "object {}", name);
            }
        }
    }
}
