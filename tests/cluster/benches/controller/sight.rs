//! When Services got their addresses, as somebody sees it who watches them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, Result};
use ferrolb_api::core::Service;
use ferrolb_bench::report::Progress;
use ferrolb_driver::clock::Stopwatch;
use ferrolb_kube::watch::{Change, Options, watch};
use futures::StreamExt as _;

use crate::plain::Plain;

/// How long no Service may get an address while one is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Services that have an address.
pub(crate) struct Sight {
    reports: Receiver<(Arc<str>, Seen)>,
    seen: HashMap<Arc<str>, Seen>,
}

/// When somebody who watches saw a Service.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// For the first time.
    pub(crate) created: Duration,
    /// With an address.
    pub(crate) addressed: Duration,
}

impl Sight {
    /// Watches the Services of namespace `default`. All times are those of `clock`.
    pub(crate) fn open(plain: &Plain, clock: Stopwatch) -> Self {
        let (sender, reports) = channel();
        let mut changes = watch::<Service>(plain.client.clone(), Options::in_namespace("default".into()));
        plain.begin(async move {
            let mut pending = HashMap::new();
            while let Some(change) = changes.next().await {
                let Change::Applied(service) = change else {
                    continue;
                };
                let (service, now) = (service.observe(), clock.elapsed());
                let name = service.key.name;
                if service.ingress.is_empty() {
                    pending.entry(name).or_insert(now);
                    continue;
                }
                let created = pending.remove(&name).unwrap_or(now);
                let seen = Seen {
                    created,
                    addressed: now,
                };
                if sender.send((name, seen)).is_err() {
                    return;
                }
            }
        });
        Self {
            reports,
            seen: HashMap::new(),
        }
    }

    /// Waits until so many Services have or had an address.
    pub(crate) fn wait_for(&mut self, count: usize) -> Result<()> {
        let mut progress = Progress::new("Services have an address", count);
        self.take_all();
        while self.seen.len() < count {
            self.take()?;
            progress.at(self.seen.len());
        }
        Ok(())
    }

    /// Waits until this Service has an address; when it got it.
    pub(crate) fn wait_for_one(&mut self, name: &str) -> Result<Seen> {
        while !self.seen.contains_key(name) {
            self.take().with_context(|| format!("waiting for `{name}`"))?;
        }
        Ok(self.seen[name])
    }

    /// Waits until one more Service has an address; which, and when it got it.
    pub(crate) fn wait_for_another(&mut self) -> Result<(Arc<str>, Seen)> {
        let before = self.seen.len();
        loop {
            let report = self.take()?;
            if self.seen.len() > before {
                return Ok(report);
            }
        }
    }

    /// How many have or had an address.
    pub(crate) fn count(&mut self) -> usize {
        self.take_all();
        self.seen.len()
    }

    /// How long it took from the first to the last of those whose names begin like this, and how many they are.
    pub(crate) fn span(&mut self, prefix: &str) -> Option<(Duration, usize)> {
        self.take_all();
        let times: Vec<Duration> = self
            .seen
            .iter()
            .filter(|(name, _)| name.starts_with(prefix))
            .map(|(_, seen)| seen.addressed)
            .collect();
        let (first, last) = (times.iter().min()?, times.iter().max()?);
        Some((*last - *first, times.len()))
    }

    fn take(&mut self) -> Result<(Arc<str>, Seen)> {
        let report = self.reports.recv_timeout(PATIENCE);
        let (name, seen) =
            report.with_context(|| format!("no Service got an address within {PATIENCE:?}"))?;
        self.note(name.clone(), seen);
        Ok((name, seen))
    }

    fn take_all(&mut self) {
        while let Ok((name, seen)) = self.reports.try_recv() {
            self.note(name, seen);
        }
    }

    /// The first time counts; later reports are of other changes.
    fn note(&mut self, name: Arc<str>, seen: Seen) {
        self.seen.entry(name).or_insert(seen);
    }
}
