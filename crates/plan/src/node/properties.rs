//! Whatever happens in whatever order: the announced set is what a planner that starts now would announce.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;

use ferrolb_api::annotations::EXCLUDE_FROM_LOAD_BALANCERS;
use ferrolb_api::facts::{NodeFacts, ServiceFacts, SliceFacts};
use ferrolb_api::resolved::{Config, L2Advertisement, NodePreference};
use ferrolb_types::Selector;
use ferrolb_types::selector::Requirement;

use super::*;
use crate::event::Members;
use crate::fixture::{self, advertisement, pool, service, slice};

const NODES: [&str; 4] = ["n0", "n1", "n2", "n3"];
const ADDRESSES: [&str; 6] = [
    "192.0.2.1",
    "192.0.2.2",
    "192.0.2.130",
    "2001:db8::1",
    "2001:db8::2",
    "203.0.113.1",
];

fn any_config() -> impl Strategy<Value = Input> {
    let one = (
        any::<[bool; 3]>(),
        proptest::option::of(0..NODES.len()),
        0..3_u32,
        0..3_usize,
    );
    let ads = proptest::collection::vec(one, 0..3);
    (any::<bool>(), ads).prop_map(|(split, ads)| {
        let pools = if split {
            vec![
                pool("low", &["192.0.2.0/25", "2001:db8::/64"]),
                pool("high", &["192.0.2.128/25"]),
            ]
        } else {
            vec![pool("all", &["192.0.2.0/24", "2001:db8::/64"])]
        };
        let ads = ads
            .into_iter()
            .enumerate()
            .map(|(i, ad)| any_advertisement(&format!("ad{i}"), ad));
        Input::ConfigResolved(Arc::new(fixture::config(pools, ads)))
    })
}

fn any_advertisement(
    name: &str,
    (flags, node, weight, preferred): ([bool; 3], Option<usize>, u32, usize),
) -> L2Advertisement {
    let selector = |key, value| Selector::new(vec![Requirement::equals(key, value)]).unwrap();
    let [selects_services, names_interfaces, selects_nodes] = flags;
    let mut ad = advertisement(name);
    if selects_services {
        ad.service_selectors = vec![selector("app", "a")];
    }
    if names_interfaces {
        ad.interfaces = Interfaces::Named([name.into()].into());
    }
    if let (true, Some(node)) = (selects_nodes, node) {
        ad.node_selectors = vec![selector("name", NODES[node]), selector("name", NODES[0])];
    }
    if weight > 0 {
        ad.preferred_nodes = vec![NodePreference {
            weight,
            preference: selector("name", NODES[preferred]),
        }];
    }
    ad
}

fn any_service() -> impl Strategy<Value = Input> {
    let addresses = proptest::sample::subsequence(&ADDRESSES[..], 0..3);
    (0..4, addresses, any::<[bool; 5]>()).prop_map(
        |(i, addresses, [local, shares, labelled, other_class, new])| {
            let mut facts = service(&format!("default/s{i}"), &addresses);
            facts.local_traffic_only = local;
            facts.request.has_sharing_annotation = shares && !labelled;
            facts.class = (other_class && shares).then(|| "other".into());
            if labelled {
                facts.labels = [("app", "a")].into_iter().collect();
            }
            if new {
                facts.uid = "new".into();
            }
            Input::ServiceApplied(Arc::new(facts))
        },
    )
}

fn any_slice() -> impl Strategy<Value = Input> {
    let nodes = proptest::sample::subsequence(&NODES[..], 0..4);
    (0..4, 0..2, nodes).prop_map(|(service, n, nodes)| {
        let mut facts = slice(&format!("default/s{service}"), &nodes);
        facts.key = ObjectKey::from_text(&format!("default/slice{}", (service + n) % 4));
        Input::SliceApplied(facts)
    })
}

fn any_node() -> impl Strategy<Value = Input> {
    (0..NODES.len(), any::<[bool; 3]>()).prop_map(|(i, [cut_off, excluded, both])| {
        let mut facts = fixture::node(NODES[i]);
        facts.network_unavailable = cut_off && both;
        if excluded && both {
            facts.labels = [(EXCLUDE_FROM_LOAD_BALANCERS, ""), ("name", NODES[i])]
                .into_iter()
                .collect();
        }
        Input::NodeApplied(facts)
    })
}

fn any_members() -> impl Strategy<Value = Input> {
    let ring = proptest::sample::subsequence(&NODES[..], 0..4);
    prop_oneof![
        Just(Input::MembersChanged(Members::AllNodes)),
        ring.prop_map(|ring| Input::MembersChanged(Members::ring(ring.into_iter().map(NodeName::from)))),
    ]
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        4 => any_service(),
        4 => any_slice(),
        3 => any_node(),
        2 => any_config(),
        2 => any_members(),
        1 => (0..4).prop_map(|i| Input::ServiceDeleted(ObjectKey::from_text(&format!("default/s{i}")))),
        1 => (0..4).prop_map(|i| Input::SliceDeleted(ObjectKey::from_text(&format!("default/slice{i}")))),
        1 => (0..NODES.len()).prop_map(|i| Input::NodeDeleted(NODES[i].into())),
        1 => Just(Input::Synced),
    ]
}

/// The latest of everything.
#[derive(Default)]
struct Model {
    config: Option<Arc<Config>>,
    services: BTreeMap<ObjectKey, Arc<ServiceFacts>>,
    slices: BTreeMap<ObjectKey, SliceFacts>,
    nodes: BTreeMap<NodeName, NodeFacts>,
    members: Members,
    synced: bool,
}

impl Model {
    fn apply(&mut self, input: Input) {
        match input {
            Input::ConfigResolved(config) => self.config = Some(config),
            Input::ServiceApplied(facts) => drop(self.services.insert(facts.key.clone(), facts)),
            Input::ServiceDeleted(key) => drop(self.services.remove(&key)),
            Input::SliceApplied(facts) => drop(self.slices.insert(facts.key.clone(), facts)),
            Input::SliceDeleted(key) => drop(self.slices.remove(&key)),
            Input::NodeApplied(facts) => drop(self.nodes.insert(facts.name.clone(), facts)),
            Input::NodeDeleted(name) => drop(self.nodes.remove(&name)),
            Input::MembersChanged(members) => self.members = members,
            Input::Synced => self.synced = true,
        }
    }

    /// A planner that learns it all at once, in another order.
    fn fresh(&self, me: &str) -> NodePlanner {
        let mut planner = planner(me);
        let services = self.services.values().rev().cloned().map(Input::ServiceApplied);
        let slices = self.slices.values().rev().cloned().map(Input::SliceApplied);
        let nodes = self.nodes.values().rev().cloned().map(Input::NodeApplied);
        let members = [Input::MembersChanged(self.members.clone())];
        let synced = self.synced.then_some(Input::Synced);
        let inputs = members.into_iter().chain(services).chain(slices).chain(nodes);
        let config = self.config.iter().cloned().map(Input::ConfigResolved);
        for input in inputs.chain(synced).chain(config) {
            planner.handle(input, &mut Vec::new());
        }
        planner
    }
}

fn planner(me: &str) -> NodePlanner {
    NodePlanner::new(Options {
        node: me.into(),
        class: "".into(),
        ignore_exclude_lb: false,
    })
}

/// What somebody who follows the outputs believes.
#[derive(Default)]
struct Follower {
    wire: BTreeMap<IpAddr, Interfaces>,
    services: BTreeMap<ObjectKey, (BTreeSet<IpAddr>, Interfaces)>,
}

impl Follower {
    /// Fails on an output that asks for what is so already.
    fn follow(&mut self, output: Output) {
        match output {
            Output::Announce { ip, interfaces, .. } => {
                assert_ne!(self.wire.insert(ip, interfaces.clone()), Some(interfaces));
            }
            Output::Withdraw { ip } => assert!(self.wire.remove(&ip).is_some()),
            Output::ReportAnnounced {
                service,
                addresses,
                interfaces,
                ..
            } => {
                let seen = (addresses.into_iter().collect(), interfaces);
                assert_eq!(self.services.insert(service, seen), None);
            }
            Output::ReportInterfaces { service, interfaces } => {
                let known = self.services.get_mut(&service).unwrap();
                assert_ne!(known.1, interfaces);
                known.1 = interfaces;
            }
            Output::ReportWithdrawn {
                service, addresses, ..
            } => {
                let (known, _) = self.services.remove(&service).unwrap();
                assert_eq!(known, addresses.into_iter().collect());
            }
        }
    }
}

type Announced = BTreeMap<ObjectKey, (BTreeSet<IpAddr>, Interfaces)>;

fn announced(planner: &NodePlanner) -> Announced {
    let pair = |a: &Announcement| (a.addresses.iter().copied().collect(), a.interfaces.clone());
    planner
        .announced()
        .map(|(key, a)| (key.clone(), pair(a)))
        .collect()
}

fn wire(planner: &NodePlanner) -> BTreeMap<IpAddr, Interfaces> {
    planner.addresses().map(|(ip, i)| (ip, i.clone())).collect()
}

proptest! {
    #[test]
    fn every_history_leads_where_the_latest_facts_lead(inputs in proptest::collection::vec(any_input(), 1..60)) {
        let mut model = Model::default();
        let mut running = NODES.map(|me| (planner(me), Follower::default()));
        for input in inputs {
            model.apply(input.clone());
            let mut owners: BTreeMap<ObjectKey, usize> = BTreeMap::new();
            for ((planner, follower), me) in running.iter_mut().zip(NODES) {
                let mut out = Vec::new();
                planner.handle(input.clone(), &mut out);
                prop_assert!(model.synced && model.config.is_some() || out.is_empty());
                out.into_iter().for_each(|output| follower.follow(output));

                let fresh = model.fresh(me);
                prop_assert_eq!(announced(planner), announced(&fresh), "{} after {:?}", me, &input);
                prop_assert_eq!(&follower.services, &announced(&fresh));
                prop_assert_eq!(&follower.wire, &wire(&fresh));
                for key in model.services.keys() {
                    prop_assert_eq!(planner.verdict(key), fresh.verdict(key), "{} on {}", key, me);
                }
                for (key, _) in planner.announced() {
                    *owners.entry(key.clone()).or_default() += 1;
                }
            }
            prop_assert!(owners.values().all(|count| *count == 1), "{:?}", owners);
        }
    }
}
