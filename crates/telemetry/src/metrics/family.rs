//! Counters and gauges, each series in the octets that it needs: a speaker has six for each of its addresses.
//!
//! The `prometheus` crate keeps a kilobyte for a series with four labels, their names included, and copies all of them at
//! each scrape. Here a series is its label values and one number, and is written straight into the text.

use core::fmt::Write as _;
use core::sync::atomic::{AtomicI64, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
}

/// All series of one name.
#[derive(Debug)]
pub(super) struct Family {
    name: Box<str>,
    help: Box<str>,
    kind: Kind,
    /// Each with its place among the values of [`Family::with`]; by name, as they are written.
    labels: Box<[(Box<str>, usize)]>,
    /// By their label values in the form of the text, like `pool="a"`; without labels, by nothing.
    series: Mutex<BTreeMap<Box<str>, Arc<AtomicI64>>>,
}

impl Family {
    /// None when the name or a label is malformed.
    pub(super) fn new(name: &str, help: &str, kind: Kind, labels: &[&str]) -> Option<Self> {
        let mut sorted: Vec<(Box<str>, usize)> = labels.iter().map(|&label| label.into()).zip(0..).collect();
        sorted.sort_unstable();
        let is_valid = is_name(name, true) && labels.iter().all(|label| is_name(label, false));
        is_valid.then(|| Self {
            name: name.into(),
            help: help.into(),
            kind,
            labels: sorted.into(),
            series: Mutex::default(),
        })
    }

    /// The number of the series with these label values, made if absent.
    ///
    /// # Panics
    /// When the number of values is not the number of labels: a mistake in the program.
    pub(super) fn with(&self, values: &[&str]) -> Arc<AtomicI64> {
        let key = self.key(values);
        let mut series = self.locked();
        if let Some(number) = series.get(key.as_str()) {
            return Arc::clone(number);
        }
        Arc::clone(series.entry(key.into()).or_default())
    }

    pub(super) fn remove(&self, values: &[&str]) {
        self.locked().remove(self.key(values).as_str());
    }

    pub(super) fn clear(&self) {
        self.locked().clear();
    }

    fn key(&self, values: &[&str]) -> String {
        assert_eq!(values.len(), self.labels.len(), "label values of `{}`", self.name);
        let mut key = String::new();
        for (label, place) in &self.labels {
            if !key.is_empty() {
                key.push(',');
            }
            key.push_str(label);
            key.push_str("=\"");
            push_escaped(&mut key, values[*place], true);
            key.push('"');
        }
        key
    }

    /// Appends the family in the text format; nothing while it has no series.
    pub(super) fn write(&self, text: &mut String) {
        let series = self.locked();
        if series.is_empty() {
            return;
        }
        let (name, kind) = (
            &self.name,
            match self.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
            },
        );
        let _ = write!(text, "# HELP {name} ");
        push_escaped(text, &self.help, false);
        let _ = writeln!(text, "\n# TYPE {name} {kind}");
        for (key, number) in &*series {
            let number = number.load(Ordering::Relaxed);
            // Writing to memory cannot fail.
            let _ = match &**key {
                "" => writeln!(text, "{name} {number}"),
                key => writeln!(text, "{name}{{{key}}} {number}"),
            };
        }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Arc<AtomicI64>>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Metric names may have colons, label names not.
fn is_name(text: &str, is_metric: bool) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || (is_metric && c == ':');
    text.chars().all(fits) && text.starts_with(|c: char| !c.is_ascii_digit())
}

fn push_escaped(text: &mut String, value: &str, is_quoted: bool) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if is_quoted => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_escapes_what_would_end_a_value_or_a_line() {
        let family =
            Family::new("x_total", "a \"b\" \\ c\nd", Kind::Counter, &["two", "one"]).expect("valid");
        family.with(&["", "a\"b\\c\nd"]).store(7, Ordering::Relaxed);
        let mut text = String::new();
        family.write(&mut text);
        let want = "# HELP x_total a \"b\" \\\\ c\\nd\n# TYPE x_total counter\nx_total{one=\"a\\\"b\\\\c\\nd\",two=\"\"} 7\n";
        assert_eq!(text, want);
    }

    #[test]
    fn malformed_names_are_refused() {
        for (name, label) in [
            ("", "a"),
            ("1x", "a"),
            ("x-y", "a"),
            ("x", "a:b"),
            ("x", "1"),
            ("x", ""),
        ] {
            assert!(
                Family::new(name, "Help.", Kind::Gauge, &[label]).is_none(),
                "{name} {label}"
            );
        }
        assert!(Family::new("x:y_1", "Help.", Kind::Gauge, &["_a1"]).is_some());
    }

    #[test]
    fn a_series_keeps_its_number_until_it_is_removed() {
        let family = Family::new("x", "Help.", Kind::Gauge, &["a"]).expect("valid");
        family.with(&["1"]).store(5, Ordering::Relaxed);
        assert_eq!(family.with(&["1"]).load(Ordering::Relaxed), 5);
        family.remove(&["1"]);
        assert_eq!(family.with(&["1"]).load(Ordering::Relaxed), 0);
        family.clear();
        let mut text = String::new();
        family.write(&mut text);
        assert_eq!(text, "", "a family without series is not told");
    }
}
