//! The budgets of the allocator: one event each, no writes.
//!
//! | Benchmark | Budget |
//! |---|---|
//! | `automatic` | 5 µs with a million addresses in use |
//! | `shared` | 10 µs with 10,000 addresses of one sharing group |
//! | `fill` | 0.5 s for the 65,536 Services of a /16, a quarter of that for a quarter |
//! | `release_wakes_one` | 100 µs with 10,000 waiting |
//! | `namespace_created` | no Service touched, among 10,000 |
//! | `restart` | 10,000 adopted, no write |

#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;

use divan::Bencher;
use ferrolb_api::facts::{Fence, ServiceFacts};
use ferrolb_api::resolved::Pool;
use ferrolb_ipam::{Effect, Engine, Event, Options, Pools};
use ferrolb_types::Instant;
use support::{With, labels, namespace, pool, service, tcp};

fn main() {
    divan::main();
}

fn feed(engine: &mut Engine, event: Event) -> Vec<Effect> {
    let mut out = Vec::new();
    engine.handle(Instant::ZERO, event, &mut out);
    out
}

fn engine(pools: &[Pool], services: impl IntoIterator<Item = ServiceFacts>) -> Engine {
    let mut engine = Engine::new(Options::default());
    let accepted = pools
        .iter()
        .map(|p| (p.name.clone(), Arc::new(p.clone())))
        .collect();
    let pools = Pools {
        accepted,
        ..Pools::default()
    };
    feed(&mut engine, Event::PoolsResolved(pools));
    feed(&mut engine, Event::Synced);
    for facts in services {
        feed(&mut engine, Event::ServiceApplied(Arc::new(facts)));
    }
    engine
}

fn numbered(n: u32) -> ServiceFacts {
    service(&format!("default/service-{n}"))
}

/// An automatic decision on a new Service, in a /8 of which this many addresses are in use.
#[divan::bench(args = [1_000, 100_000, 1_000_000], sample_count = 200, sample_size = 20)]
fn automatic(bencher: Bencher<'_, '_>, in_use: u32) {
    let mut engine = engine(&[pool("p", &["10.0.0.0/8"])], (0..in_use).map(numbered));
    let mut next = in_use;
    bencher
        .with_inputs(|| {
            next += 1;
            Event::ServiceApplied(Arc::new(numbered(next)))
        })
        .bench_local_values(|event| feed(&mut engine, event));
}

/// The same with a sharing key whose group already has this many addresses, on all of which the port is taken.
#[divan::bench(args = [100, 10_000], sample_count = 200, sample_size = 20)]
fn shared(bencher: Bencher<'_, '_>, addresses: u32) {
    let sharing = |n: u32| {
        let own = u16::try_from(1000 + n % 60_000).expect("below 61,000");
        numbered(n).sharing("k").ports(&[tcp(80), tcp(own)])
    };
    let mut engine = engine(&[pool("p", &["10.0.0.0/8"])], (0..addresses).map(sharing));
    let mut next = addresses;
    bencher
        .with_inputs(|| {
            next += 1;
            Event::ServiceApplied(Arc::new(sharing(next)))
        })
        .bench_local_values(|event| feed(&mut engine, event));
}

/// So many Services get addresses of a /16, from the first one to, in the end, the last one.
#[divan::bench(args = [16_384, 65_536], sample_count = 10, sample_size = 1)]
fn fill(bencher: Bencher<'_, '_>, services: u32) {
    bencher
        .with_inputs(|| {
            let events: Vec<Event> = (0..services)
                .map(|n| Event::ServiceApplied(Arc::new(numbered(n))))
                .collect();
            (engine(&[pool("p", &["10.0.0.0/16"])], []), events)
        })
        .bench_local_values(|(mut engine, events)| {
            for event in events {
                feed(&mut engine, event);
            }
            engine
        });
}

/// A pool without a free address, with this many waiting: one Service goes, the oldest of those who wait is served.
#[divan::bench(args = [1_000, 10_000], sample_count = 200, sample_size = 1)]
fn release_wakes_one(bencher: Bencher<'_, '_>, waiting: u32) {
    let mut engine = engine(&[pool("p", &["10.0.0.0/20"])], (0..4096 + waiting).map(numbered));
    let mut holders = 0..4096;
    bencher
        .with_inputs(|| {
            let holder = holders.next().expect("fewer samples than holders");
            Event::ServiceDeleted(numbered(holder).key)
        })
        .bench_local_values(|event| {
            let out = feed(&mut engine, event);
            assert_eq!(
                out.iter()
                    .filter(|effect| matches!(effect, Effect::WriteStatus(_)))
                    .count(),
                1
            );
        });
}

/// A Namespace appears among 10,000 Services, with a pool that selects Namespaces by label.
#[divan::bench(sample_count = 200, sample_size = 20)]
fn namespace_created(bencher: Bencher<'_, '_>) {
    let mut tiered = pool("q", &["10.1.0.0/16"]);
    tiered.allocation = Some(support::for_namespace_labels("tier", "x"));
    let mut engine = engine(&[pool("p", &["10.0.0.0/16"]), tiered], (0..10_000).map(numbered));
    let mut next = 0;
    bencher
        .with_inputs(|| {
            next += 1;
            let name = format!("namespace-{next}");
            Event::NamespaceApplied(namespace(&name, labels(&[("tier", "x")]), Fence::Open))
        })
        .bench_local_values(|event| {
            let out = feed(&mut engine, event);
            assert!(out.is_empty());
        });
}

/// A restart with 10,000 Services assigned: everything adopted, nothing written.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn restart(bencher: Bencher<'_, '_>) {
    let assigned = |n: u32| {
        let address = format!("10.0.{}.{}", n / 256, n % 256);
        numbered(n).status(&[&address]).with_pool("p")
    };
    bencher
        .with_inputs(|| {
            let mut events: Vec<Event> = (0..10_000)
                .map(|n| Event::ServiceApplied(Arc::new(assigned(n))))
                .collect();
            let pools = Pools {
                accepted: [("p".into(), Arc::new(pool("p", &["10.0.0.0/16"])))].into(),
                ..Pools::default()
            };
            events.extend([Event::PoolsResolved(pools), Event::Synced]);
            (Engine::new(Options::default()), events)
        })
        .bench_local_values(|(mut engine, events)| {
            for event in events {
                let out = feed(&mut engine, event);
                assert!(!out.iter().any(|effect| matches!(effect, Effect::WriteStatus(_))));
            }
            engine
        });
}
