//! `ferrolb speaker`.

use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use ferrolb_driver::clock;
use ferrolb_kube::Client;
use ferrolb_netio::capability::{self, Capability};
use ferrolb_speaker::{Config, ConflictProbe, ExcludedInterfaces, Layer2Config, OnIsolation, Speaker};
use ferrolb_telemetry::log::Format;
use ferrolb_types::InterfaceName;

use super::process::{Component, HealthFrom, Process, block_on, warn_unused};
use crate::args::{ConflictProbe as ProbeArg, OnIsolation as IsolationArg, SpeakerArgs, SpeakerOptions};

/// How logs, metrics and state name it.
pub(super) const NAME: &str = "speaker";

pub(crate) fn run(args: &SpeakerArgs) -> anyhow::Result<ExitCode> {
    args.unused.check(args.process.bgp_mode()?)?;
    let _usable = args.options.ring.config()?;
    capability::keep_only(&[Capability::NetRaw]).context("cannot drop privileges")?;
    block_on(async {
        let process = Process::start(NAME, &args.process, Format::Json)?;
        warn_unused(&args.unused.given());
        let client = Process::connect(NAME, &args.process).await?;
        let speaker = set_up(&process, client, &args.process.lb_class, &args.options, &[])?;
        process
            .serve_admin(&args.process, HealthFrom::Loopback, vec![component(&speaker)])
            .await?;
        speaker.run(process.shutdown.clone()).await?;
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn set_up(
    process: &Process,
    client: Client,
    class: &str,
    options: &SpeakerOptions,
    interfaces: &[String],
) -> anyhow::Result<Speaker> {
    let node = options.node_name.as_deref().filter(|n| !n.is_empty());
    let node = node.context("the node's name is unknown: use `--node-name` or set `METALLB_NODE_NAME`")?;
    let config = Config {
        namespace: process.namespace.clone(),
        bgp_mode: process.bgp_mode,
        pod: process.pod.clone(),
        node: node.into(),
        class: class.into(),
        ignore_exclude_lb: options.ignore_exclude_lb,
        interfaces: interfaces
            .iter()
            .map(|name| InterfaceName::from(name.as_str()))
            .collect(),
        excluded: ExcludedInterfaces::read(&options.exclude_interfaces_file)?,
        layer2: layer2(options),
        ring: options.ring.config()?,
        isolation: match options.isolation {
            IsolationArg::Continue => OnIsolation::Continue,
            IsolationArg::Stop => OnIsolation::Stop,
        },
        seed: seed(node),
    };
    Speaker::new(config, client, &process.registry, process.client_metrics.clone())
}

fn layer2(options: &SpeakerOptions) -> Layer2Config {
    let interval = Duration::from_secs(options.announce_refresh.into());
    Layer2Config {
        refresh_interval: (!interval.is_zero()).then_some(interval),
        conflict_probe: match options.conflict_probe {
            ProbeArg::Off => ConflictProbe::Off,
            ProbeArg::Fast => ConflictProbe::Fast,
            ProbeArg::Rfc => ConflictProbe::Rfc,
        },
        ..Layer2Config::default()
    }
}

/// Spreads the refreshes of nodes that started together: FNV-1a of the name, with the time mixed in.
fn seed(node: &str) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let time = clock::wall().duration_since(UNIX_EPOCH).unwrap_or_default();
    node.bytes()
        .fold(0xcbf2_9ce4_8422_2325 ^ u64::from(time.subsec_nanos()), fold)
}

pub(super) fn component(speaker: &Speaker) -> Component {
    Component {
        name: NAME,
        readiness: speaker.readiness(),
        state: Some(speaker.state()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn parsed(flags: &[&str]) -> SpeakerArgs {
        let argv = ["ferrolb", "speaker"].iter().chain(flags);
        match Cli::try_parse_from(argv).expect("valid flags").command {
            Command::Speaker(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn announce_refresh_is_in_seconds_on_by_default_and_off_with_zero() {
        let interval = |flags: &[&str]| layer2(&parsed(flags).options).refresh_interval;
        assert_eq!(interval(&[]), Some(Duration::from_secs(30)));
        assert_eq!(interval(&["--announce-refresh=5"]), Some(Duration::from_secs(5)));
        assert_eq!(interval(&["--announce-refresh=0"]), None);
    }
}
