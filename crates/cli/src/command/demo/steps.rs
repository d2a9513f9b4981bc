//! Tells what is going on: a spinner on a terminal while a step runs, a line when it is done.

use std::io::IsTerminal as _;
use std::time::Duration;

use ferrolb_driver::clock::Stopwatch;
use indicatif::{ProgressBar, ProgressStyle};

use super::report::{Step, milliseconds};
use crate::output;

/// Prints and collects the steps.
pub(super) struct Steps {
    done: Vec<Step>,
    /// Whether lines are for a person reading along; with `-o json` they go to standard error.
    to_stdout: bool,
}

impl Steps {
    pub(super) fn new(to_stdout: bool) -> Self {
        Self {
            done: Vec::new(),
            to_stdout,
        }
    }

    /// Runs one step; its outcome carries what is worth telling.
    pub(super) async fn run<T>(
        &mut self,
        name: &str,
        work: impl Future<Output = anyhow::Result<(T, String)>>,
    ) -> anyhow::Result<T> {
        let spinner = spinner(name);
        let watch = Stopwatch::start();
        let outcome = work.await;
        spinner.finish_and_clear();
        let (value, detail) = outcome.map_err(|e| e.context(format!("step `{name}`")))?;
        self.tell(name, watch.elapsed(), detail)?;
        Ok(value)
    }

    fn tell(&mut self, name: &str, took: Duration, detail: String) -> anyhow::Result<()> {
        let milliseconds = milliseconds(took);
        let line = format!("{name:<48} {milliseconds:>8.2} ms  {detail}");
        let line = line.trim_end();
        if self.to_stdout {
            output::print(&format!("{line}\n"))?;
        } else {
            output::say(line);
        }
        self.done.push(Step {
            name: name.to_owned(),
            milliseconds,
            detail,
        });
        Ok(())
    }

    pub(super) fn into_done(self) -> Vec<Step> {
        self.done
    }
}

fn spinner(name: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner().with_message(name.to_owned());
    bar.set_style(
        ProgressStyle::with_template("{spinner} {msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
