//! Cluster addresses and node ports: which are taken, and which a Service gets.
//!
//! A claim is planned against the tables without changing them, written into the Service, and committed when the
//! Service is stored; a dry run or a refusal just drops it.

mod families;
mod network;
mod ports;

use core::net::IpAddr;
use core::ops::RangeInclusive;
use std::collections::BTreeSet;

use ferrolb_types::IpNet;
use serde_json::{Map, Value, json};

use super::{
    has_cluster_ip, is_headless, may_have_node_ports, spec_list, wants_health_check_port, wants_node_ports,
};
use crate::error::Cause;
use crate::object::{object_at, root_mut};
use network::Network;
use ports::Ports;

/// The tables of one server.
#[derive(Debug)]
pub(crate) struct Allocators {
    /// In the order of preference; the first is the cluster's default family.
    networks: Vec<Network>,
    ports: Ports,
}

/// What a Service takes and gives back when it is stored.
#[derive(Debug, Default)]
pub(crate) struct Claim {
    ips: BTreeSet<IpAddr>,
    ports: BTreeSet<u16>,
    old_ips: BTreeSet<IpAddr>,
    old_ports: BTreeSet<u16>,
}

impl Allocators {
    pub(crate) fn new(networks: &[IpNet], ports: RangeInclusive<u16>) -> Self {
        Self {
            networks: networks.iter().copied().map(Network::new).collect(),
            ports: Ports::new(ports),
        }
    }

    /// Fills in families, addresses and ports that `service` wants and does not have.
    pub(crate) fn complete(&self, service: &mut Value, old: Option<&Value>) -> Result<Claim, Vec<Cause>> {
        let mut claim = Claim {
            old_ips: old.map(held_ips).unwrap_or_default(),
            old_ports: old.map(held_ports).unwrap_or_default(),
            ..Claim::default()
        };
        if has_cluster_ip(service) {
            self.families(service)?;
            self.addresses(service, &mut claim)?;
        }
        self.node_ports(service, &mut claim)?;
        self.health_check_port(service, &mut claim)?;
        Ok(claim)
    }

    /// Makes a claim binding.
    pub(crate) fn commit(&mut self, claim: Claim) {
        for network in &mut self.networks {
            network.commit(&claim);
        }
        self.ports.commit(&claim.old_ports, claim.ports);
    }

    /// Takes over what a stored Service holds.
    pub(crate) fn adopt(&mut self, service: &Value) {
        self.commit(Claim {
            ips: held_ips(service),
            ports: held_ports(service),
            ..Claim::default()
        });
    }

    /// Gives back what a deleted Service held.
    pub(crate) fn release(&mut self, service: &Value) {
        self.commit(Claim {
            old_ips: held_ips(service),
            old_ports: held_ports(service),
            ..Claim::default()
        });
    }

    fn addresses(&self, service: &mut Value, claim: &mut Claim) -> Result<(), Vec<Cause>> {
        if is_headless(service) {
            set_cluster_ips(service, &["None".to_owned()]);
            return Ok(());
        }
        let families = texts(spec_list(service, "ipFamilies"));
        let mut ips = texts(spec_list(service, "clusterIPs"));
        ips.retain(|ip| !ip.is_empty());
        for ip in &ips {
            let ip = self
                .requested(ip, claim)
                .map_err(|why| cluster_ip_cause(&ips, &why))?;
            claim.ips.insert(ip);
        }
        for family in families.iter().skip(ips.len()) {
            let network = self.network(family);
            let free = network
                .and_then(|n| n.free())
                .ok_or_else(|| cluster_ip_cause(&ips, "failed to allocate IP: range is full"))?;
            claim.ips.insert(free);
            ips.push(free.to_string());
        }
        set_cluster_ips(service, &ips);
        Ok(())
    }

    fn requested(&self, text: &str, claim: &Claim) -> Result<IpAddr, String> {
        let failed = |why: String| format!("failed to allocate IP {text}: {why}");
        let ip: IpAddr = text
            .parse()
            .map_err(|_| failed("not a valid IP address".to_owned()))?;
        let network = self.networks.iter().find(|n| n.net.contains(&ip));
        let taken = match network {
            None => {
                let why = "the provided network does not match the current range";
                return Err(failed(why.to_owned()));
            }
            Some(network) => network.taken.contains(&ip),
        };
        if taken && !claim.old_ips.contains(&ip) {
            return Err(failed("provided IP is already allocated".to_owned()));
        }
        Ok(ip)
    }

    fn network(&self, family: &str) -> Option<&Network> {
        self.networks.iter().find(|n| net_family(&n.net) == family)
    }

    fn node_ports(&self, service: &mut Value, claim: &mut Claim) -> Result<(), Vec<Cause>> {
        if !may_have_node_ports(service) {
            return Ok(());
        }
        let wants = wants_node_ports(service);
        let mut ports = spec_list(service, "ports").to_vec();
        for (i, port) in ports.iter().enumerate() {
            if let Some(asked) = port["nodePort"].as_u64() {
                let number = self
                    .ports
                    .requested(asked, claim, &format!("spec.ports[{i}].nodePort"))?;
                claim.ports.insert(number);
            }
        }
        for (i, port) in ports.iter_mut().enumerate() {
            if wants && port["nodePort"].is_null() {
                let number = self.ports.free(claim, &format!("spec.ports[{i}].nodePort"))?;
                claim.ports.insert(number);
                root_mut(port).insert("nodePort".to_owned(), number.into());
            }
        }
        object_at(root_mut(service), "spec").insert("ports".to_owned(), Value::Array(ports));
        Ok(())
    }

    fn health_check_port(&self, service: &mut Value, claim: &mut Claim) -> Result<(), Vec<Cause>> {
        if !wants_health_check_port(service) {
            return Ok(());
        }
        let field = "spec.healthCheckNodePort";
        let number = match service["spec"]["healthCheckNodePort"].as_u64() {
            Some(asked) if asked > 0 => self.ports.requested(asked, claim, field)?,
            _ => self.ports.free(claim, field)?,
        };
        claim.ports.insert(number);
        object_at(root_mut(service), "spec").insert("healthCheckNodePort".to_owned(), number.into());
        Ok(())
    }
}

fn cluster_ip_cause(ips: &[String], why: &str) -> Vec<Cause> {
    vec![Cause::invalid("spec.clusterIPs", &json!(ips), why)]
}

fn set_cluster_ips(service: &mut Value, ips: &[String]) {
    let spec: &mut Map<String, Value> = object_at(root_mut(service), "spec");
    spec.insert("clusterIP".to_owned(), json!(ips.first()));
    spec.insert("clusterIPs".to_owned(), json!(ips));
}

fn held_ips(service: &Value) -> BTreeSet<IpAddr> {
    let list = spec_list(service, "clusterIPs").iter();
    list.filter_map(|v| v.as_str()?.parse().ok()).collect()
}

fn held_ports(service: &Value) -> BTreeSet<u16> {
    let ports = spec_list(service, "ports").iter().map(|p| &p["nodePort"]);
    let all = ports.chain([&service["spec"]["healthCheckNodePort"]]);
    all.filter_map(|v| u16::try_from(v.as_u64()?).ok())
        .filter(|n| *n > 0)
        .collect()
}

fn texts(list: &[Value]) -> Vec<String> {
    list.iter()
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect()
}

fn family_name(ip: &IpAddr) -> &'static str {
    if ip.is_ipv4() { "IPv4" } else { "IPv6" }
}

fn net_family(net: &IpNet) -> &'static str {
    family_name(&net.addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocators() -> Allocators {
        let nets = ["10.96.0.0/16", "fd00:96::/112"].map(|n| n.parse().unwrap());
        Allocators::new(&nets, 30000..=30002)
    }

    #[expect(clippy::needless_pass_by_value, reason = "values are written in place")]
    fn create(tables: &mut Allocators, spec: Value) -> Result<Value, Vec<Cause>> {
        let mut service = json!({"spec": spec});
        super::super::defaults::apply(&mut service);
        super::super::defaults::prepare(&mut service, None);
        let claim = tables.complete(&mut service, None)?;
        tables.commit(claim);
        Ok(service)
    }

    fn update(
        tables: &mut Allocators,
        old: &Value,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, Vec<Cause>> {
        let mut new = old.clone();
        change(&mut new);
        super::super::defaults::apply(&mut new);
        super::super::defaults::prepare(&mut new, Some(old));
        let claim = tables.complete(&mut new, Some(old))?;
        tables.commit(claim);
        Ok(new)
    }

    fn ips(service: &Value) -> String {
        texts(spec_list(service, "clusterIPs")).join(",")
    }

    #[test]
    fn families_follow_the_policy_and_the_addresses_follow_the_families() {
        let mut tables = allocators();
        let ports = json!([{"port": 80}]);
        let single = create(&mut tables, json!({"ports": ports})).unwrap();
        assert_eq!(
            (ips(&single).as_str(), &single["spec"]["ipFamilyPolicy"]),
            ("10.96.0.2", &json!("SingleStack"))
        );
        let dual = create(
            &mut tables,
            json!({"ports": ports, "ipFamilyPolicy": "PreferDualStack"}),
        )
        .unwrap();
        assert_eq!(ips(&dual), "10.96.0.3,fd00:96::2");
        let six = create(&mut tables, json!({"ports": ports, "ipFamilies": ["IPv6"]})).unwrap();
        assert_eq!(ips(&six), "fd00:96::3");
        let headless = create(&mut tables, json!({"clusterIP": "None", "selector": {"a": "b"}})).unwrap();
        assert_eq!(
            (ips(&headless).as_str(), &headless["spec"]["ipFamilies"]),
            ("None", &json!(["IPv4"]))
        );
    }

    #[test]
    fn an_address_or_port_that_is_taken_or_out_of_range_is_refused() {
        let mut tables = allocators();
        let asked =
            json!({"type": "NodePort", "clusterIP": "10.96.0.9", "ports": [{"port": 80, "nodePort": 30001}]});
        create(&mut tables, asked.clone()).unwrap();
        let refused = create(&mut tables, asked).unwrap_err();
        assert!(
            refused[0].message.ends_with("provided IP is already allocated"),
            "{refused:?}"
        );
        let refused = create(
            &mut tables,
            json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30001}]}),
        );
        assert_eq!(refused.unwrap_err()[0].field, "spec.ports[0].nodePort");
        assert!(
            create(
                &mut tables,
                json!({"clusterIP": "192.0.2.1", "ports": [{"port": 80}]})
            )
            .is_err()
        );
        assert!(
            create(
                &mut tables,
                json!({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]})
            )
            .is_err()
        );
    }

    #[test]
    fn ports_run_out_and_come_back() {
        let mut tables = allocators();
        let wanted =
            json!({"type": "LoadBalancer", "ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]});
        let first = create(&mut tables, wanted.clone()).unwrap();
        assert!(
            create(&mut tables, wanted.clone()).is_err(),
            "one port is left, two are wanted"
        );
        let none =
            json!({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": [{"port": 1}]});
        assert!(create(&mut tables, none).unwrap()["spec"]["ports"][0]["nodePort"].is_null());
        tables.release(&first);
        create(&mut tables, wanted).unwrap();
    }

    #[test]
    fn a_local_policy_brings_a_health_check_port_and_gives_it_back() {
        let mut tables = allocators();
        let service = create(
            &mut tables,
            json!({"type": "LoadBalancer", "ports": [{"port": 1}]}),
        )
        .unwrap();
        let local = update(&mut tables, &service, |s| {
            s["spec"]["externalTrafficPolicy"] = "Local".into();
        })
        .unwrap();
        assert_eq!(local["spec"]["healthCheckNodePort"], 30001);
        let back = update(&mut tables, &local, |s| {
            s["spec"]["externalTrafficPolicy"] = "Cluster".into();
        })
        .unwrap();
        assert!(back["spec"]["healthCheckNodePort"].is_null());
        assert!(!tables.ports.taken.contains(&30001));
    }

    #[test]
    fn a_second_family_comes_and_goes_with_the_policy() {
        let mut tables = allocators();
        let single = create(&mut tables, json!({"ports": [{"port": 80}]})).unwrap();
        let dual = update(&mut tables, &single, |s| {
            s["spec"]["ipFamilyPolicy"] = "PreferDualStack".into();
        })
        .unwrap();
        assert_eq!(ips(&dual), "10.96.0.2,fd00:96::2");
        let again = update(&mut tables, &dual, |s| {
            s["spec"]["ipFamilyPolicy"] = "SingleStack".into();
        })
        .unwrap();
        assert_eq!(
            (ips(&again).as_str(), &again["spec"]["ipFamilies"]),
            ("10.96.0.2", &json!(["IPv4"]))
        );
        assert!(tables.networks[1].taken.is_empty());
    }

    #[test]
    fn nothing_is_taken_by_a_claim_that_is_dropped() {
        let tables = allocators();
        let mut service = json!({"spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}});
        tables.complete(&mut service, None).unwrap();
        assert!(tables.ports.taken.is_empty() && tables.networks[0].taken.is_empty());
    }
}
