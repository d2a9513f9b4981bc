//! A process of the demo: its log is kept for the case that something fails, and it ends with its owner.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use ferrolb_netio::namespace::Namespace;

use crate::output;

/// Lines kept of each log.
const KEPT_LINES: usize = 30;

/// The end of a log, filled by the thread that reads it.
type Log = Arc<Mutex<VecDeque<String>>>;

/// A running process.
pub(super) struct Process {
    pub(super) name: String,
    child: Child,
    log: Log,
}

impl Process {
    /// Starts this program with `args` in `namespace` and gives it `kubeconfig` on its standard input, so that no file
    /// is needed.
    pub(super) fn start(
        name: &str,
        args: &[&str],
        namespace: &Namespace,
        kubeconfig: &str,
        verbose: bool,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.args(args).args(["--kubeconfig", "/dev/stdin"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = namespace.spawn(&mut command)?;
        let log = Log::default();
        if let Some(stdout) = child.stdout.take() {
            keep(stdout, name, &log, verbose);
        }
        if let Some(stderr) = child.stderr.take() {
            keep(stderr, name, &log, verbose);
        }
        let process = Self {
            name: name.to_owned(),
            child,
            log,
        };
        process.tell(kubeconfig)
    }

    /// Writes to the standard input and closes it.
    fn tell(mut self, text: &str) -> anyhow::Result<Self> {
        let mut stdin = self
            .child
            .stdin
            .take()
            .context("the process has no standard input")?;
        stdin
            .write_all(text.as_bytes())
            .with_context(|| format!("`{}` does not read its kubeconfig", self.name))?;
        Ok(self)
    }

    /// An error if the process has ended.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => anyhow::bail!("`{}` has ended ({status})", self.name),
        }
    }

    /// Shows the end of the log on standard error.
    pub(super) fn show_log(&self) {
        for line in lines(&self.log).iter() {
            output::say(format_args!("{}: {line}", self.name));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn lines(log: &Log) -> MutexGuard<'_, VecDeque<String>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads `source` to its end on a thread of its own.
fn keep(source: impl Read + Send + 'static, name: &str, log: &Log, verbose: bool) {
    let (name, log) = (name.to_owned(), Arc::clone(log));
    std::thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            if verbose {
                output::say(format_args!("{name}: {line}"));
            }
            let mut kept = lines(&log);
            if kept.len() == KEPT_LINES {
                kept.pop_front();
            }
            kept.push_back(line);
        }
    });
}
