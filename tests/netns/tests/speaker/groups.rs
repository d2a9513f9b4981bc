//! More IPv6 addresses than the kernel is to have groups for, behind a switch that forwards only to members.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;
use std::time::Duration;

use anyhow::ensure;
use ferrolb_tests_netns::frame::{listener_query, reported_groups};
use ferrolb_tests_netns::kubernetes::{advertisement, pool, selecting, service};
use ferrolb_tests_netns::{Capture, Host, SegmentBuilder, in_private_network, wait};
use ferrolb_types::MacAddr;
use ferrolb_types::address::solicited_node_group;
use serde_json::json;

use crate::scene::Scene;

/// Addresses that the node holds beside its markers.
const HELD: u32 = 300;
/// The kernel's share, and some for what the host itself is a member of.
const MOST_IN_KERNEL: usize = 128 + 16;
/// As routers have it by default: ten times as long.
const RESPONSE_TIME: Duration = Duration::from_secs(1);

fn address(number: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits((0xfd79_u128 << 112) + 0x10_0000 + u128::from(number))
}

fn hold(scene: &Scene) -> anyhow::Result<()> {
    let spec = json!({ "ipAddressPools": ["many"], "nodeSelectors": selecting("n1") });
    scene.kubernetes.apply(pool("many", &["fd79::/96"]))?;
    scene.kubernetes.apply(advertisement("many", spec))?;
    for number in 0..HELD {
        let address = address(number).to_string();
        scene
            .kubernetes
            .apply_service(service(&format!("many-{number}")), &["n1"], &[&address])?;
    }
    Ok(())
}

fn groups_in_kernel(host: &Host) -> anyhow::Result<usize> {
    let text = host
        .namespace
        .run(|| std::fs::read_to_string("/proc/thread-self/net/igmp6"))??;
    Ok(text.lines().filter(|line| line.contains("eth0")).count())
}

/// Groups that `capture` heard `host` report after its first `before` frames.
fn reported_by(capture: &Capture, before: usize, host: &Host) -> BTreeSet<Ipv6Addr> {
    let mac = host.mac.octets();
    let reports = capture.select_after(before, |frame| {
        (frame[6..12] == mac).then(|| reported_groups(frame))
    });
    reports.into_iter().flat_map(|(_, groups)| groups).collect()
}

#[test]
fn a_snooping_switch_forwards_the_solicitations_for_hundreds_of_addresses_to_their_node_alone() {
    in_private_network(|| {
        let scene = Scene::build(SegmentBuilder::default().snooping(), &["n1", "n2"])?;
        scene
            .segment
            .wait_until_snooping("client", "n2", "fd79::ffff".parse()?)?;
        let other = Capture::start(scene.segment.host("n2"))?;
        hold(&scene)?;
        let node = scene.segment.host("n1");
        for number in 0..HELD {
            let by = scene.wait_for_answer(address(number).into())?;
            ensure!(by == node.mac, "{by} answers");
        }
        let in_kernel = groups_in_kernel(node)?;
        ensure!(in_kernel <= MOST_IN_KERNEL, "the kernel walks {in_kernel} groups");

        // They are forwarded because they were reported, not because the switch floods.
        let (before, last) = (other.len(), address(HELD - 1));
        let group = MacAddr::of_ipv6_multicast(solicited_node_group(last));
        scene.who_has(last.into())?;
        other.wait_for_mark(scene.client())?;
        let heard = other.select_after(before, |frame| (frame[0..6] == group.octets()).then_some(()));
        ensure!(
            heard.is_empty(),
            "a host that is no member hears {} solicitations",
            heard.len()
        );
        Ok(())
    });
}

#[test]
fn a_multicast_router_that_asks_is_told_all_groups() {
    in_private_network(|| {
        let scene = Scene::new(&["n1"])?;
        hold(&scene)?;
        scene.wait_for_answer(address(HELD - 1).into())?;
        let (client, node) = (scene.client(), scene.segment.host("n1"));
        let before = scene.heard.len();
        client.send_frame(&listener_query(client.mac, client.link_local, RESPONSE_TIME))?;
        wait::until("a report of every group", || {
            let reported = reported_by(&scene.heard, before, node);
            let missing =
                (0..HELD).find(|number| !reported.contains(&solicited_node_group(address(*number))));
            Ok(missing.is_none().then_some(()))
        })
    });
}
