//! Reads the tables that divan prints: the name of each benchmark and its median time.
//!
//! ```text
//! node                 fastest       │ slowest       │ median        │ mean          │ samples │ iters
//! ├─ service_event     8.893 µs      │ 32.91 µs      │ 9.028 µs      │ 9.614 µs      │ 100     │ 100
//! │                    max alloc:    │               │               │               │         │
//! ╰─ filter                          │               │               │               │         │
//!    ╰─ 1000           1.2 ms        │ …
//! ```
//!
//! gives `node/service_event` 9.028 µs and `node/filter/1000`.

use super::Measure;

/// Knows where in which table it is.
#[derive(Debug, Default)]
pub(super) struct Tables {
    /// The program and the groups that the next benchmark is in.
    path: Vec<String>,
}

impl Tables {
    /// The measurement in this line, if there is one.
    pub(super) fn read(&mut self, line: &str) -> Option<Measure> {
        if line.contains(" fastest ") && line.contains(" median ") {
            self.path = vec![line.split_whitespace().next()?.to_owned()];
            return None;
        }
        let (depth, entry) = branch(line)?;
        let mut words = entry.split('│').next()?.split_whitespace();
        self.path.truncate(depth + 1);
        self.path.push(words.next()?.to_owned());
        words.next()?;
        let median = entry.split('│').nth(2)?;
        let (value, unit) = time(median)?;
        Some(Measure {
            name: self.path.join("/"),
            value,
            unit,
        })
    }
}

/// How deep in the tree the line's branch is, and what hangs on it. Lines without a branch are about allocations.
fn branch(line: &str) -> Option<(usize, &str)> {
    let at = line.find("├─ ").or_else(|| line.find("╰─ "))?;
    let depth = line[..at].chars().count() / 3;
    Some((depth, &line[at + "├─ ".len()..]))
}

/// A time in microseconds, the unit of the budgets for computing.
fn time(cell: &str) -> Option<(f64, String)> {
    let (number, unit) = cell.trim().split_once(' ')?;
    let factor = match unit {
        "ns" => 1e-3,
        "µs" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        _ => return None,
    };
    Some((number.parse::<f64>().ok()? * factor, "us".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
Timer precision: 20 ns
node                 fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ service_event     8.893 µs      │ 32.91 µs      │ 9.028 µs      │ 9.614 µs      │ 100     │ 100
│                    max alloc:    │               │               │               │         │
│                      23          │ 23            │ 23            │ 23            │         │
├─ filter                          │               │               │               │         │
│  ╰─ 1000           1.1 ms        │ 1.3 ms        │ 1.2 ms        │ 1.2 ms        │ 100     │ 100
╰─ lookup            450.4 ns      │ 9.323 µs      │ 480.5 ns      │ 595.2 ns      │ 100     │ 100
";

    #[test]
    fn medians_are_read_with_the_path_of_their_groups() {
        let mut tables = Tables::default();
        let read: Vec<_> = PRINTED.lines().filter_map(|line| tables.read(line)).collect();
        let seen: Vec<_> = read
            .iter()
            .map(|m| (m.name.as_str(), m.value, m.unit.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("node/service_event", 9.028, "us"),
                ("node/filter/1000", 1200.0, "us"),
                ("node/lookup", 0.4805, "us")
            ]
        );
    }

    #[test]
    fn other_lines_are_no_measurement() {
        let mut tables = Tables::default();
        for line in ["", "running 3 tests", "├─", "├─ name", "a │ b │ c"] {
            assert!(tables.read(line).is_none(), "{line}");
        }
    }
}
