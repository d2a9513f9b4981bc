//! Metrics in the text format of Prometheus.
//!
//! The only module that imports the `prometheus` crate. Names are emitted exactly as given, so that those of
//! `operations.md` 7.2 stay what dashboards and alerts expect.

mod client;
mod process;

use core::time::Duration;
use std::sync::Arc;

use prometheus::{
    Encoder, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, TextEncoder,
};

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
}

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
        self.register(name, IntGauge::new(name, help)).map(Gauge)
    }

    /// A counter without labels, at 0 from the start.
    ///
    /// # Errors
    /// When the name is malformed or taken.
    pub fn counter(&self, name: &str, help: &str) -> Result<Counter, Error> {
        self.register(name, IntCounter::new(name, help)).map(Counter)
    }

    /// A distribution of times in seconds, counted in buckets up to each of `bounds`, ascending.
    ///
    /// # Errors
    /// When the name is malformed or taken, or the bounds do not ascend.
    pub fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Result<Histogram, Error> {
        let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
        self.register(name, prometheus::Histogram::with_opts(options))
            .map(Histogram)
    }

    /// Gauges distinguished by `labels`; a series exists from its first use until it is removed.
    ///
    /// # Errors
    /// When the name or a label is malformed, or the name is taken.
    pub fn gauge_vec(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, Error> {
        self.register(name, IntGaugeVec::new(Opts::new(name, help), labels))
            .map(GaugeVec)
    }

    /// Counters distinguished by `labels`; a series exists from its first use until it is removed.
    ///
    /// # Errors
    /// When the name or a label is malformed, or the name is taken.
    pub fn counter_vec(&self, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, Error> {
        self.register(name, IntCounterVec::new(Opts::new(name, help), labels))
            .map(CounterVec)
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
        let mut bytes = Vec::new();
        // Writing to memory cannot fail; a family that the encoder refuses ends the text before it.
        if let Err(error) = TextEncoder::new().encode(&self.inner.gather(), &mut bytes) {
            tracing::error!(%error, bug = "true", "cannot encode metrics");
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn register<M>(&self, name: &str, metric: prometheus::Result<M>) -> Result<M, Error>
    where
        M: prometheus::core::Collector + Clone + 'static,
    {
        let metric = metric.map_err(|cause| named(name, &cause))?;
        let registered = self.inner.register(Box::new(metric.clone()));
        registered.map(|()| metric).map_err(|cause| named(name, &cause))
    }
}

fn named(name: &str, cause: &prometheus::Error) -> Error {
    Error {
        name: name.to_owned(),
        cause: cause.to_string(),
    }
}

/// A number that goes up and down.
#[derive(Clone, Debug)]
pub struct Gauge(IntGauge);

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: i64) {
        self.0.set(value);
    }

    /// Sets 1 for true and 0 for false, as `*_bool` gauges have it.
    pub fn set_bool(&self, value: bool) {
        self.0.set(i64::from(value));
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.get()
    }
}

/// A number that only goes up.
#[derive(Clone, Debug)]
pub struct Counter(IntCounter);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.0.inc();
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.inc_by(n);
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.get()
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

macro_rules! metric_vec {
    ($(#[$doc:meta])* $vec:ident, $one:ident, $inner:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $vec($inner);

        impl $vec {
            /// The series with these label values, made if absent.
            ///
            /// # Panics
            /// When the number of values is not the number of labels: a mistake in the program.
            #[must_use]
            pub fn with(&self, values: &[&str]) -> $one {
                $one(self.0.with_label_values(values))
            }

            /// Removes the series with these label values; nothing happens if it does not exist.
            pub fn remove(&self, values: &[&str]) {
                let _ = self.0.remove_label_values(values);
            }

            /// Removes all series.
            pub fn clear(&self) {
                self.0.reset();
            }
        }
    };
}

metric_vec! {
    /// Gauges by label values.
    GaugeVec, Gauge, IntGaugeVec
}
metric_vec! {
    /// Counters by label values.
    CounterVec, Counter, IntCounterVec
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
        let want = "# HELP x_in_use_total Help.\n# TYPE x_in_use_total gauge\nx_in_use_total{pool=\"a\"} 9223372036854776000\n";
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
