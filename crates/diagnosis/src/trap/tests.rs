use super::*;
use crate::network::Obstacle;

fn interface(name: &str, addresses: &[&str], standing: Standing) -> Interface {
    Interface {
        name: name.into(),
        addresses: addresses.iter().map(|net| net.parse().unwrap()).collect(),
        standing,
    }
}

/// What `strictARP` sets, and with it everything else as by default.
const STRICT: Settings = Settings {
    arp_ignore: 1,
    arp_announce: 2,
    rp_filter: 0,
    drops_routed_clients: false,
};
/// As a kernel starts.
const LAX: Settings = Settings {
    arp_ignore: 0,
    arp_announce: 0,
    rp_filter: 0,
    drops_routed_clients: false,
};

fn eth0(settings: Settings) -> Interface {
    let addresses = ["10.0.0.1/24", "fd00::1/64"];
    interface("eth0", &addresses, Standing::Usable(Some(settings)))
}

fn other(name: &str, addresses: &[&str]) -> Interface {
    interface(name, addresses, Standing::Unusable(Obstacle::Excluded))
}

fn found(interfaces: &[Interface], services: &[(&str, &str)]) -> Vec<Trap> {
    let network = Network {
        node: "n1".into(),
        interfaces: interfaces.to_vec(),
    };
    let services: Vec<(ObjectKey, [IpAddr; 1])> = services
        .iter()
        .map(|(name, address)| (ObjectKey::new("default", *name), [address.parse().unwrap()]))
        .collect();
    traps(
        &network,
        services.iter().map(|(key, addresses)| (key, &addresses[..])),
    )
}

/// Reason words with the names of the Services that they are about, or `node`.
fn words(interfaces: &[Interface], services: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    let about = |trap: &Trap| match &trap.about {
        About::Node => "node".to_owned(),
        About::Service(key) => key.name.to_string(),
    };
    let found = found(interfaces, services);
    found
        .iter()
        .map(|trap| (trap.reason.word(), about(trap)))
        .collect()
}

const NOTHING: [(&str, String); 0] = [];

#[test]
fn a_healthy_node_has_no_traps() {
    let node = [
        eth0(LAX),
        other("lo", &["127.0.0.1/8"]),
        other("docker0", &["172.17.0.1/16"]),
    ];
    assert_eq!(
        words(&node, &[("web", "10.0.0.100"), ("v6", "fd00::100")]),
        NOTHING
    );
}

#[test]
fn ipvs_without_strict_arp_is_a_trap_of_the_node_before_there_is_any_service() {
    let proxy = other("kube-ipvs0", &["10.96.0.1/32"]);
    assert_eq!(
        words(&[eth0(LAX), proxy.clone()], &[]),
        [("StrictArpMissing", "node".into())]
    );
    assert_eq!(words(&[eth0(STRICT), proxy], &[]), NOTHING);
}

#[test]
fn half_of_strict_arp_is_not_enough() {
    let proxy = other("kube-ipvs0", &["10.0.0.100/32"]);
    for (arp_ignore, arp_announce, is_trap) in [
        (1, 2, false),
        (2, 2, false),
        (8, 2, false),
        (0, 2, true),
        (1, 0, true),
        (1, 1, true),
        (3, 2, true),
    ] {
        let settings = Settings {
            arp_ignore,
            arp_announce,
            ..LAX
        };
        let found = found(&[eth0(settings), proxy.clone()], &[("web", "10.0.0.100")]);
        assert_eq!(!found.is_empty(), is_trap, "{settings:?}: {found:?}");
    }
}

#[test]
fn what_the_proxy_holds_is_one_trap_however_many_services_there_are() {
    let proxy = other("kube-ipvs0", &["10.0.0.100/32", "10.0.0.101/32"]);
    let found = found(&[eth0(LAX), proxy], &[("a", "10.0.0.100"), ("b", "10.0.0.101")]);
    let [trap] = &found[..] else { panic!("{found:?}") };
    assert!(
        trap.message
            .contains("2 addresses of Services on `kube-ipvs0` of node \"n1\""),
        "{}",
        trap.message
    );
    assert!(
        trap.message.contains("on `eth0` (arp_ignore 0, arp_announce 0)"),
        "{}",
        trap.message
    );
}

#[test]
fn an_address_on_the_loopback_is_answered_for_on_every_interface_unless_arp_ignore_says_no() {
    let lo = other("lo", &["10.0.0.100/32"]);
    let services = [("web", "10.0.0.100"), ("elsewhere", "10.0.0.101")];
    let trap = &found(&[eth0(LAX), lo.clone()], &services)[0];
    assert_eq!(trap.about, About::Service(ObjectKey::new("default", "web")));
    assert_eq!(
        trap.message,
        "10.0.0.100 is on interface `lo` of node \"n1\", whose kernel answers for it on `eth0` whoever owns it; remove it \
         there, or set `net.ipv4.conf.all.arp_ignore` to 1 and `arp_announce` to 2"
    );
    assert_eq!(words(&[eth0(STRICT), lo], &services), NOTHING);
}

#[test]
fn an_address_on_the_announcing_interface_itself_is_answered_for_whatever_strict_arp_says() {
    let services = [("web", "10.0.0.1"), ("v6", "fd00::1")];
    let expected = [("AddressOnNode", "web".into()), ("AddressOnNode", "v6".into())];
    assert_eq!(words(&[eth0(STRICT)], &services), expected);
    let silent = Settings {
        arp_ignore: 8,
        ..STRICT
    };
    assert_eq!(words(&[eth0(silent)], &services), expected[1..]);
}

#[test]
fn an_ipv6_address_on_another_interface_is_not_answered_for() {
    let node = [eth0(LAX), other("lo", &["fd00::100/128"])];
    assert_eq!(words(&node, &[("v6", "fd00::100")]), NOTHING);
}

#[test]
fn settings_that_cannot_be_read_are_no_trap() {
    let node = [
        interface("eth0", &["10.0.0.1/24"], Standing::Usable(None)),
        other("kube-ipvs0", &["10.0.0.100/32"]),
    ];
    assert_eq!(words(&node, &[("web", "10.0.0.100")]), NOTHING);
}

#[test]
fn strict_reverse_path_filtering_is_a_trap_where_it_drops_and_an_address_is_concerned() {
    let eth1 = |rp_filter, drops_routed_clients| {
        let settings = Settings {
            rp_filter,
            drops_routed_clients,
            ..LAX
        };
        interface("eth1", &["10.1.0.1/24"], Standing::Usable(Some(settings)))
    };
    let concerned = [("web", "10.1.0.100")];
    let expected = [("ReversePathFilter", "node".into())];
    assert_eq!(words(&[eth0(LAX), eth1(1, true)], &concerned), expected);
    assert_eq!(words(&[eth0(LAX), eth1(2, true)], &concerned), NOTHING, "loose");
    assert_eq!(
        words(&[eth0(LAX), eth1(1, false)], &concerned),
        NOTHING,
        "answered the same way"
    );
    let elsewhere = [("web", "10.0.0.100"), ("v6", "fd00::100")];
    assert_eq!(words(&[eth0(LAX), eth1(1, true)], &elsewhere), NOTHING);
}

#[test]
fn a_node_that_can_announce_nowhere_says_why() {
    let node = [
        interface("eth0", &[], Standing::Unusable(Obstacle::NoCarrier)),
        interface("eth1", &[], Standing::Unusable(Obstacle::Member)),
        other("docker0", &[]),
    ];
    let found = found(&node, &[]);
    let [trap] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (trap.reason.word(), &trap.about),
        ("NoUsableInterface", &About::Node)
    );
    let why = "`eth0` has no carrier, `eth1` is a part of a bridge, bond or VRF, `docker0` is excluded";
    assert!(trap.message.contains(why), "{}", trap.message);
    assert_eq!(words(&[], &[]), [("NoUsableInterface", "node".into())]);
}

#[test]
fn messages_and_their_number_are_bounded() {
    let names: Vec<String> = (0..300).map(|n| format!("cali{n}")).collect();
    let many: Vec<Interface> = names.iter().map(|name| other(name, &[])).collect();
    let message = &found(&many, &[])[0].message;
    assert!(message.contains("`cali7` is excluded, 292 more"), "{message}");

    let addresses: Vec<String> = (1..=200).map(|n| format!("10.9.0.{n}")).collect();
    let nets: Vec<String> = addresses.iter().map(|a| format!("{a}/32")).collect();
    let lo = other("lo", &nets.iter().map(String::as_str).collect::<Vec<_>>());
    let services: Vec<(&str, &str)> = addresses.iter().map(|a| (&**a, &**a)).collect();
    assert_eq!(found(&[eth0(LAX), lo], &services).len(), SERVICES_MAX);
}
