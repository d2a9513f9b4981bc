//! Checks of the node, from its traps.

use core::net::IpAddr;

use ferrolb_api::{Reason, reason};
use ferrolb_types::ObjectKey;

use crate::check::{Area, Check, Checks, Outcome};
use crate::network::{Network, Standing};
use crate::trap::{Trap, traps};

/// Which trap is found by which check.
const INTERFACES: &str = "interfaces";
const STRICT_ARP: &str = "strict-arp";
const ADDRESSES: &str = "addresses";
const REVERSE_PATH: &str = "rp-filter";

/// Judges the network stack of a node. Without `services`, for the reason given, what depends on their addresses is left out.
#[must_use]
pub fn inspect(network: &Network, services: Result<&[(ObjectKey, Vec<IpAddr>)], &str>) -> Vec<Check> {
    let known = services.unwrap_or_default();
    let found = traps(network, known.iter().map(|(key, addresses)| (key, &**addresses)));
    let mut checks = Checks::of(Area::Node);
    for trap in &found {
        checks.push(check(trap));
    }
    checks.otherwise(INTERFACES, usable(network));
    if settings_are_unknown(network) {
        for name in [STRICT_ARP, REVERSE_PATH, ADDRESSES] {
            checks.skip(name, "the settings under /proc/sys/net cannot be read");
        }
        return checks.finish();
    }
    checks.otherwise(
        STRICT_ARP,
        "kube-proxy does not have the kernel answer for addresses of Services",
    );
    match services {
        Err(why) => {
            checks.skip(
                ADDRESSES,
                format!("the addresses of Services are not known: {why}"),
            );
            checks.skip(
                REVERSE_PATH,
                format!("the addresses of Services are not known: {why}"),
            );
        }
        Ok(services) => {
            let services = services.len();
            checks.otherwise(
                ADDRESSES,
                format!(
                    "of {services} Services none has its address on an interface that the kernel answers for"
                ),
            );
            checks.otherwise(
                REVERSE_PATH,
                "clients beyond the segment are not dropped for their source",
            );
        }
    }
    checks.finish()
}

fn check(trap: &Trap) -> Check {
    let (name, result) = place_of(trap.reason);
    Check::new(Area::Node, name, result, trap.message.clone()).because(trap.reason)
}

fn place_of(reason: Reason) -> (&'static str, Outcome) {
    match reason {
        reason::NO_USABLE_INTERFACE => (INTERFACES, Outcome::Failed),
        reason::STRICT_ARP_MISSING => (STRICT_ARP, Outcome::Failed),
        reason::REVERSE_PATH_FILTER => (REVERSE_PATH, Outcome::Warning),
        _ => (ADDRESSES, Outcome::Failed),
    }
}

/// `eth0 (10.0.0.1/24, fd00::1/64), eth1 (no address)`.
fn usable(network: &Network) -> String {
    let describe = |interface: &crate::Interface| {
        let addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
        let addresses = if addresses.is_empty() {
            "no address".to_owned()
        } else {
            addresses.join(", ")
        };
        format!("`{}` ({addresses})", interface.name)
    };
    let usable = network
        .interfaces
        .iter()
        .filter(|interface| interface.is_usable());
    let names: Vec<String> = usable.map(describe).collect();
    format!("can announce on {}", names.join(", "))
}

fn settings_are_unknown(network: &Network) -> bool {
    let standings = network.interfaces.iter().map(|interface| interface.standing);
    standings
        .into_iter()
        .any(|standing| standing == Standing::Usable(None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Interface, Obstacle, Settings};

    fn network(standing: Standing) -> Network {
        let eth0 = Interface {
            name: "eth0".into(),
            addresses: ["10.0.0.1/24".parse().unwrap()].into(),
            standing,
        };
        Network {
            node: "n1".into(),
            interfaces: vec![eth0],
        }
    }

    fn lines(
        network: &Network,
        services: Result<&[(ObjectKey, Vec<IpAddr>)], &str>,
    ) -> Vec<(&'static str, Outcome)> {
        let checks = inspect(network, services);
        checks.iter().map(|check| (check.name, check.result)).collect()
    }

    #[test]
    fn each_check_has_a_line_whether_or_not_it_finds_something() {
        let healthy = network(Standing::Usable(Some(Settings::default())));
        let ok = [INTERFACES, STRICT_ARP, ADDRESSES, REVERSE_PATH].map(|name| (name, Outcome::Ok));
        assert_eq!(lines(&healthy, Ok(&[])), ok);
        let own = (
            ObjectKey::new("default", "web"),
            vec!["10.0.0.1".parse().unwrap()],
        );
        assert!(lines(&healthy, Ok(&[own])).contains(&(ADDRESSES, Outcome::Failed)));
    }

    #[test]
    fn what_cannot_be_known_is_not_called_healthy() {
        let healthy = network(Standing::Usable(Some(Settings::default())));
        let unknown = lines(&healthy, Err("no kubeconfig"));
        assert!(
            unknown.contains(&(ADDRESSES, Outcome::NotChecked))
                && unknown.contains(&(STRICT_ARP, Outcome::Ok))
        );
        let blind = lines(&network(Standing::Usable(None)), Ok(&[]));
        assert!(blind.contains(&(STRICT_ARP, Outcome::NotChecked)));
    }

    #[test]
    fn a_node_without_interfaces_fails() {
        let down = network(Standing::Unusable(Obstacle::Down));
        assert_eq!(lines(&down, Ok(&[]))[0], (INTERFACES, Outcome::Failed));
    }
}
