//! One pool at work: which of its addresses are free, and which are shared by whom.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_api::facts::{Port, ServiceFacts};
use ferrolb_api::resolved::{Pool, any_or_empty};
use ferrolb_types::{IpFamily, Labels, NamespaceName};

use crate::holder::{Holders, Holding};
use crate::interval::IntervalSet;
use crate::order::AddressOrder;
use crate::port_index::PortIndex;
use crate::sharing::{Claim, GroupKey};
use crate::usage::{PoolUsage, capacity};

/// A pool with the state of its addresses.
#[derive(Clone, Debug)]
pub(crate) struct PoolState {
    pub(crate) pool: Arc<Pool>,
    ipv4: Stock,
    ipv6: Stock,
    usage: PoolUsage,
    /// The counters as last reported.
    pub(crate) reported: Option<PoolUsage>,
}

/// The addresses of one family.
#[derive(Clone, Debug)]
struct Stock {
    order: AddressOrder,
    /// Positions of addresses that nobody holds.
    free: IntervalSet,
    /// Positions of shared addresses.
    shared: BTreeMap<Arc<GroupKey>, PortIndex>,
}

impl PoolState {
    /// The pool with what is already held of it.
    pub(crate) fn new(pool: Arc<Pool>, holders: &Holders) -> Self {
        let mut state = Self {
            ipv4: Stock::new(AddressOrder::new(&pool, IpFamily::V4)),
            ipv6: Stock::new(AddressOrder::new(&pool, IpFamily::V6)),
            usage: capacity(&pool),
            pool,
            reported: None,
        };
        let nets: Vec<_> = state.pool.prefixes().collect();
        for net in nets {
            for (addr, holding) in holders.range(net.network(), net.broadcast()) {
                if state.owns(addr) {
                    state.occupy(addr);
                    state.join(addr, holding);
                }
            }
        }
        state
    }

    pub(crate) const fn usage(&self) -> PoolUsage {
        self.usage
    }

    const fn stock(&self, family: IpFamily) -> &Stock {
        match family {
            IpFamily::V4 => &self.ipv4,
            IpFamily::V6 => &self.ipv6,
        }
    }

    const fn stock_mut(&mut self, family: IpFamily) -> &mut Stock {
        match family {
            IpFamily::V4 => &mut self.ipv4,
            IpFamily::V6 => &mut self.ipv6,
        }
    }

    pub(crate) fn owns(&self, addr: IpAddr) -> bool {
        self.stock(IpFamily::of(addr)).order.position(addr).is_some()
    }

    /// Whether the pool has addresses of `family` at all, free or not.
    pub(crate) fn has_family(&self, family: IpFamily) -> bool {
        self.stock(family).order.last_position().is_some()
    }

    /// Whether addresses that nobody holds are kept from being given out.
    pub(crate) const fn withholds(&self) -> bool {
        self.usage.withheld > 0
    }

    /// Whether an address of `family` may be given out.
    pub(crate) fn has_free(&self, family: IpFamily) -> bool {
        !self.stock(family).free.is_empty()
    }

    /// The first address in order that is free, or that `claim` may share (controller 8.1).
    pub(crate) fn lowest(&self, family: IpFamily, claim: Option<&Claim>) -> Option<IpAddr> {
        let stock = self.stock(family);
        let shareable = claim.and_then(|claim| stock.shared.get(&claim.group)?.first_without(&claim.ports));
        let position = match (stock.free.first(), shareable) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b)?,
        };
        Some(stock.order.address(position))
    }

    /// `addr` is held from now on.
    pub(crate) fn occupy(&mut self, addr: IpAddr) {
        let stock = self.stock_mut(IpFamily::of(addr));
        if let Some(position) = stock.order.position(addr) {
            if !stock.free.remove(position) {
                self.usage.withheld -= 1;
            }
            self.usage.count_assigned(IpFamily::of(addr), 1);
        }
    }

    /// `addr` is held by nobody from now on; [`Self::open`] makes it free.
    pub(crate) fn vacate(&mut self, addr: IpAddr) {
        if self.owns(addr) {
            self.usage.withheld += 1;
            self.usage.count_assigned(IpFamily::of(addr), -1);
        }
    }

    /// `addr`, which nobody holds, may be given out from now on.
    pub(crate) fn open(&mut self, addr: IpAddr) {
        let stock = self.stock_mut(IpFamily::of(addr));
        if let Some(position) = stock.order.position(addr)
            && stock.free.insert(position)
        {
            self.usage.withheld -= 1;
        }
    }

    /// `addr`, which nobody holds, is not given out from now on.
    pub(crate) fn close(&mut self, addr: IpAddr) {
        let stock = self.stock_mut(IpFamily::of(addr));
        if let Some(position) = stock.order.position(addr)
            && stock.free.remove(position)
        {
            self.usage.withheld += 1;
        }
    }

    /// `addr` belongs to the group of `holding` from now on.
    pub(crate) fn join(&mut self, addr: IpAddr, holding: &Holding) {
        let stock = self.stock_mut(IpFamily::of(addr));
        if let (Some(position), Some(group)) = (stock.order.position(addr), holding.group()) {
            let ports: Vec<Port> = holding.ports().collect();
            let index = stock.shared.entry(Arc::clone(group)).or_default();
            index.take(position, &ports);
        }
    }

    /// `addr` no longer belongs to `group`.
    pub(crate) fn leave(&mut self, addr: IpAddr, group: &GroupKey) {
        let stock = self.stock_mut(IpFamily::of(addr));
        let Some(position) = stock.order.position(addr) else {
            return;
        };
        if let Some(index) = stock.shared.get_mut(group) {
            index.remove(position);
            if index.is_empty() {
                stock.shared.remove(group);
            }
        }
    }

    /// On `addr`, which stays with `group`, some ports are free and others taken from now on.
    pub(crate) fn change_ports(&mut self, addr: IpAddr, group: &GroupKey, freed: &[Port], taken: &[Port]) {
        let stock = self.stock_mut(IpFamily::of(addr));
        if let (Some(position), Some(index)) = (stock.order.position(addr), stock.shared.get_mut(group)) {
            index.free(position, freed);
            index.take(position, taken);
        }
    }
}

impl Stock {
    fn new(order: AddressOrder) -> Self {
        let free = order
            .last_position()
            .map_or_else(IntervalSet::default, IntervalSet::up_to);
        Self {
            order,
            free,
            shared: BTreeMap::new(),
        }
    }
}

/// Whether a Service in a namespace of these labels may use `pool` (controller 6.2). Without labels the namespace is
/// not known to exist, and no selector matches it.
pub(crate) fn allows(pool: &Pool, service: &ServiceFacts, namespace: Option<&Labels>) -> bool {
    allows_namespace(pool, &service.key.namespace, namespace) && allows_labels(pool, service)
}

/// The part of [`allows`] that depends on the namespace.
pub(crate) fn allows_namespace(pool: &Pool, name: &NamespaceName, labels: Option<&Labels>) -> bool {
    pool.allocation.as_ref().is_none_or(|allocation| {
        let unrestricted = allocation.namespaces.is_empty() && allocation.namespace_selectors.is_empty();
        // Selectors that match nothing mean no namespace, not every one (controller 15.3).
        let selected = |labels| allocation.namespace_selectors.iter().any(|s| s.matches(labels));
        unrestricted || allocation.namespaces.contains(name) || labels.is_some_and(selected)
    })
}

/// The part of [`allows`] that depends on the Service's own labels.
pub(crate) fn allows_labels(pool: &Pool, service: &ServiceFacts) -> bool {
    let selectors = pool
        .allocation
        .as_ref()
        .map(|allocation| &allocation.service_selectors);
    selectors.is_none_or(|selectors| any_or_empty(selectors, &service.labels))
}

/// Whether a Service that has addresses of `pool` keeps them. Other than for [`allows`], labels of the namespace do
/// not count: a namespace event never costs an address (design, promise 1).
pub(crate) fn lets_keep(pool: &Pool, service: &ServiceFacts) -> bool {
    let by_labels = pool
        .allocation
        .as_ref()
        .is_some_and(|a| !a.namespace_selectors.is_empty());
    (by_labels || allows_namespace(pool, &service.key.namespace, None)) && allows_labels(pool, service)
}
