//! The decision on one Service, step by step as controller 4.2 has it. Nothing here changes anything.
//!
//! | The Service | wish met by what it holds | not met, could be | not met, cannot be |
//! |---|---|---|---|
//! | holds addresses | keeps them, adds the second family if there is one | exchanges them | keeps them and waits (strict: loses them and waits) |
//! | holds none | | gets them | waits |

use core::net::IpAddr;

use ferrolb_api::facts::{FamilyPolicy, ServiceFacts};

use crate::allocate::{Applicant, Placement};
use crate::blocked::Blocked;
use crate::engine::Engine;
use crate::family::{ClusterFamily, Demand, quoted};
use crate::reason::Reason;
use crate::record::{Addresses, Held, ServiceId, Source};
use crate::request::{Wish, reservation_of};
use crate::sharing::Claim;

/// What a Service shall hold from now on.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) held: Option<Held>,
    pub(crate) news: Option<News>,
    /// What it asks for in vain, and how that is complained about.
    pub(crate) blocked: Option<(Complaint, Blocked)>,
}

/// What was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// All of the addresses.
    Allocated,
    /// The second family.
    Additional(IpAddr),
}

/// Which event tells of a [`Blocked`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// `AllocationFailed`.
    Allocation,
    /// `LoadBalancerFailed`.
    Request,
    /// `AdditionalAssignFailed`.
    SecondFamily,
    /// `not enough clusterips`.
    ClusterIps,
    /// `noclusterIPsIPFamily`.
    ClusterFamily,
    /// None.
    Silent,
}

impl Complaint {
    /// Whether a Service that keeps its addresses must do without what it asks for. A second family is merely preferred, and
    /// what is said to nobody is no refusal.
    pub(crate) const fn is_unmet_request(self) -> bool {
        match self {
            Self::Allocation | Self::Request | Self::ClusterIps | Self::ClusterFamily => true,
            Self::SecondFamily | Self::Silent => false,
        }
    }
}

impl Verdict {
    fn keep(held: Option<&Held>) -> Self {
        Self {
            held: held.cloned(),
            news: None,
            blocked: None,
        }
    }

    fn complaining(mut self, complaint: Complaint, blocked: Blocked) -> Self {
        self.blocked = Some((complaint, blocked));
        self
    }

    fn place(placement: Placement, claim: Option<&Claim>) -> Self {
        Self {
            held: Some(Held {
                addresses: placement.addresses,
                source: Source::Pool(placement.pool),
                claim: claim.cloned().map(Box::new),
            }),
            news: Some(News::Allocated),
            blocked: None,
        }
    }
}

impl Engine {
    /// Decides on a Service of ours whose addresses, if it holds any, are valid.
    pub(crate) fn judge(&self, id: ServiceId) -> Verdict {
        let record = &self.directory[id];
        let (facts, held) = (&*record.facts, record.held.as_ref());
        if let Some((complaint, blocked)) = self.too_few_cluster_ips(id) {
            return self.unmet(held).complaining(complaint, blocked);
        }
        let cluster = match ClusterFamily::of(facts) {
            Ok(cluster) => cluster,
            Err(error) => {
                let blocked = Blocked::new(Reason::InvalidClusterIPs, error.to_string());
                let complaint = held.map_or(Complaint::Allocation, |_| Complaint::ClusterFamily);
                return Verdict::keep(held).complaining(complaint, blocked);
            }
        };
        let wish = match Wish::parse(&facts.request) {
            Ok(wish) => wish,
            Err(error) => {
                let blocked = Blocked::new(Reason::MalformedRequest, error.to_string());
                let complaint = held.map_or(Complaint::Allocation, |_| Complaint::Request);
                return Verdict::keep(held).complaining(complaint, blocked);
            }
        };
        let reservation = match reservation_of(facts) {
            Ok(key) => key,
            Err(error) => {
                let blocked = Blocked::new(Reason::MalformedRequest, error.to_string());
                let complaint = held.map_or(Complaint::Allocation, |_| Complaint::Request);
                return Verdict::keep(held).complaining(complaint, blocked);
            }
        };
        let claim = Claim::of(facts);
        let who = Applicant {
            id,
            facts,
            cluster,
            claim: claim.as_ref(),
            reservation: reservation.as_ref(),
        };
        match held {
            Some(held) if is_met(&wish, held, facts, cluster) => self.complete(who, held, &wish),
            _ => self.fulfil(who, held, &wish),
        }
    }

    /// Whether `held` is what the Service asks for, a second family that it merely prefers aside.
    pub(crate) fn meets_wish(&self, id: ServiceId, held: &Held) -> bool {
        let facts = &*self.directory[id].facts;
        match (ClusterFamily::of(facts), Wish::parse(&facts.request)) {
            (Ok(cluster), Ok(wish)) => {
                let incomplete = cluster == ClusterFamily::Dual
                    && facts.family_policy != FamilyPolicy::PreferDualStack
                    && held.addresses.missing_family().is_some();
                !incomplete && is_met(&wish, held, facts, cluster)
            }
            _ => false,
        }
    }

    /// Controller 4.2 steps 3 and 5.
    fn too_few_cluster_ips(&self, id: ServiceId) -> Option<(Complaint, Blocked)> {
        let facts = &self.directory[id].facts;
        let refuse = |complaint, message: String| {
            Some((complaint, Blocked::new(Reason::NotEnoughClusterIPs, message)))
        };
        match facts.cluster_ips.len() {
            0 => refuse(Complaint::Silent, "the Service has no cluster IP".to_owned()),
            1 if facts.family_policy == FamilyPolicy::RequireDualStack => refuse(
                Complaint::ClusterIps,
                format!(
                    "`ipFamilyPolicy` is `RequireDualStack` but the only cluster IP is {}",
                    quoted(&facts.cluster_ips)
                ),
            ),
            _ => None,
        }
    }

    /// What a Service holds whose wish cannot be met.
    fn unmet(&self, held: Option<&Held>) -> Verdict {
        Verdict::keep(held.filter(|_| !self.options().strict_requests))
    }

    /// New addresses instead of what is held, if anything.
    fn fulfil(&self, who: Applicant<'_>, held: Option<&Held>, wish: &Wish) -> Verdict {
        match self.allocate(who, wish) {
            Ok(placement) => {
                let second = self.missing_second(who, &placement);
                let verdict = Verdict::place(placement, who.claim);
                match second {
                    Some(blocked) => verdict.complaining(Complaint::SecondFamily, blocked),
                    None => verdict,
                }
            }
            Err(blocked) => self.unmet(held).complaining(Complaint::Allocation, blocked),
        }
    }

    /// Why a placement lacks the second family that a Service would like to have.
    fn missing_second(&self, who: Applicant<'_>, placement: &Placement) -> Option<Blocked> {
        let family = placement
            .addresses
            .missing_family()
            .filter(|_| who.cluster == ClusterFamily::Dual)?;
        self.second(who, &placement.pool, family).err()
    }

    /// The second family for what is held, if it is wanted and missing (controller 4.2 step 11).
    fn complete(&self, who: Applicant<'_>, held: &Held, wish: &Wish) -> Verdict {
        let missing = held
            .addresses
            .missing_family()
            .filter(|_| who.cluster == ClusterFamily::Dual);
        let ([first], Some(family)) = (held.addresses.as_slice(), missing) else {
            return Verdict::keep(Some(held));
        };
        let demand = match who.demand() {
            Ok(demand) => demand,
            Err(blocked) => return self.unmet(Some(held)).complaining(Complaint::Allocation, blocked),
        };
        let second = match held.pool() {
            Some(pool) => self.second(who, pool, family),
            None => Err(Blocked::new(
                Reason::PoolMissing,
                "the pool of the first address is not there",
            )),
        };
        match second {
            Ok(addr) => Verdict {
                held: Some(Held {
                    addresses: Addresses::Two([*first, addr]),
                    ..held.clone()
                }),
                news: Some(News::Additional(addr)),
                blocked: None,
            },
            Err(blocked) if demand == Demand::Both => {
                let mut verdict = self.fulfil(who, Some(held), wish);
                if let Some((_, other)) = &mut verdict.blocked {
                    other.queues.extend(blocked.queues);
                }
                verdict
            }
            Err(blocked) => Verdict::keep(Some(held)).complaining(Complaint::SecondFamily, blocked),
        }
    }
}

/// Whether what is held is what is asked for (controller 4.2 steps 8 and 10), the second family aside.
fn is_met(wish: &Wish, held: &Held, facts: &ServiceFacts, cluster: ClusterFamily) -> bool {
    let from = |pool: &Option<_>| pool.as_ref().is_none_or(|pool| held.pool() == Some(pool));
    match wish {
        Wish::Anything => true,
        Wish::Pool(pool) => held.pool() == Some(pool),
        Wish::Addresses { wanted, pool } => {
            let wanted = wanted.as_slice();
            // The second family of PreferDualStack does not turn a met request into an unmet one.
            let extended = facts.family_policy == FamilyPolicy::PreferDualStack
                && cluster == ClusterFamily::Dual
                && wanted.iter().all(|addr| held.addresses.contains(*addr));
            from(pool) && (extended || held.addresses.same_set(wanted))
        }
    }
}
