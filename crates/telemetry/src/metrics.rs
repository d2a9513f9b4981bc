//! Metrics in the text format of Prometheus.
//!
//! The only module that imports the `prometheus` crate, for histograms, times and the process; counters and gauges, of which there
//! may be many, are its own (`family`). Names are emitted exactly as given, so that those of
//! `operations.md` 7.2 stay what dashboards and alerts expect.

mod client;
mod family;
mod process;

use core::sync::atomic::{AtomicI64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::{HistogramOpts, TextEncoder};

use family::{Family, Kind};

pub use client::ClientMetrics;

/// `Content-Type` of [`Registry::encode`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A metric that cannot be registered: its name or labels are malformed, or the name is taken. A mistake in the
/// program.
#[derive(Debug, thiserror::Error)]
#[error("cannot register metric `{name}`: {cause}")]
pub struct Error {
    /// The metric.
    pub name: String,
    /// The registry's reason.
    pub cause: String,
}

/// All metrics of a process. Clones are the same registry.
#[derive(Clone, Default)]
pub struct Registry {
    inner: Arc<prometheus::Registry>,
    names: Arc<Mutex<Names>>,
}

/// What has a name: a family, or something of the `prometheus` crate.
type Names = BTreeMap<String, Option<Arc<Family>>>;

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A gauge without labels, at 0 from the start.
    ///
    /// # Errors
    /// When the name is malformed or taken.
    pub fn gauge(&self, name: &str, help: &str) -> Result<Gauge, Error> {
        Ok(self.gauge_vec(name, help, &[])?.with(&[]))
    }

    /// A counter without labels, at 0 from the start.
    ///
    /// # Errors
    /// When the name is malformed or taken.
    pub fn counter(&self, name: &str, help: &str) -> Result<Counter, Error> {
        Ok(self.counter_vec(name, help, &[])?.with(&[]))
    }

    /// A distribution of times in seconds, counted in buckets up to each of `bounds`, ascending.
    ///
    /// # Errors
    /// When the name is malformed or taken, or the bounds do not ascend.
    pub fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Result<Histogram, Error> {
        let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
        let histogram = prometheus::Histogram::with_opts(options).map_err(|cause| named(name, &cause))?;
        self.take_name(name, None)?;
        let registered = self.inner.register(Box::new(histogram.clone()));
        registered
            .map(|()| Histogram(histogram))
            .map_err(|cause| named(name, &cause))
    }

    /// A time in seconds that replaces the one before it; 0 from the start.
    ///
    /// # Errors
    /// When the name is malformed or taken.
    pub fn time(&self, name: &str, help: &str) -> Result<Time, Error> {
        let gauge = prometheus::Gauge::new(name, help).map_err(|cause| named(name, &cause))?;
        self.take_name(name, None)?;
        let registered = self.inner.register(Box::new(gauge.clone()));
        registered
            .map(|()| Time(gauge))
            .map_err(|cause| named(name, &cause))
    }

    /// Gauges distinguished by `labels`; a series exists from its first use until it is removed.
    ///
    /// # Errors
    /// When the name or a label is malformed, or the name is taken.
    pub fn gauge_vec(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, Error> {
        self.add_family(name, help, Kind::Gauge, labels).map(GaugeVec)
    }

    /// Counters distinguished by `labels`; a series exists from its first use until it is removed.
    ///
    /// # Errors
    /// When the name or a label is malformed, or the name is taken.
    pub fn counter_vec(&self, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, Error> {
        self.add_family(name, help, Kind::Counter, labels).map(CounterVec)
    }

    /// Adds the `process_*` family, read from `/proc` at each scrape.
    ///
    /// # Errors
    /// When it was added before.
    pub fn add_process(&self) -> Result<(), Error> {
        let process = process::Process::new().map_err(|cause| named("process", &cause))?;
        self.inner
            .register(Box::new(process))
            .map_err(|cause| named("process", &cause))
    }

    /// All metrics in the text format, sorted by name.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let others = self.inner.gather();
        let mut others = others.iter().peekable();
        for (name, family) in &*self.names() {
            while let Some(other) = others.next_if(|other| other.name() < name.as_str()) {
                encode_other(other, &mut text);
            }
            if let Some(family) = family {
                family.write(&mut text);
            }
        }
        others.for_each(|other| encode_other(other, &mut text));
        text
    }

    fn add_family(&self, name: &str, help: &str, kind: Kind, labels: &[&str]) -> Result<Arc<Family>, Error> {
        let family = Family::new(name, help, kind, labels)
            .ok_or_else(|| named(name, &"the name or a label is malformed"))?;
        let family = Arc::new(family);
        self.take_name(name, Some(Arc::clone(&family)))?;
        Ok(family)
    }

    fn take_name(&self, name: &str, family: Option<Arc<Family>>) -> Result<(), Error> {
        let mut names = self.names();
        if names.contains_key(name) {
            return Err(named(name, &"the name is taken"));
        }
        names.insert(name.to_owned(), family);
        Ok(())
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode_other(family: &prometheus::proto::MetricFamily, text: &mut String) {
    // Writing to memory cannot fail; a family that the encoder refuses is left out.
    let one = core::slice::from_ref(family);
    if let Err(error) = TextEncoder::new().encode_utf8(one, text) {
        tracing::error!(%error, bug = "true", "cannot encode metrics");
    }
}

fn named(name: &str, cause: &dyn core::fmt::Display) -> Error {
    Error {
        name: name.to_owned(),
        cause: cause.to_string(),
    }
}

/// A number that goes up and down.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<AtomicI64>);

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Sets 1 for true and 0 for false, as `*_bool` gauges have it.
    pub fn set_bool(&self, value: bool) {
        self.set(i64::from(value));
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that only goes up.
#[derive(Clone, Debug)]
pub struct Counter(Arc<AtomicI64>);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0
            .fetch_add(i64::try_from(n).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed).unsigned_abs()
    }
}

/// A distribution of times.
#[derive(Clone, Debug)]
pub struct Histogram(prometheus::Histogram);

impl Histogram {
    /// Counts one time.
    pub fn observe(&self, time: Duration) {
        self.0.observe(time.as_secs_f64());
    }
}

/// A time, the latest of its kind.
#[derive(Clone, Debug)]
pub struct Time(prometheus::Gauge);

impl Time {
    /// Sets it.
    pub fn set(&self, time: Duration) {
        self.0.set(time.as_secs_f64());
    }
}

macro_rules! metric_vec {
    ($(#[$doc:meta])* $vec:ident, $one:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $vec(Arc<Family>);

        impl $vec {
            /// The series with these label values, made if absent.
            ///
            /// # Panics
            /// When the number of values is not the number of labels: a mistake in the program.
            #[must_use]
            pub fn with(&self, values: &[&str]) -> $one {
                $one(self.0.with(values))
            }

            /// Removes the series with these label values; nothing happens if it does not exist.
            pub fn remove(&self, values: &[&str]) {
                self.0.remove(values);
            }

            /// Removes all series.
            pub fn clear(&self) {
                self.0.clear();
            }
        }
    };
}

metric_vec! {
    /// Gauges by label values.
    GaugeVec, Gauge
}
metric_vec! {
    /// Counters by label values.
    CounterVec, Counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_emitted_verbatim_and_removed_series_disappear() {
        let registry = Registry::new();
        let gauges = registry
            .gauge_vec("x_in_use_total", "Help.", &["pool"])
            .expect("valid");
        gauges.with(&["a"]).set(i64::MAX);
        gauges.with(&["b"]).set(1);
        gauges.remove(&["b"]);
        gauges.remove(&["never"]);
        let want = "# HELP x_in_use_total Help.\n# TYPE x_in_use_total gauge\nx_in_use_total{pool=\"a\"} 9223372036854775807\n";
        assert_eq!(registry.encode(), want);
    }

    #[test]
    fn times_are_counted_in_buckets_of_seconds() {
        let registry = Registry::new();
        let histogram = registry
            .histogram("x_seconds", "Help.", &[0.001, 1.0])
            .expect("valid");
        histogram.observe(Duration::from_micros(500));
        histogram.observe(Duration::from_millis(20));
        let text = registry.encode();
        for line in [
            "x_seconds_bucket{le=\"0.001\"} 1",
            "x_seconds_bucket{le=\"1\"} 2",
            "x_seconds_count 2",
            "x_seconds_sum 0.0205",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(registry.histogram("y", "Help.", &[1.0, 1.0]).is_err());
    }

    #[test]
    fn a_name_is_registered_once() {
        let registry = Registry::new();
        registry.counter("x", "Help.").expect("free");
        let error = registry.counter("x", "Help.").expect_err("taken");
        assert_eq!(error.name, "x");
    }

    #[test]
    fn process_metrics_are_read_from_the_running_process() {
        let registry = Registry::new();
        registry.add_process().expect("first time");
        let text = registry.encode();
        for name in [
            "process_cpu_seconds_total",
            "process_max_fds",
            "process_open_fds",
            "process_resident_memory_bytes",
            "process_start_time_seconds",
            "process_threads",
            "process_virtual_memory_bytes",
        ] {
            let line = text.lines().find(|l| l.starts_with(&format!("{name} ")));
            let value: f64 = line.and_then(|l| l.split(' ').nth(1)?.parse().ok()).expect(name);
            assert!(
                value > 0.0 || name == "process_cpu_seconds_total",
                "{name} is {value}"
            );
        }
        assert!(registry.add_process().is_err());
    }
}
