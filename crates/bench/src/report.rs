//! What is printed: measurements on standard output, progress on standard error.

use std::fmt::{Arguments, Display};
use std::time::Duration;

use ferrolb_driver::clock::Stopwatch;

use crate::Distribution;

/// How long nothing may be heard of something that goes on.
const PERIOD: Duration = Duration::from_secs(2);

/// One measured thing, for people and for `xtask`.
pub fn measure(name: &str, value: impl Display, unit: &str) {
    println!("measure {name} {value:.3} {unit}");
}

/// A time in the unit of its budget.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// Up to a thousand of them.
    Microseconds,
    /// From one of them on.
    Milliseconds,
}

/// The times that budgets are about, and the whole distribution for people.
pub fn measure_all(name: &str, times: &Distribution, unit: Unit) {
    let (factor, word) = match unit {
        Unit::Microseconds => (1e6, "us"),
        Unit::Milliseconds => (1e3, "ms"),
    };
    let tell = |kind: &str, time: Duration| {
        measure(&format!("{name}-{kind}"), time.as_secs_f64() * factor, word);
    };
    say(format_args!("  {name}: {times}"));
    tell("p50", times.quantile(0.5));
    tell("p99", times.quantile(0.99));
    tell("mean", times.mean());
}

/// A line for whoever watches.
pub fn say(line: Arguments<'_>) {
    eprintln!("{line}");
}

/// Tells every two seconds how far something is.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    total: usize,
    told: Stopwatch,
}

impl Progress {
    /// Something of which there will be `total`.
    pub fn new(what: &'static str, total: usize) -> Self {
        Self {
            what,
            total,
            told: Stopwatch::start(),
        }
    }

    /// So many are there.
    pub fn at(&mut self, count: usize) {
        if self.told.elapsed() >= PERIOD {
            say(format_args!("  {count} of {} {}", self.total, self.what));
            self.told = Stopwatch::start();
        }
    }
}
