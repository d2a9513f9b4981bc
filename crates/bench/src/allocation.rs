//! The allocator alone: no process, no API server.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ferrolb_api::core::Service;
use ferrolb_api::facts::ServiceFacts;
use ferrolb_api::resolved::{AddressEntry, Pool};
use ferrolb_driver::clock::Stopwatch;
use ferrolb_ipam::{Effect, Engine, Event, Options, Pools};
use ferrolb_types::{Instant, Labels, ObjectKey};

use crate::report::{Progress, Unit, measure_all};
use crate::{Distribution, objects};

const IN_USE: u32 = 1_000_000;
const DECISIONS: u32 = 100_000;

/// One new Service after another gets an address of a /8 of which a million addresses are in use.
pub(crate) fn decides_with_a_million_addresses_in_use() -> Result<()> {
    let template: Service = serde_json::from_value(objects::service("template"))?;
    let template = template.observe();
    let mut engine = engine()?;
    let mut progress = Progress::new("addresses in use", IN_USE as usize);
    for number in 0..IN_USE {
        decide(&mut engine, numbered(&template, number))?;
        progress.at(number as usize);
    }
    let times = (IN_USE..IN_USE + DECISIONS).map(|number| decide(&mut engine, numbered(&template, number)));
    let times = Distribution::of(times.collect::<Result<_>>()?).context("no decision was made")?;
    measure_all("ipam/allocate", &times, Unit::Microseconds);
    Ok(())
}

fn engine() -> Result<Engine> {
    let pool = Pool {
        name: "large".into(),
        labels: Labels::default(),
        entries: vec![AddressEntry {
            text: "10.0.0.0/8".into(),
            prefixes: vec!["10.0.0.0/8".parse()?],
        }],
        auto_assign: true,
        avoid_buggy_ips: false,
        allocation: None,
        release_delay: core::time::Duration::ZERO,
        max_per_namespace: None,
    };
    let pools = Pools {
        accepted: [(pool.name.clone(), Arc::new(pool))].into(),
        ..Pools::default()
    };
    let mut engine = Engine::new(Options::default());
    let mut out = Vec::new();
    engine.handle(Instant::ZERO, Event::PoolsResolved(pools), &mut out);
    engine.handle(Instant::ZERO, Event::Synced, &mut out);
    Ok(engine)
}

/// How long one decision takes; it must be one.
fn decide(engine: &mut Engine, event: Event) -> Result<Duration> {
    let mut out = Vec::with_capacity(4);
    let stopwatch = Stopwatch::start();
    engine.handle(Instant::ZERO, event, &mut out);
    let time = stopwatch.elapsed();
    let assigned = out
        .iter()
        .any(|effect| matches!(effect, Effect::WriteStatus(write) if write.addresses.len() == 1));
    ensure!(assigned, "a Service got no address: {out:?}");
    Ok(time)
}

fn numbered(template: &ServiceFacts, number: u32) -> Event {
    let mut facts = template.clone();
    facts.key = ObjectKey::new(objects::NAMESPACE, objects::name(number));
    facts.uid = format!("uid-{number}").into();
    facts.cluster_ips = vec!["10.96.0.1".into()];
    Event::ServiceApplied(Arc::new(facts))
}
