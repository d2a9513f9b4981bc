//! Address families: those of the cluster IPs, and what the family policy makes of them (controller 4.2, 8.2).

use ferrolb_api::facts::{FamilyPolicy, ServiceFacts};
use ferrolb_types::IpFamily;
use ferrolb_types::address::parse_address;

/// Families of the cluster IPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClusterFamily {
    Single(IpFamily),
    Dual,
}

/// Families that a Service wants its addresses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// One address of this family.
    Single(IpFamily),
    /// One of each, or nothing.
    Both,
    /// One of each; else one of the primary family; else one of the other.
    Prefer { primary: IpFamily },
}

/// Why no family can be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FamilyError {
    #[error("the cluster IPs {0} are not one address or one of each family")]
    ClusterIps(String),
    #[error(
        "`ipFamilyPolicy` is `SingleStack` but there are cluster IPs of both families; set it to `PreferDualStack` or `RequireDualStack`"
    )]
    SingleStackOfTwo,
}

impl ClusterFamily {
    pub(crate) fn of(facts: &ServiceFacts) -> Result<Self, FamilyError> {
        let family = |text: &str| parse_address(text).ok().map(IpFamily::of);
        let told = match facts.cluster_ips.as_slice() {
            [one] => family(one).map(Self::Single),
            [a, b] => match (family(a), family(b)) {
                (Some(a), Some(b)) if a != b => Some(Self::Dual),
                _ => None,
            },
            _ => None,
        };
        told.ok_or_else(|| FamilyError::ClusterIps(quoted(&facts.cluster_ips)))
    }

    pub(crate) fn includes(self, family: IpFamily) -> bool {
        match self {
            Self::Single(own) => own == family,
            Self::Dual => true,
        }
    }
}

impl Demand {
    /// Whether an address of `family` is of use.
    pub(crate) fn includes(self, family: IpFamily) -> bool {
        match self {
            Self::Single(own) => own == family,
            Self::Both | Self::Prefer { .. } => true,
        }
    }

    pub(crate) fn of(cluster: ClusterFamily, facts: &ServiceFacts) -> Result<Self, FamilyError> {
        match (cluster, facts.family_policy) {
            (ClusterFamily::Single(family), _) => Ok(Self::Single(family)),
            (ClusterFamily::Dual, FamilyPolicy::RequireDualStack) => Ok(Self::Both),
            (ClusterFamily::Dual, FamilyPolicy::PreferDualStack) => Ok(Self::Prefer {
                primary: facts.families.first().copied().unwrap_or(IpFamily::V4),
            }),
            (ClusterFamily::Dual, FamilyPolicy::SingleStack) => Err(FamilyError::SingleStackOfTwo),
        }
    }
}

/// `["a" "b"]`, the form in which event messages list addresses (controller 4.4).
pub(crate) fn quoted<T: core::fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
    format!("[{}]", items.join(" "))
}
