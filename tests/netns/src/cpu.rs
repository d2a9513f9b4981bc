//! How much of a processor something needs.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::Context;

/// Processor time, user and system, that the text of a `stat` file tells (`proc_pid_stat(5)`).
///
/// # Errors
/// When the text is of another form.
pub fn time_of(stat: &str) -> anyhow::Result<Duration> {
    // The second field is the name, in which there may be blanks.
    let (_, fields) = stat.rsplit_once(')').context("`stat` has another form")?;
    let mut ticks = fields.split_whitespace().skip(11);
    let mut next = || -> anyhow::Result<u64> { Ok(ticks.next().context("`stat` is too short")?.parse()?) };
    let ticks = next()? + next()?;
    Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second())?)
}

/// Processor time so far of each thread of this process that has this name.
///
/// # Errors
/// When `/proc` is not readable.
pub fn threads_named(name: &str) -> anyhow::Result<BTreeMap<u32, Duration>> {
    let mut times = BTreeMap::new();
    for task in fs::read_dir("/proc/self/task")? {
        let task = task?;
        let Ok(id) = task.file_name().to_string_lossy().parse() else {
            continue;
        };
        // A thread may end between the list and the look.
        let Ok(stat) = fs::read_to_string(task.path().join("stat")) else {
            continue;
        };
        if stat.contains(&format!("({name})")) {
            times.insert(id, time_of(&stat)?);
        }
    }
    Ok(times)
}

/// Processor time that the threads of `before` used until `after`; of those that ended between, nothing.
#[must_use]
pub fn used(before: &BTreeMap<u32, Duration>, after: &BTreeMap<u32, Duration>) -> Duration {
    let since = |(id, time): (&u32, &Duration)| Some(after.get(id)?.saturating_sub(*time));
    before.iter().filter_map(since).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_user_and_system_time_of_a_name_with_blanks_and_brackets() {
        let ticks = rustix::param::clock_ticks_per_second();
        let stat = format!("17 (a (b) c) S 1 1 1 0 -1 4194304 9 0 0 0 {ticks} {ticks} 7 7 20 0 1 0 5");
        assert_eq!(time_of(&stat).unwrap(), Duration::from_secs(2));
        assert!(time_of("17 (a) S 1").is_err());
    }

    #[test]
    fn threads_are_found_by_name() {
        let found = std::thread::Builder::new()
            .name("a-name".to_owned())
            .spawn(|| threads_named("a-name").unwrap().len())
            .unwrap();
        assert_eq!(found.join().unwrap(), 1);
    }
}
