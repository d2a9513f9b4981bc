//! A host that asks for everything, all the time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::ensure;
use ferrolb_netio::{EtherProtocol, Filter};
use ferrolb_tests_netns::frame::{Arp, Solicitation};
use ferrolb_tests_netns::heard::Said;
use ferrolb_tests_netns::kubernetes::{advertisement, pool, service};
use ferrolb_tests_netns::{Host, cpu, in_private_network, storm, wait};
use ferrolb_types::IpFamily;
use serde_json::json;

use crate::scene::Scene;

/// Addresses of each family that the node holds, every third of a pool.
const HELD: u32 = 100;
/// Of a burst.
const ROUNDS: usize = 8;
/// The rate that issue and design name, and for how long.
const QUESTIONS_PER_SECOND: u32 = 100_000;
const STORM: Duration = Duration::from_millis(1_500);
/// One question of so many is for a held address.
const OURS: u32 = 100;
/// A tenth of a core at the full rate.
const CPU_PER_QUESTION: Duration = Duration::from_micros(1);
/// The tick of the processor times, twice.
const TICKS: Duration = Duration::from_millis(20);

fn address(family: IpFamily, number: u32) -> IpAddr {
    match family {
        IpFamily::V4 => Ipv4Addr::from_bits(0x0a4e_0000 + number).into(),
        IpFamily::V6 => Ipv6Addr::from_bits((0xfd78_u128 << 112) + u128::from(number)).into(),
    }
}

const fn held(number: u32) -> u32 {
    3 * number + 1
}

/// Services with an address of both families each, announced to the end of their bursts.
fn hold(scene: &Scene) -> anyhow::Result<()> {
    scene
        .kubernetes
        .apply(pool("many", &["10.78.0.0/16", "fd78::/112"]))?;
    scene
        .kubernetes
        .apply(advertisement("many", json!({ "ipAddressPools": ["many"] })))?;
    for number in 0..HELD {
        let addresses = [IpFamily::V4, IpFamily::V6].map(|family| address(family, held(number)).to_string());
        scene.kubernetes.apply_service(
            service(&format!("many-{number}")),
            &["n1"],
            &addresses.each_ref().map(String::as_str),
        )?;
    }
    wait::until("the end of all bursts", || {
        let rounds = scene.heard.select(|frame| {
            Said::from_bytes(frame).filter(|said| is_ours(said.address) && said.begins_round())
        });
        Ok((rounds.len() >= 2 * ROUNDS * HELD as usize).then_some(()))
    })
}

fn is_ours(address: IpAddr) -> bool {
    let family = IpFamily::of(address);
    (0..HELD).any(|number| self::address(family, held(number)) == address)
}

fn question(client: &Host, target: IpAddr) -> Vec<u8> {
    match target {
        IpAddr::V4(v4) => Arp::request(client.mac, client.ipv4, v4).to_bytes(),
        IpAddr::V6(v6) => Solicitation::multicast(client.mac, client.link_local, v6).to_bytes(),
    }
}

/// Nobody's addresses, among them those between two held ones.
fn foreign(client: &Host, family: IpFamily) -> Vec<Vec<u8>> {
    let numbers = (0..3 * HELD + 500).filter(|number| number % 3 != 1 || *number > held(HELD - 1));
    numbers
        .map(|number| question(client, address(family, number)))
        .collect()
}

fn storm(scene: &Scene, family: IpFamily) -> anyhow::Result<()> {
    let client = scene.client();
    let ours: Vec<_> = (0..HELD)
        .map(|number| question(client, address(family, held(number))))
        .collect();
    let foreign = foreign(client, family);
    let socket = client.packet_socket(EtherProtocol::All, &Filter::nothing())?;
    let count = (STORM.as_secs_f64() * f64::from(QUESTIONS_PER_SECOND)) as u32;
    let heard = scene.heard.len();

    let before = cpu::threads_named("layer2")?;
    let sent = storm::send(&socket, count, QUESTIONS_PER_SECOND, |number| {
        let at = number as usize;
        match number % OURS {
            0 => &ours[at / OURS as usize % ours.len()],
            _ => &foreign[at % foreign.len()],
        }
    })?;
    let asked = (count / OURS) as usize;
    let answers = || {
        let answers = scene.heard.select_after(heard, Said::from_bytes);
        answers
            .into_iter()
            .filter(|(_, said)| !said.is_gratuitous())
            .count()
    };
    wait::until("an answer to each question for a held address", || {
        Ok((answers() >= asked).then_some(()))
    })?;
    let used = cpu::used(&before, &cpu::threads_named("layer2")?);

    println!(
        "{family}: {:.0} questions/s for {:?}, of which 1 in {OURS} for one of {HELD} held addresses: {used:?} of \
         processor time, {} of {asked} answered",
        sent.per_second(),
        sent.took,
        answers(),
    );
    ensure!(
        used <= CPU_PER_QUESTION * count + TICKS,
        "{family}: {count} questions cost {used:?}"
    );
    ensure!(
        answers() == asked,
        "{family}: {} answers to {asked} questions",
        answers()
    );
    Ok(())
}

#[test]
fn a_storm_of_questions_for_foreign_addresses_costs_little_and_no_other_question_is_lost() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        hold(&scene)?;
        storm(&scene, IpFamily::V4)?;
        storm(&scene, IpFamily::V6)
    });
}
