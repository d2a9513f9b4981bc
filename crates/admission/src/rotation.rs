//! When certificates change, so that no request fails because of it (controller 12).
//!
//! The state is what the Secret holds, so replicas agree and a restart forgets nothing. A new authority is made known
//! first, signs only when everybody trusts it, and the old one is dropped only when nobody serves what it signed:
//!
//! ```text
//!   authorities in the Secret   leaf signed by   next
//!   A                           A                90 days before A or the leaf ends:
//!   B A                         A                  B is made known (in the bundle of the API server)
//!   B A                         B                  an hour later, if the bundle is in place: a leaf of B
//!   B                           B                  an hour later: A is dropped
//! ```
//!
//! Whatever is found (nothing, garbage, the Secret of a MetalLB) is a state of this table or is replaced. MetalLB's own
//! Secret is served as it is until its leaf comes to its end; its authority has an RSA key, which signs nothing here.

/// Seconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub i64);

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// How long an authority is valid, in seconds: ten years, as MetalLB's.
pub const AUTHORITY_LIFE: i64 = 3650 * DAY;
/// How long a leaf is valid, in seconds: a year, as MetalLB's.
pub const LEAF_LIFE: i64 = 365 * DAY;
/// Validity begins that many seconds before now, for clocks that are behind; MetalLB does the same.
pub const BACKDATE: i64 = HOUR;
/// How long before its end something is renewed, as MetalLB does.
const AHEAD: i64 = 90 * DAY;
/// How long every replica and every API server may take to learn what the Secret and the bundle say.
const SPREAD: i64 = HOUR;
/// With less left than this, nobody is waited for.
const URGENT: i64 = 7 * DAY;
/// Authorities in the bundle; more than two are there only if rotations overtake each other.
const AUTHORITIES: usize = 4;
/// The Secret is looked at again after so long at the latest, as MetalLB does.
const LOOK_AGAIN: i64 = 12 * HOUR;

impl UnixTime {
    /// So many seconds later.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

/// From when to when a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Not before this.
    pub not_before: UnixTime,
    /// Not after this.
    pub not_after: UnixTime,
}

impl Validity {
    /// Of something that is made now and lives so many seconds.
    #[must_use]
    pub const fn starting(now: UnixTime, life: i64) -> Self {
        Self {
            not_before: now.plus(-BACKDATE),
            not_after: now.plus(life),
        }
    }

    fn lasts(self, now: UnixTime, seconds: i64) -> bool {
        self.not_before <= now && now.plus(seconds) < self.not_after
    }

    /// Whether it was made long enough ago that everybody knows it.
    fn is_spread(self, now: UnixTime) -> bool {
        self.spread_at() <= now
    }

    const fn spread_at(self) -> UnixTime {
        self.not_before.plus(BACKDATE + SPREAD)
    }
}

/// An authority in the Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority {
    /// When it is valid.
    pub validity: Validity,
    /// Whether its key is there and can be used.
    pub can_sign: bool,
}

/// The certificate that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// When it is valid.
    pub validity: Validity,
    /// Which of the authorities signed it.
    pub signer: usize,
}

/// What the Secret holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The authorities; the first one signs.
    pub authorities: Vec<Authority>,
    /// The leaf, if there is one for the right name, with its key, and signed by one of the authorities.
    pub leaf: Option<Leaf>,
}

/// What to write to the Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Make an authority and put it first.
    pub new_authority: bool,
    /// Which of the present authorities stay, in this order.
    pub keep: Vec<usize>,
    /// Make a leaf, signed by what is first then.
    pub new_leaf: bool,
}

/// What to do now, and when to ask again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What to write, if anything.
    pub renewal: Option<Renewal>,
    /// When to ask again, if nothing changes before.
    pub look_again: UnixTime,
}

/// What to do with what the Secret holds. `is_trusted`: the API server has been told of every authority in it.
#[must_use]
pub fn plan(now: UnixTime, held: &Held, is_trusted: bool) -> Plan {
    let front = held.authorities.first();
    let wants_leaf = wants_leaf(now, held, is_trusted);
    let new_authority = !front.is_some_and(|a| a.validity.lasts(now, AHEAD))
        || (wants_leaf && !front.is_some_and(|a| a.can_sign));
    let new_leaf = if new_authority {
        !is_usable(now, held)
    } else {
        wants_leaf
    };
    let keep = kept(now, held, new_authority, new_leaf);
    let is_change = new_authority || new_leaf || keep.len() < held.authorities.len();
    Plan {
        renewal: is_change.then_some(Renewal {
            new_authority,
            keep,
            new_leaf,
        }),
        look_again: look_again(now, held),
    }
}

/// Whether a new leaf is due, leaving aside who would sign it.
fn wants_leaf(now: UnixTime, held: &Held, is_trusted: bool) -> bool {
    let (Some(leaf), Some(front)) = (held.leaf, held.authorities.first()) else {
        return true;
    };
    if leaf.signer == 0 {
        return !leaf.validity.lasts(now, AHEAD);
    }
    !is_usable(now, held) || (is_trusted && front.validity.is_spread(now))
}

/// Whether the present leaf can be served for some days more.
fn is_usable(now: UnixTime, held: &Held) -> bool {
    held.leaf.is_some_and(|leaf| {
        let signer = held.authorities.get(leaf.signer);
        leaf.validity.lasts(now, URGENT) && signer.is_some_and(|a| a.validity.lasts(now, URGENT))
    })
}

/// Which authorities stay: those by which somebody may still be recognised.
fn kept(now: UnixTime, held: &Held, new_authority: bool, new_leaf: bool) -> Vec<usize> {
    let is_settled = held
        .leaf
        .is_some_and(|leaf| leaf.signer == 0 && leaf.validity.is_spread(now));
    let only_front = is_settled && !new_authority && !new_leaf;
    let stays = |(i, authority): &(usize, &Authority)| {
        let signs = *i == 0 && !new_authority;
        signs || (!only_front && authority.validity.lasts(now, 0))
    };
    let limit = AUTHORITIES - usize::from(new_authority);
    let present = held.authorities.iter().enumerate();
    present.filter(stays).map(|(i, _)| i).take(limit).collect()
}

fn look_again(now: UnixTime, held: &Held) -> UnixTime {
    let renewals = held.authorities.iter().map(|a| a.validity.not_after.plus(-AHEAD));
    let spreads = held.authorities.iter().take(1).map(|a| a.validity.spread_at());
    let leaf = held.leaf.iter().flat_map(|leaf| {
        [
            leaf.validity.not_after.plus(-AHEAD),
            leaf.validity.not_after.plus(-URGENT),
            leaf.validity.spread_at(),
        ]
    });
    let due = renewals.chain(spreads).chain(leaf).filter(|at| *at > now);
    due.min()
        .map_or(now.plus(LOOK_AGAIN), |at| at.min(now.plus(LOOK_AGAIN)))
}

#[cfg(test)]
mod tests;
