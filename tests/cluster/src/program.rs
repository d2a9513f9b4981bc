//! A process that belongs to a test.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use ferrolb_netio::Namespace;
use rustix::process::{Pid, Signal, kill_process};

use crate::wait::within;

/// How much of a log is shown when a test fails.
const LAST_LINES: usize = 40;

/// A running process; it is ended with this value.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
    /// Which token it was given.
    credential: Option<String>,
}

impl Program {
    /// Starts `command` in `namespace`; what it prints is appended to `NAME.log`.
    pub(crate) fn start(
        name: &str,
        namespace: &Namespace,
        logs: &Path,
        command: &mut Command,
    ) -> Result<Self> {
        let log = logs.join(format!("{name}.log"));
        let output: File = OpenOptions::new().create(true).append(true).open(&log)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = namespace.spawn(command)?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
            credential: None,
        })
    }

    /// Notes which token the process was given.
    pub(crate) fn with_credential(mut self, credential: String) -> Self {
        self.credential = Some(credential);
        self
    }

    /// How the audit log names the token that the process was given, if that is known.
    #[must_use]
    pub fn credential(&self) -> Option<&str> {
        self.credential.as_deref()
    }

    /// Stops the process in the midst of whatever it does (SIGSTOP).
    ///
    /// # Errors
    /// When it has ended.
    pub fn pause(&self) -> Result<()> {
        Ok(kill_process(self.pid()?, Signal::STOP)?)
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// When it has ended.
    pub fn resume(&self) -> Result<()> {
        Ok(kill_process(self.pid()?, Signal::CONT)?)
    }

    fn pid(&self) -> Result<Pid> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        pid.context("no process id")
    }

    /// Asks the process to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub fn stop(mut self) -> Result<ExitStatus> {
        kill_process(self.pid()?, Signal::TERM)?;
        let what = format!("`{}` ends after SIGTERM", self.name);
        within(Duration::from_secs(60), &what, || {
            self.child.try_wait()?.context("it still runs")
        })
    }

    /// Tries until it succeeds, for as long as the process runs and at most `patience`.
    pub(crate) fn until<T>(
        &mut self,
        patience: Duration,
        what: &str,
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        within(patience, &format!("`{}` {what}", self.name), || {
            match self.child.try_wait()? {
                None => attempt().map(Ok),
                Some(status) => Ok(Err(anyhow::anyhow!(
                    "`{}` ended with {status}; its log is above",
                    self.name
                ))),
            }
        })?
    }

    /// Everything that it has printed.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.log)?)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Prints the end of every log in this directory.
pub(crate) fn show_logs(directory: &Path) {
    let mut logs: Vec<PathBuf> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    // The audit log is long, and the tests that read it show what matters.
    logs.retain(|path| {
        path.extension().is_some_and(|extension| extension == "log") && !path.ends_with("audit.log")
    });
    logs.sort();
    for log in logs {
        eprintln!("---- end of {}\n{}", log.display(), last_lines(&log));
    }
}

fn last_lines(log: &Path) -> String {
    let log = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

/// Runs a program to its end inside `namespace` and returns what it printed; its messages become the error.
pub(crate) fn output(namespace: &Namespace, command: &mut Command) -> Result<String> {
    let child = start_piped(namespace, command)?;
    finish(command, child)
}

/// Starts a program inside `namespace`, whose output is to be read.
pub(crate) fn start_piped(namespace: &Namespace, command: &mut Command) -> Result<Child> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(namespace.spawn(command)?)
}

/// Waits for a child whose output is piped.
pub(crate) fn finish(command: &Command, child: Child) -> Result<String> {
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let (out, messages) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        bail!(
            "{command:?} ended with {}: {}{}",
            output.status,
            messages.trim(),
            out.trim()
        );
    }
    String::from_utf8(output.stdout).context("the output is no UTF-8")
}
