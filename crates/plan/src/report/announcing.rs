//! What each node announces: the decisions of the speakers, asked for every node.
//! Layer 2 is here, BGP in `peering`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_api::core;
use ferrolb_api::resolved::{Config, Interfaces};
use ferrolb_api::{Object as _, Problem, Severity, reason};
use ferrolb_types::{NodeName, ObjectKey};

use super::Options;
use super::allocation::Allocation;
use super::document::{L2, Node, NotAnnounced};
use super::objects::Objects;
use super::peering::{Peering, Scene};
use crate::cluster::{Cluster, Verdict};
use crate::event::{Members, Protocol};
use crate::silence::Silence;

/// Everything that speakers know.
pub(super) struct Announcing {
    cluster: Cluster,
    /// Services with an address, by key.
    services: Vec<ObjectKey>,
}

impl Announcing {
    pub(super) fn new(
        objects: &Objects,
        allocation: &Allocation,
        config: &Config,
        options: &Options,
    ) -> Self {
        let mut cluster = Cluster::new(&options.class, options.ignore_exclude_lb);
        let mut touched = Vec::new();
        let mut services = Vec::new();
        cluster.resolve_config(config, &mut touched);
        if let Some(speakers) = &options.speakers {
            cluster.set_members(Members::ring(speakers.iter().cloned()), &mut touched);
        }
        for node in objects.nodes.values() {
            cluster.apply_node(node.observe(), &mut touched);
        }
        for slice in objects.slices.values() {
            cluster.apply_slice(&slice.observe(), &mut touched);
        }
        for (key, outcome) in allocation.outcomes().filter(|(_, o)| !o.addresses.is_empty()) {
            if let Some(facts) = allocation.settled(key, &outcome) {
                cluster.apply_service(&facts, &mut touched);
                services.push(key.clone());
            }
        }
        cluster.settle(&mut touched);
        Self { cluster, services }
    }

    /// What `node` announces, and what it would tell an FRR daemon.
    pub(super) fn node<'a>(
        &'a self,
        node: &core::Node,
        config: &'a Config,
        options: &'a Options,
    ) -> (Node, Peering<'a>) {
        let facts = node.observe();
        let name = &facts.name;
        let mut l2: BTreeMap<IpAddr, (BTreeSet<&ObjectKey>, Interfaces)> = BTreeMap::new();
        let mut not_announced = Vec::new();
        for key in &self.services {
            match self.cluster.verdict(name, key) {
                Some(Verdict::Announced(interfaces)) => self.announce(key, &interfaces, &mut l2),
                Some(Verdict::Silent(silence)) if !config.l2_advertisements.is_empty() => {
                    not_announced.push((key, unannounced(key, &silence)));
                }
                Some(Verdict::Silent(_)) | None => {}
            }
        }
        let scene = Scene {
            services: &self.services,
            cluster: &self.cluster,
            config,
            options,
        };
        let peering = Peering::new(&facts, scene);
        if !config.bgp_advertisements.is_empty() {
            not_announced.extend(peering.not_announced());
        }
        not_announced.sort_by(|(a, x), (b, y)| (a, x.protocol).cmp(&(b, y.protocol)));
        let own = without_speaker(name, options).into_iter();
        let document = Node {
            name: name.to_string(),
            problems: own.chain(peering.problems.iter().cloned()).collect(),
            l2: l2
                .into_iter()
                .map(|(ip, (keys, interfaces))| address(ip, &keys, &interfaces))
                .collect(),
            bgp: peering.document(node.internal_ipv4(), config),
            not_announced: not_announced.into_iter().map(|(_, n)| n).collect(),
        };
        (document, peering)
    }

    fn announce<'a>(
        &self,
        key: &'a ObjectKey,
        interfaces: &Interfaces,
        l2: &mut BTreeMap<IpAddr, (BTreeSet<&'a ObjectKey>, Interfaces)>,
    ) {
        let (_, addresses) = self.cluster.service(key).unwrap_or_default();
        for ip in addresses {
            let none = || (BTreeSet::new(), Interfaces::Named(BTreeSet::new()));
            let (keys, all) = l2.entry(*ip).or_insert_with(none);
            keys.insert(key);
            *all = all.clone().union(interfaces.clone());
        }
    }

    /// Services that nobody announces because advertisements that select Services cover them, by advertisement.
    pub(super) fn sharing_conflicts(&self) -> BTreeMap<&str, Vec<&ObjectKey>> {
        let mut conflicts: BTreeMap<&str, Vec<&ObjectKey>> = BTreeMap::new();
        for key in &self.services {
            for name in self.cluster.sharing_conflicts(key) {
                conflicts.entry(name).or_default().push(key);
            }
        }
        conflicts
    }
}

fn unannounced(service: &ObjectKey, silence: &Silence) -> NotAnnounced {
    NotAnnounced {
        service: service.to_string(),
        protocol: Protocol::Layer2,
        reason: silence.reason.word(),
        owner: silence.owner.as_ref().map(ToString::to_string),
        message: silence.to_string(),
    }
}

fn address(ip: IpAddr, services: &BTreeSet<&ObjectKey>, interfaces: &Interfaces) -> L2 {
    L2 {
        ip: ip.to_string(),
        services: services.iter().map(ToString::to_string).collect(),
        interfaces: match interfaces {
            Interfaces::All => vec!["*".to_owned()],
            Interfaces::Named(names) => names.iter().map(ToString::to_string).collect(),
        },
    }
}

fn without_speaker(name: &NodeName, options: &Options) -> Option<Problem> {
    let speakers = options.speakers.as_ref()?;
    (!speakers.contains(name)).then(|| Problem {
        severity: Severity::Warning,
        kind: core::Node::KIND.into(),
        namespace: String::new(),
        name: name.to_string(),
        field: String::new(),
        value: None,
        reason: reason::NO_SPEAKER.word().into(),
        message: "no live speaker runs here, so the node announces nothing; start one, or leave it if that is meant"
            .to_owned(),
    })
}
