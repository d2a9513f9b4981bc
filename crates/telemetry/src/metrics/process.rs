//! The `process_*` family of Prometheus client libraries, from `/proc/self`.

use std::fs;
use std::sync::Mutex;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge};

/// Unit of times in `/proc/self/stat`: `USER_HZ`, 100 on every architecture that Linux still supports but Alpha.
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) struct Process {
    /// Held while `cpu_seconds` catches up: two scrapes at a time must not both add the same difference.
    scrape: Mutex<()>,
    cpu_seconds: Counter,
    open_fds: Gauge,
    max_fds: Gauge,
    resident_bytes: Gauge,
    virtual_bytes: Gauge,
    start_time: Gauge,
    threads: Gauge,
}

impl Process {
    pub(super) fn new() -> prometheus::Result<Self> {
        let process = Self {
            scrape: Mutex::new(()),
            cpu_seconds: Counter::new(
                "process_cpu_seconds_total",
                "Total user and system CPU time spent in seconds.",
            )?,
            open_fds: Gauge::new("process_open_fds", "Number of open file descriptors.")?,
            max_fds: Gauge::new("process_max_fds", "Maximum number of open file descriptors.")?,
            resident_bytes: Gauge::new("process_resident_memory_bytes", "Resident memory size in bytes.")?,
            virtual_bytes: Gauge::new("process_virtual_memory_bytes", "Virtual memory size in bytes.")?,
            start_time: Gauge::new(
                "process_start_time_seconds",
                "Start time of the process since unix epoch in seconds.",
            )?,
            threads: Gauge::new("process_threads", "Number of OS threads in the process.")?,
        };
        process.start_time.set(start_time().unwrap_or_default());
        Ok(process)
    }

    fn refresh(&self) {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kib = |key| field(&status, key).unwrap_or_default() * 1024.0;
        self.resident_bytes.set(kib("VmRSS:"));
        self.virtual_bytes.set(kib("VmSize:"));
        self.threads.set(field(&status, "Threads:").unwrap_or_default());
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        self.max_fds
            .set(field(&limits, "Max open files").unwrap_or_default());
        self.open_fds
            .set(fs::read_dir("/proc/self/fd").map_or(0.0, |dir| dir.count() as f64));
        let _only_one = self.scrape.lock();
        let used = stat_ticks(&[UTIME, STIME]).unwrap_or_default() / TICKS_PER_SECOND;
        self.cpu_seconds.inc_by((used - self.cpu_seconds.get()).max(0.0));
    }

    fn parts(&self) -> [&dyn Collector; 7] {
        [
            &self.cpu_seconds,
            &self.open_fds,
            &self.max_fds,
            &self.resident_bytes,
            &self.virtual_bytes,
            &self.start_time,
            &self.threads,
        ]
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.parts().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.refresh();
        self.parts().into_iter().flat_map(Collector::collect).collect()
    }
}

/// The first number behind `key` at the start of a line.
fn field(text: &str, key: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Positions in `/proc/self/stat`, counted from the state, which follows the command's name in parentheses
/// (proc(5) fields 14, 15 and 22).
const UTIME: usize = 11;
const STIME: usize = 12;
const STARTTIME: usize = 19;

/// The sum of these fields.
fn stat_ticks(fields: &[usize]) -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name may hold blanks and parentheses itself.
    let (_, rest) = stat.rsplit_once(") ")?;
    let values: Vec<&str> = rest.split(' ').collect();
    fields.iter().map(|&i| values.get(i)?.parse::<f64>().ok()).sum()
}

/// Seconds since 1970: boot time and ticks since then.
fn start_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    Some(field(&stat, "btime ")? + stat_ticks(&[STARTTIME])? / TICKS_PER_SECOND)
}
