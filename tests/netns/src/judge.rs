//! Others that know nothing of this project and find out who answers: programs, and the kernel of a host.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::process::{Command, Output};

use anyhow::{Context, ensure};
use ferrolb_types::MacAddr;

use crate::capture::Capture;
use crate::heard::answer_of;
use crate::segment::{Host, INTERFACE};
use crate::{process, wait};

/// Who answers Debian's `arping` for `address`, asked on the host's `eth0`; none for silence.
///
/// # Errors
/// That two hosts answer, or what is wrong with the program.
pub fn arping(host: &Host, address: Ipv4Addr) -> anyhow::Result<Option<MacAddr>> {
    run_arping(host, address, &[])
}

/// The same by probes, which come from nobody's address: what `arping -D` of other packages does before it takes one.
///
/// # Errors
/// As [`arping`].
pub fn arping_probe(host: &Host, address: Ipv4Addr) -> anyhow::Result<Option<MacAddr>> {
    run_arping(host, address, &["-0"])
}

fn run_arping(host: &Host, address: Ipv4Addr, options: &[&str]) -> anyhow::Result<Option<MacAddr>> {
    let mut command = Command::new("arping");
    // A second question gives a second host time to speak.
    command.args(["-r", "-c", "2", "-W", "0.2", "-w", "2", "-i", INTERFACE]);
    command.args(options);
    let output = process::run(&host.namespace, command.arg(address.to_string()))?;
    let answers = hardware_addresses(&output).with_context(|| format!("{output:?}"))?;
    ensure!(output.status.success() != answers.is_empty(), "{output:?}");
    the_only_one(answers)
}

/// Each line is one.
fn hardware_addresses(output: &Output) -> anyhow::Result<Vec<MacAddr>> {
    let text = std::str::from_utf8(&output.stdout)?;
    let lines = text.lines().map(|line| Ok(line.trim().parse()?));
    lines.collect()
}

/// Who answers a multicast solicitation that `ndisc6` sends from the host's `eth0`; none for silence.
///
/// The program asks and a capture listens, because the program itself hears no answer for a global address whose sender
/// is a link-local one, not even that of a kernel with `proxy_ndp`: it compares the scope identifiers of both.
///
/// # Errors
/// As [`arping`].
pub fn ndisc6(host: &Host, address: Ipv6Addr) -> anyhow::Result<Option<MacAddr>> {
    /// "No response", and the time is up.
    const SILENCE: i32 = 2;
    let heard = Capture::start(host)?;
    let mut command = Command::new("ndisc6");
    command.args(["-q", "-m", "-r", "1", "-w", "300"]);
    let output = process::run(&host.namespace, command.args([&address.to_string(), INTERFACE]))?;
    ensure!(matches!(output.status.code(), Some(0 | SILENCE)), "{output:?}");
    let answers = heard.select(answer_of(address.into(), host.mac));
    the_only_one(answers.into_iter().map(|(_, said)| said.mac).collect())
}

fn the_only_one(mut answers: Vec<MacAddr>) -> anyhow::Result<Option<MacAddr>> {
    answers.dedup();
    ensure!(answers.len() < 2, "more than one host answers: {answers:?}");
    Ok(answers.pop())
}

/// [`arping`] or [`ndisc6`].
///
/// # Errors
/// As [`arping`].
pub fn who_has(host: &Host, address: IpAddr) -> anyhow::Result<Option<MacAddr>> {
    match address {
        IpAddr::V4(v4) => arping(host, v4),
        IpAddr::V6(v6) => ndisc6(host, v6),
    }
}

/// Has the host's kernel resolve `address` anew, for a datagram that nobody needs; returns who it believes.
///
/// # Errors
/// That nobody answers in time.
pub fn kernel(host: &Host, address: IpAddr) -> anyhow::Result<MacAddr> {
    host.namespace.forget_neighbour(INTERFACE, address)?;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let send = || UdpSocket::bind(any)?.send_to(b"?", (address, 9));
    host.namespace.run(send)??;
    wait::until(&format!("the kernel to resolve {address}"), || {
        let neighbours = host.namespace.neighbours()?;
        let known = neighbours
            .into_iter()
            .find(|n| n.address == address && n.reachable);
        Ok(known.and_then(|n| n.mac))
    })
}
