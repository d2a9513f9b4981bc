//! The machine of one node: facts in, what to announce out.
//!
//! | Input | Outputs |
//! |---|---|
//! | any, before `Synced` or before the first configuration | none |
//! | `Synced`, `ConfigResolved` | what differs, over all Services whose pool or advertisements changed |
//! | `ServiceApplied`, `ServiceDeleted` | what differs for that Service and its addresses |
//! | `SliceApplied`, `SliceDeleted` | as above, if it can be served where it could not, or the other way round |
//! | `NodeApplied`, `NodeDeleted`, `MembersChanged` | what differs for Services that such a node owned or wins |
//!
//! An input that changes nothing has no output, however often it comes.
//!
//! An address is announced for the *first use* if it was given to a Service after `Synced`, and since then no node has been
//! elected to announce that Service. Every speaker comes to the same answer from the same objects, so neither a take-over
//! nor a restart is ever taken for a first use, and no record of owners is needed.

use core::net::IpAddr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use ferrolb_api::resolved::Interfaces;
use ferrolb_types::{NodeName, ObjectKey};

use crate::cluster::{Cluster, Touched, Verdict};
use crate::event::{Input, Output, Protocol, Speaker};
use crate::silence::{Reason, Silence};
use unused::Unused;

/// What the command line decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// `--node-name`: whose machine this is.
    pub node: NodeName,
    /// `--lb-class`; empty: Services without a class (layer2 2.3).
    pub class: Box<str>,
    /// `--ignore-exclude-lb`: nodes with the exclude label are candidates all the same.
    pub ignore_exclude_lb: bool,
}

/// Decides what one node announces.
#[derive(Debug)]
pub struct NodePlanner {
    options: Options,
    cluster: Cluster,
    announced: BTreeMap<ObjectKey, Announcement>,
    held: BTreeMap<IpAddr, Held>,
    unused: Unused,
}

/// A Service that is announced from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Its UID when it was announced.
    pub uid: Box<str>,
    /// Its addresses, in the order of its status.
    pub addresses: Box<[IpAddr]>,
    /// Its own interfaces.
    pub interfaces: Interfaces,
}

/// An address that is announced from here.
#[derive(Debug, Default)]
struct Held {
    services: Vec<ObjectKey>,
    /// As last asked for.
    interfaces: Option<Interfaces>,
}

/// What one input has changed.
#[derive(Debug, Default)]
struct Changes {
    addresses: Vec<IpAddr>,
    reports: Vec<Output>,
    /// Services that some node announces from now on.
    owned: Vec<ObjectKey>,
}

impl NodePlanner {
    /// A planner that knows nothing and announces nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            cluster: Cluster::new(&options.class, options.ignore_exclude_lb),
            options,
            announced: BTreeMap::new(),
            held: BTreeMap::new(),
            unused: Unused::default(),
        }
    }

    /// Takes in `input` and appends what is to be done to `out`.
    pub fn handle(&mut self, input: Input, out: &mut Vec<Output>) {
        let mut changes = Changes::default();
        self.unused.observe(&input, &self.cluster);
        for touched in self.apply(input) {
            match touched {
                Touched::Dropped(key, reason) => self.reconcile(key, Err(Silence::of(reason)), &mut changes),
                Touched::Decided(key) => {
                    let wanted = self.wanted(&key);
                    if self.cluster.has_owner(&key) {
                        changes.owned.push(key.clone());
                    }
                    self.reconcile(key, wanted, &mut changes);
                }
            }
        }
        let owned = core::mem::take(&mut changes.owned);
        self.flush(changes, out);
        self.unused.use_all(&owned, &self.cluster);
    }

    fn apply(&mut self, input: Input) -> Vec<Touched> {
        let mut touched = Vec::new();
        let cluster = &mut self.cluster;
        match input {
            Input::ConfigResolved(config) => cluster.resolve_config(&config, &mut touched),
            Input::ServiceApplied(facts) => cluster.apply_service(&facts, &mut touched),
            Input::ServiceDeleted(key) => cluster.delete_service(&key, &mut touched),
            Input::SliceApplied(facts) => cluster.apply_slice(&facts, &mut touched),
            Input::SliceDeleted(key) => cluster.delete_slice(&key, &mut touched),
            Input::NodeApplied(facts) => cluster.apply_node(facts, &mut touched),
            Input::NodeDeleted(name) => cluster.delete_node(&name, &mut touched),
            Input::MembersChanged(members) => cluster.set_members(members, &mut touched),
            Input::Synced => cluster.settle(&mut touched),
        }
        touched
    }

    /// What the decision asks of this node.
    fn wanted(&self, key: &ObjectKey) -> Result<Announcement, Silence> {
        let verdict = self.cluster.verdict(&self.options.node, key);
        match (verdict, self.cluster.service(key)) {
            (Some(Verdict::Announced(interfaces)), Some((uid, addresses))) => Ok(Announcement {
                uid: uid.into(),
                addresses: addresses.into(),
                interfaces,
            }),
            (Some(Verdict::Silent(silence)), _) => Err(silence),
            _ => Err(Silence::of(Reason::ServiceDeleted)),
        }
    }

    fn reconcile(&mut self, key: ObjectKey, wanted: Result<Announcement, Silence>, changes: &mut Changes) {
        if self.announced.get(&key) == wanted.as_ref().ok() {
            return;
        }
        match (self.announced.remove(&key), wanted) {
            (Some(old), Ok(new)) => match old.end_by(&new) {
                Some(reason) => {
                    self.end(&key, old, Silence::of(reason), changes);
                    self.begin(key, new, changes);
                }
                None => self.adjust(key, &old, new, changes),
            },
            (Some(old), Err(silence)) => {
                let silence = self.name_change_of_addresses(&key, &old, silence);
                self.end(&key, old, silence, changes);
            }
            (None, Ok(new)) => self.begin(key, new, changes),
            (None, Err(_)) => {}
        }
    }

    /// That the addresses are others comes before whatever speaks against the new ones (layer2 3.1 step 8).
    fn name_change_of_addresses(&self, key: &ObjectKey, old: &Announcement, silence: Silence) -> Silence {
        let later = silence.reason > Reason::AddressesChanged;
        let (_, addresses) = self.cluster.service(key).unwrap_or_default();
        if later && !is_same_set(&old.addresses, addresses) {
            Silence::of(Reason::AddressesChanged)
        } else {
            silence
        }
    }

    fn begin(&mut self, key: ObjectKey, new: Announcement, changes: &mut Changes) {
        for &ip in &new.addresses {
            let held = self.held.entry(ip).or_default();
            if !held.services.contains(&key) {
                // Nearly every address has one Service.
                held.services.reserve_exact(1);
                held.services.push(key.clone());
            }
        }
        changes.addresses.extend(&new.addresses);
        changes.reports.push(Output::ReportAnnounced {
            service: key.clone(),
            uid: new.uid.clone(),
            protocol: Protocol::Layer2,
            addresses: new.addresses.to_vec(),
            interfaces: new.interfaces.clone(),
        });
        self.announced.insert(key, new);
    }

    /// The same addresses in another order, or other interfaces.
    fn adjust(&mut self, key: ObjectKey, old: &Announcement, new: Announcement, changes: &mut Changes) {
        if old.interfaces != new.interfaces {
            changes.addresses.extend(&new.addresses);
            changes.reports.push(Output::ReportInterfaces {
                service: key.clone(),
                interfaces: new.interfaces.clone(),
            });
        }
        self.announced.insert(key, new);
    }

    fn end(&mut self, key: &ObjectKey, old: Announcement, silence: Silence, changes: &mut Changes) {
        for ip in &old.addresses {
            if let Some(held) = self.held.get_mut(ip) {
                held.services.retain(|service| service != key);
            }
        }
        changes.addresses.extend(&old.addresses);
        changes.reports.push(Output::ReportWithdrawn {
            service: key.clone(),
            protocol: Protocol::Layer2,
            addresses: old.addresses.into_vec(),
            silence,
        });
    }

    /// Compares each address once, after all Services: one that passes from a Service to another is not withdrawn.
    fn flush(&mut self, mut changes: Changes, out: &mut Vec<Output>) {
        changes.addresses.sort_unstable();
        changes.addresses.dedup();
        let mut announcements = Vec::new();
        for ip in changes.addresses {
            let interfaces = self.interfaces_of(ip);
            let Some(held) = self.held.get_mut(&ip) else {
                continue;
            };
            match interfaces {
                None => {
                    let was_announced = held.interfaces.is_some();
                    self.held.remove(&ip);
                    out.extend(was_announced.then_some(Output::Withdraw { ip }));
                }
                Some(interfaces) if held.interfaces.as_ref() != Some(&interfaces) => {
                    held.interfaces = Some(interfaces.clone());
                    announcements.push(Output::Announce {
                        ip,
                        interfaces,
                        is_first_use: self.unused.contains(ip),
                    });
                }
                Some(_) => {}
            }
        }
        out.append(&mut announcements);
        out.append(&mut changes.reports);
    }

    /// The union over all Services that hold the address here; none without any.
    fn interfaces_of(&self, ip: IpAddr) -> Option<Interfaces> {
        let services = self.held.get(&ip)?.services.iter();
        services
            .filter_map(|key| self.announced.get(key))
            .map(|a| a.interfaces.clone())
            .reduce(Interfaces::union)
    }
}

/// Questions, for `explain`, metrics and the debug state.
impl NodePlanner {
    /// The options it was made with.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// What this node does about a Service and why; none for one that is unknown, of another type or class, and
    /// before there is anything to decide with.
    #[must_use]
    pub fn verdict(&self, service: &ObjectKey) -> Option<Verdict> {
        self.cluster.verdict(&self.options.node, service)
    }

    /// Whether more than half of the nodes are not ready, so that nothing is withdrawn because of endpoints that vanish.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.cluster.is_frozen()
    }

    /// All Services of our class with their addresses, announced from here or not.
    pub fn services(&self) -> impl Iterator<Item = (&ObjectKey, &[IpAddr])> {
        self.cluster.services()
    }

    /// The UID of a Service of our class; empty for one that is unknown.
    #[must_use]
    pub fn uid(&self, service: &ObjectKey) -> &str {
        self.cluster.service(service).map_or("", |(uid, _)| uid)
    }

    /// All Services that are announced from here, by key.
    pub fn announced(&self) -> impl Iterator<Item = (&ObjectKey, &Announcement)> {
        self.announced.iter()
    }

    /// How a Service is announced from here, if it is.
    #[must_use]
    pub fn announcement(&self, service: &ObjectKey) -> Option<&Announcement> {
        self.announced.get(service)
    }

    /// Whether the election names this node for an address.
    #[must_use]
    pub fn announces(&self, ip: IpAddr) -> bool {
        self.held.get(&ip).is_some_and(|held| held.interfaces.is_some())
    }

    /// Whether this node has to give way to `rival`, which was heard claiming `ip`. One that is in the ring has been reckoned
    /// with: then whoever is elected is. One that the ring has lost, so that each has elected itself, is compared as if it were
    /// there, with what it last told of its `speaker`.
    #[must_use]
    pub fn yields_to(&self, ip: IpAddr, rival: &NodeName, speaker: &Speaker) -> bool {
        let held = self.held.get(&ip).filter(|held| held.interfaces.is_some());
        held.is_none_or(|held| {
            let mut services = held.services.iter();
            services.any(|key| self.cluster.yields_to(key, rival, speaker))
        })
    }

    /// All addresses that are announced from here with their interfaces, ascending.
    pub fn addresses(&self) -> impl Iterator<Item = (IpAddr, &Interfaces)> {
        let held = self.held.iter();
        held.filter_map(|(ip, held)| Some((*ip, held.interfaces.as_ref()?)))
    }
}

impl Announcement {
    /// Why it ends when `new` begins; none if it just goes on.
    fn end_by(&self, new: &Self) -> Option<Reason> {
        if self.uid != new.uid {
            Some(Reason::ServiceDeleted)
        } else if is_same_set(&self.addresses, &new.addresses) {
            None
        } else {
            Some(Reason::AddressesChanged)
        }
    }
}

/// As sets of equal size (layer2 3.1 step 8).
fn is_same_set(a: &[IpAddr], b: &[IpAddr]) -> bool {
    a.len() == b.len() && a.iter().all(|ip| b.contains(ip))
}

mod unused;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
