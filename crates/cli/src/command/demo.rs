//! `ferrolb demo`: a whole cluster in private network namespaces.
//!
//! ```text
//!   control-plane   n1   n2   n3   client        five network stacks, one bridge, IPv4 and IPv6
//!   API server    speaker each    curl-like      the API server runs in this process, the others are processes
//!   controller                                   of their own, told where it is through their standard input
//! ```
//!
//! Namespaces live as long as this process, and the processes in them end with it, so nothing is left behind however
//! the demo ends.

mod cluster;
mod objects;
mod page;
mod process;
mod report;
mod segment;
mod steps;

use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use ferrolb_driver::Stopwatch;
use ferrolb_netio::namespace;
use ferrolb_types::IpFamily;

use self::cluster::Cluster;
use self::report::{Answer, Failover, Report, milliseconds};
use self::steps::Steps;
use super::process::{block_on, stop_on_signal};
use crate::args::{DemoArgs, Format};
use crate::output;

/// Exit status after SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;

pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    if !namespace::is_permitted() {
        namespace::enter_user_namespace()?;
    }
    block_on(async {
        let stop = stop_on_signal()?;
        match stop.run_until_cancelled(play(args)).await {
            Some(report) => {
                output::print_as(args.output, &report?, closing)?;
                Ok(ExitCode::SUCCESS)
            }
            None => {
                output::say("interrupted: the namespaces and processes of the demo are gone");
                Ok(ExitCode::from(INTERRUPTED))
            }
        }
    })
}

fn closing(report: &Report) -> String {
    let failover = report.failover.as_ref().map_or_else(String::new, |f| {
        format!(
            "\nThe speaker on {} was killed; {} took {} over after {:.0} ms.\n",
            f.from, f.to, f.address, f.milliseconds
        )
    });
    format!(
        "\n{}{failover}\nThis ran in private network namespaces, which are gone now.\n",
        report::table(report)
    )
}

async fn play(args: &DemoArgs) -> anyhow::Result<Report> {
    let mut steps = Steps::new(args.output == Format::Text);
    let manifests = objects::manifests(args.manifests.as_deref())?;
    let mut cluster = steps.run("build the network", async { cluster::build() }).await?;
    let outcome = show(&mut cluster, &mut steps, manifests, args.verbose).await;
    match outcome {
        Ok((answers, failover)) => Ok(Report {
            steps: steps.into_done(),
            answers,
            failover,
        }),
        Err(error) => {
            cluster.show_logs();
            Err(error)
        }
    }
}

async fn show(
    cluster: &mut Cluster,
    steps: &mut Steps,
    manifests: Vec<serde_json::Value>,
    verbose: bool,
) -> anyhow::Result<(Vec<Answer>, Option<Failover>)> {
    steps.run("start the processes", cluster.start(verbose)).await?;
    steps
        .run("apply examples/", async { cluster.apply(manifests) })
        .await?;
    let addresses = steps
        .run("the Service gets its addresses", cluster.wait_for_addresses())
        .await?;
    let mut answers = Vec::new();
    for address in addresses {
        let name = format!("the client asks who has {address}");
        let resolved = steps.run(&name, resolve(cluster, address)).await?;
        let name = format!("the client fetches http://{}/", host(address));
        answers.push(steps.run(&name, fetch(cluster, resolved)).await?);
    }
    let failover = match answers.first() {
        Some(answer) => {
            let name = format!("the speaker on {} is killed", answer.node);
            Some(steps.run(&name, fail_over(cluster, answer)).await?)
        }
        None => None,
    };
    Ok((answers, failover))
}

/// Kills the owner of an address, and waits until the client's kernel has heard of the new one.
async fn fail_over(cluster: &mut Cluster, answer: &Answer) -> anyhow::Result<(Failover, String)> {
    let address: IpAddr = answer.address.parse()?;
    let (client, old) = (Arc::clone(&cluster.client), answer.mac.parse()?);
    let watch = Stopwatch::start();
    cluster.kill_speaker(&answer.node)?;
    let look = move || Ok(client.neighbour_mac(address)?.filter(|mac| *mac != old));
    let mac = cluster.wait(look, "no other node took over").await?;
    let took = milliseconds(watch.elapsed());
    let to = cluster
        .node_with(mac)
        .with_context(|| format!("{mac} is no node's hardware address"))?;
    let client = Arc::clone(&cluster.client);
    let page = tokio::task::spawn_blocking(move || client.run(|| page::fetch(address))).await???;
    let detail = format!("{to} answers for {address} after {took:.0} ms: \"{page}\"");
    let failover = Failover {
        address: answer.address.clone(),
        from: answer.node.clone(),
        to: to.to_owned(),
        milliseconds: took,
        page,
    };
    Ok((failover, detail))
}

/// Has the client's kernel find out the hardware address.
async fn resolve(cluster: &Cluster, address: IpAddr) -> anyhow::Result<(Answer, String)> {
    let client = Arc::clone(&cluster.client);
    let watch = Stopwatch::start();
    let mac = cluster
        .wait(
            move || segment::ask_who_has(&client, address),
            "nobody answered for the address",
        )
        .await?;
    let took = watch.elapsed();
    let node = cluster
        .node_with(mac)
        .with_context(|| format!("{mac} is no node's hardware address"))?;
    let protocol = protocol_of(address);
    let answer = Answer {
        address: address.to_string(),
        protocol,
        mac: mac.to_string(),
        node: node.to_owned(),
        resolved_milliseconds: milliseconds(took),
        page: String::new(),
        fetched_milliseconds: 0.0,
    };
    let detail = format!("{protocol}: {mac}, which is {node}");
    Ok((answer, detail))
}

async fn fetch(cluster: &Cluster, mut answer: Answer) -> anyhow::Result<(Answer, String)> {
    let address: IpAddr = answer.address.parse()?;
    let client = Arc::clone(&cluster.client);
    let watch = Stopwatch::start();
    let page = tokio::task::spawn_blocking(move || client.run(|| page::fetch(address))).await???;
    answer.fetched_milliseconds = milliseconds(watch.elapsed());
    answer.page.clone_from(&page);
    Ok((answer, format!("\"{page}\"")))
}

fn protocol_of(address: IpAddr) -> &'static str {
    match IpFamily::of(address) {
        IpFamily::V4 => "ARP",
        IpFamily::V6 => "NDP",
    }
}

/// The address as a URL has it.
fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}
