use proptest::prelude::*;

use super::*;

const START: UnixTime = UnixTime(1_800_000_000);

fn authority(made: UnixTime) -> Authority {
    Authority {
        validity: Validity::starting(made, AUTHORITY_LIFE),
        can_sign: true,
    }
}

fn leaf(made: UnixTime, signer: usize) -> Leaf {
    Leaf {
        validity: Validity::starting(made, LEAF_LIFE),
        signer,
    }
}

fn held(authorities: &[Authority], leaf: Leaf) -> Held {
    Held {
        authorities: authorities.to_vec(),
        leaf: Some(leaf),
    }
}

fn renewal(new_authority: bool, keep: &[usize], new_leaf: bool) -> Option<Renewal> {
    Some(Renewal {
        new_authority,
        keep: keep.to_vec(),
        new_leaf,
    })
}

#[test]
fn the_first_start_makes_everything_at_once() {
    assert_eq!(
        plan(START, &Held::default(), false).renewal,
        renewal(true, &[], true)
    );
}

#[test]
fn what_is_young_and_complete_is_kept_and_looked_at_twice_a_day() {
    let held = held(&[authority(START)], leaf(START, 0));
    let plan = plan(START.plus(2 * HOUR), &held, true);
    assert_eq!(plan.renewal, None);
    assert_eq!(plan.look_again, START.plus(2 * HOUR + LOOK_AGAIN));
}

#[test]
fn a_leaf_is_renewed_ninety_days_before_its_end_by_the_same_authority() {
    let held = held(&[authority(START)], leaf(START, 0));
    let due = START.plus(LEAF_LIFE - AHEAD);
    assert_eq!(plan(due.plus(-1), &held, true).renewal, None);
    assert_eq!(plan(due, &held, true).renewal, renewal(false, &[0], true));
}

#[test]
fn a_new_authority_is_known_before_it_signs_and_the_old_one_until_nobody_needs_it() {
    let old = authority(START);
    let due = START.plus(AUTHORITY_LIFE - AHEAD);
    let young = leaf(due.plus(-DAY), 0);
    assert_eq!(
        plan(due, &held(&[old], young), true).renewal,
        renewal(true, &[0], false)
    );

    let both = [authority(due), old];
    let by_old = held(&both, Leaf { signer: 1, ..young });
    assert_eq!(
        plan(due, &by_old, true).renewal,
        None,
        "not before the bundle has spread"
    );
    assert_eq!(plan(due, &by_old, true).look_again, due.plus(SPREAD));
    assert_eq!(
        plan(due.plus(2 * SPREAD), &by_old, false).renewal,
        None,
        "not while the bundle is not in place"
    );
    assert_eq!(
        plan(due.plus(SPREAD), &by_old, true).renewal,
        renewal(false, &[0, 1], true)
    );

    let signed = due.plus(SPREAD);
    let by_new = held(&both, leaf(signed, 0));
    assert_eq!(plan(signed, &by_new, true).renewal, None);
    assert_eq!(
        plan(signed.plus(SPREAD), &by_new, true).renewal,
        renewal(false, &[0], false)
    );
}

#[test]
fn a_secret_of_metallb_is_served_as_it_is_until_its_leaf_ends() {
    let rsa = Authority {
        can_sign: false,
        ..authority(START)
    };
    let adopted = held(&[rsa], leaf(START, 0));
    assert_eq!(plan(START.plus(DAY), &adopted, true).renewal, None);
    let due = START.plus(LEAF_LIFE - AHEAD);
    assert_eq!(
        plan(due, &adopted, true).renewal,
        renewal(true, &[0], false),
        "its leaf is served on meanwhile"
    );
}

#[test]
fn with_days_left_nobody_is_waited_for() {
    let end = START.plus(LEAF_LIFE - URGENT);
    let waiting = held(&[authority(end), authority(START)], leaf(START, 1));
    assert_eq!(plan(end, &waiting, false).renewal, renewal(false, &[0, 1], true));
}

#[test]
fn what_begins_in_the_future_or_is_over_is_replaced() {
    let future = held(&[authority(START)], leaf(START, 0));
    assert_eq!(
        plan(START.plus(-2 * HOUR), &future, true).renewal,
        renewal(true, &[], true)
    );
    let over = START.plus(AUTHORITY_LIFE + DAY);
    assert_eq!(plan(over, &future, true).renewal, renewal(true, &[], true));
}

/// Authorities by number; the Secret as both replicas see it.
#[derive(Clone, Debug, Default)]
struct Secret {
    version: u64,
    authorities: Vec<(u64, Authority)>,
    leaf: Option<(u64, Leaf)>,
}

impl Secret {
    fn held(&self) -> Held {
        let place = |signer: u64| self.authorities.iter().position(|(id, _)| *id == signer);
        Held {
            authorities: self.authorities.iter().map(|(_, a)| *a).collect(),
            leaf: self
                .leaf
                .and_then(|(id, leaf)| place(id).map(|signer| Leaf { signer, ..leaf })),
        }
    }

    fn renewed(&self, renewal: &Renewal, now: UnixTime) -> Self {
        let mut authorities: Vec<(u64, Authority)> =
            renewal.keep.iter().map(|i| self.authorities[*i]).collect();
        if renewal.new_authority {
            authorities.insert(0, (self.version + 1, authority(now)));
        }
        let fresh = renewal.new_leaf.then(|| (authorities[0].0, leaf(now, 0)));
        Self {
            version: self.version + 1,
            leaf: fresh.or(self.leaf),
            authorities,
        }
    }
}

/// Two replicas and an API server that sees what they write with delays.
struct Model {
    secret: Secret,
    /// What each replica saw last, and so serves.
    seen: [Secret; 2],
    /// What the API server trusts.
    bundle: Vec<u64>,
}

impl Model {
    /// A replica learns, writes what is due (or fails, since the other was faster), and tells the API server.
    fn turn(&mut self, replica: usize, now: UnixTime, sees_latest: bool) -> UnixTime {
        if sees_latest {
            self.seen[replica] = self.secret.clone();
        }
        let seen = &self.seen[replica];
        let is_trusted = seen.authorities.iter().all(|(id, _)| self.bundle.contains(id));
        let plan = plan(now, &seen.held(), is_trusted);
        if let Some(renewal) = plan.renewal.filter(|_| seen.version == self.secret.version) {
            self.secret = seen.renewed(&renewal, now);
            self.seen[replica] = self.secret.clone();
        }
        let seen = &self.seen[replica];
        if seen.version == self.secret.version {
            self.bundle = seen.authorities.iter().map(|(id, _)| *id).collect();
        }
        plan.look_again
    }

    fn check(&self, now: UnixTime) {
        for seen in self.seen.iter().filter(|seen| seen.version > 0) {
            let (signer, leaf) = seen.leaf.expect("something is served");
            assert!(leaf.validity.lasts(now, 0), "a served leaf is over");
            assert!(self.bundle.contains(&signer), "a served leaf is not trusted");
            let known = self.secret.authorities.iter().chain(&seen.authorities);
            let authority = known.filter(|(id, _)| *id == signer).map(|(_, a)| a).next();
            assert!(
                authority.is_some_and(|a| a.validity.lasts(now, 0)),
                "its authority is over"
            );
        }
    }
}

/// Enough for tests, and the same on every run.
fn next(random: &mut u64) -> u64 {
    *random = random
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *random >> 33
}

#[test]
fn in_forty_years_no_replica_serves_what_is_not_trusted() {
    for seed in 0..8 {
        let mut random = seed;
        let (mut now, end) = (START, START.plus(40 * 365 * DAY));
        let mut model = Model {
            secret: Secret::default(),
            seen: [Secret::default(), Secret::default()],
            bundle: Vec::new(),
        };
        let mut writes = 0;
        while now < end {
            let before = model.secret.version;
            let first = usize::from(next(&mut random).is_multiple_of(2));
            // The second one learns of it within a quarter of an hour, which is the promise of a watch and more.
            let mut due = model.turn(first, now, true);
            model.check(now);
            now = now.plus(i64::try_from(next(&mut random) % 900).unwrap());
            model.turn(1 - first, now, next(&mut random).is_multiple_of(8));
            due = due.min(model.turn(1 - first, now, true));
            model.check(now);
            writes += model.secret.version - before;
            now = due.max(now.plus(1));
        }
        // A leaf every nine months, an authority about every ten years with three writes.
        assert!(
            (53..80).contains(&writes),
            "seed {seed}: {writes} writes in 40 years"
        );
    }
}

fn any_validity() -> impl Strategy<Value = Validity> {
    (-4000i64..4000, -4000i64..4000).prop_map(|(from, to)| Validity {
        not_before: START.plus(from * DAY),
        not_after: START.plus(to * DAY),
    })
}

fn any_held() -> impl Strategy<Value = Held> {
    let authority =
        (any_validity(), any::<bool>()).prop_map(|(validity, can_sign)| Authority { validity, can_sign });
    let leaf = (any_validity(), 0usize..7).prop_map(|(validity, signer)| Leaf { validity, signer });
    (
        proptest::collection::vec(authority, 0..7),
        proptest::option::of(leaf),
    )
        .prop_map(|(authorities, leaf)| Held {
            leaf: leaf.filter(|l| l.signer < authorities.len()),
            authorities,
        })
}

fn renewed(held: &Held, renewal: &Renewal, now: UnixTime) -> Held {
    let mut authorities: Vec<Authority> = renewal.keep.iter().map(|i| held.authorities[*i]).collect();
    let shift = usize::from(renewal.new_authority);
    if renewal.new_authority {
        authorities.insert(0, authority(now));
    }
    let moved = |l: Leaf| {
        renewal.keep.iter().position(|i| *i == l.signer).map(|at| Leaf {
            signer: at + shift,
            ..l
        })
    };
    let leaf = if renewal.new_leaf {
        Some(leaf(now, 0))
    } else {
        held.leaf.and_then(moved)
    };
    Held { authorities, leaf }
}

proptest! {
    #[test]
    fn whatever_is_found_is_in_order_after_a_few_steps(found in any_held(), is_trusted in any::<bool>()) {
        let mut held = found;
        for step in 0.. {
            prop_assert!(step < 4, "it does not come to rest: {held:?}");
            let Some(renewal) = plan(START, &held, is_trusted).renewal else { break };
            held = renewed(&held, &renewal, START);
        }
        prop_assert!(is_usable(START, &held), "{held:?}");
        prop_assert!(held.authorities[0].validity.lasts(START, AHEAD));
        prop_assert!(held.authorities.len() <= AUTHORITIES);
    }

    #[test]
    fn the_next_look_is_in_the_future_and_not_too_far(held in any_held(), is_trusted in any::<bool>()) {
        let at = plan(START, &held, is_trusted).look_again;
        prop_assert!(at > START && at <= START.plus(LOOK_AGAIN));
    }
}
