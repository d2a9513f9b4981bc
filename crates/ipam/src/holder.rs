//! Who is on which address.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_api::facts::Port;

use crate::record::ServiceId;
use crate::sharing::{Claim, GroupKey};

/// All addresses in use, whether a pool owns them or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holders {
    by_address: BTreeMap<IpAddr, Holding>,
}

/// The use of one address: by one Service, or by several of one group.
#[derive(Clone, Debug)]
pub(crate) struct Holding {
    users: Users,
    shared: Option<Box<Shared>>,
}

/// Without an allocation for the usual single user.
#[derive(Clone, Debug)]
enum Users {
    One(ServiceId),
    Many(BTreeSet<ServiceId>),
}

#[derive(Clone, Debug)]
struct Shared {
    group: Arc<GroupKey>,
    ports: BTreeMap<Port, ServiceId>,
}

/// Why a Service may not be on an address (controller 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// One of the two does not share at all; names one of the users.
    InUse(ServiceId),
    /// Both share, with different keys or backends; names one of the users.
    OtherGroup(ServiceId),
    /// A port is taken.
    PortTaken(Port, ServiceId),
}

impl Holders {
    pub(crate) fn get(&self, addr: IpAddr) -> Option<&Holding> {
        self.by_address.get(&addr)
    }

    /// Addresses in use from `first` to `last`, ascending.
    pub(crate) fn range(&self, first: IpAddr, last: IpAddr) -> impl Iterator<Item = (IpAddr, &Holding)> {
        self.by_address
            .range(first..=last)
            .map(|(addr, holding)| (*addr, holding))
    }

    /// Whether `who` may be on `addr`. Its own presence there does not matter.
    pub(crate) fn admits(&self, addr: IpAddr, who: ServiceId, claim: Option<&Claim>) -> Result<(), Refusal> {
        let Some(holding) = self.by_address.get(&addr) else {
            return Ok(());
        };
        let Some(other) = holding.users().find(|user| *user != who) else {
            return Ok(());
        };
        let (Some(claim), Some(shared)) = (claim, &holding.shared) else {
            return Err(Refusal::InUse(other));
        };
        if claim.group != shared.group {
            return Err(Refusal::OtherGroup(other));
        }
        let taken = claim.ports.iter().find_map(|port| {
            let user = shared.ports.get(port).filter(|user| **user != who)?;
            Some(Refusal::PortTaken(*port, *user))
        });
        taken.map_or(Ok(()), Err)
    }

    /// Puts `who` on `addr`, which must admit it.
    pub(crate) fn take(&mut self, addr: IpAddr, who: ServiceId, claim: Option<&Claim>) {
        let holding = self.by_address.entry(addr).or_insert_with(|| Holding {
            users: Users::One(who),
            shared: None,
        });
        holding.users.insert(who);
        if let Some(claim) = claim {
            let shared = holding.shared.get_or_insert_with(|| {
                Box::new(Shared {
                    group: Arc::clone(&claim.group),
                    ports: BTreeMap::new(),
                })
            });
            shared.ports.extend(claim.ports.iter().map(|port| (*port, who)));
        }
    }

    /// Takes `who` off `addr`, with the ports of `claim`. The last one leaves nothing behind.
    pub(crate) fn release(&mut self, addr: IpAddr, who: ServiceId, claim: Option<&Claim>) {
        let Some(holding) = self.by_address.get_mut(&addr) else {
            return;
        };
        if holding.users.remove(who) {
            self.by_address.remove(&addr);
        } else if let (Some(shared), Some(claim)) = (&mut holding.shared, claim) {
            for port in &claim.ports {
                shared.ports.remove(port);
            }
        }
    }
}

impl Holding {
    /// The Services on the address.
    pub(crate) fn users(&self) -> impl Iterator<Item = ServiceId> + '_ {
        let (one, many) = match &self.users {
            Users::One(id) => (Some(*id), None),
            Users::Many(ids) => (None, Some(ids.iter().copied())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// The group that shares the address; none if its one user does not share.
    pub(crate) fn group(&self) -> Option<&Arc<GroupKey>> {
        self.shared.as_ref().map(|shared| &shared.group)
    }

    /// The ports taken by those who share it, sorted.
    pub(crate) fn ports(&self) -> impl Iterator<Item = Port> + '_ {
        self.shared.iter().flat_map(|shared| shared.ports.keys().copied())
    }

    pub(crate) fn has_port(&self, port: Port) -> bool {
        self.shared
            .as_ref()
            .is_some_and(|shared| shared.ports.contains_key(&port))
    }
}

impl Users {
    fn insert(&mut self, who: ServiceId) {
        match self {
            Self::One(id) if *id == who => {}
            Self::One(id) => *self = Self::Many(BTreeSet::from([*id, who])),
            Self::Many(ids) => {
                ids.insert(who);
            }
        }
    }

    /// Whether nobody is left.
    fn remove(&mut self, who: ServiceId) -> bool {
        match self {
            Self::One(id) => *id == who,
            Self::Many(ids) => {
                ids.remove(&who);
                ids.is_empty()
            }
        }
    }
}
