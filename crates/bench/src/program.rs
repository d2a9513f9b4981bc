//! The real `ferrolb` as a process of its own, and what the kernel tells about it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, Result, ensure};
use ferrolb_driver::clock::Stopwatch;
use ferrolb_netio::Namespace;
use ferrolb_tests_netns::wait::until_within;
use ferrolb_tests_netns::{Process, cpu};
use rustix::process::{Pid, Signal, kill_process};

/// Nothing that a process does to start or to end takes that long, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The default of `--health-probe-port`.
const HEALTH_PORT: u16 = 17472;
/// The default of `--port`.
const METRICS_PORT: u16 = 7472;
/// More than the metrics of some thousand addresses; more is not read.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// A running `ferrolb`; it is killed with this value.
#[derive(Debug)]
pub struct Program {
    process: Process,
    started: Stopwatch,
}

impl Program {
    /// Starts `ferrolb ARGUMENTS` in `namespace`.
    ///
    /// # Errors
    /// When there is no such binary, or it cannot be started.
    pub fn start(namespace: &Namespace, kubeconfig: &Path, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(binary()?);
        command.args(arguments).arg("--kubeconfig").arg(kubeconfig);
        command.args(["--namespace", "metallb-system"]);
        let started = Stopwatch::start();
        let process = Process::start(namespace, &mut command)?;
        Ok(Self { process, started })
    }

    /// Waits until it says that it is ready, and returns how long that took from its start.
    ///
    /// # Errors
    /// When it ends or is not ready within a minute.
    pub fn wait_until_ready(&mut self, namespace: &Namespace) -> Result<Duration> {
        self.wait_until(namespace, "ferrolb becomes ready", || {
            serves(HEALTH_PORT, "/readyz")
        })
    }

    /// Waits until its metrics can be read, and returns how long that took from its start.
    ///
    /// # Errors
    /// When it ends or they cannot be read within a minute.
    pub fn wait_until_metrics(&mut self, namespace: &Namespace) -> Result<Duration> {
        self.wait_until(namespace, "metrics are served", || {
            serves(METRICS_PORT, "/metrics")
        })
    }

    fn wait_until(
        &mut self,
        namespace: &Namespace,
        what: &str,
        is_so: impl Fn() -> bool + Send + Copy,
    ) -> Result<Duration> {
        until_within(PATIENCE, what, || {
            self.check()?;
            Ok(namespace.run(is_so)?.then_some(()))
        })?;
        Ok(self.started.elapsed())
    }

    /// A metric without labels.
    ///
    /// # Errors
    /// When its metrics cannot be read, or this one is not among them.
    pub fn metric(&self, namespace: &Namespace, name: &str) -> Result<f64> {
        let text = namespace.run(|| ask(METRICS_PORT, "/metrics"))??;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line
            .with_context(|| format!("there is no metric `{name}`"))?
            .parse()?)
    }

    /// Time since its start.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// With the end of its log if it has ended.
    pub fn check(&mut self) -> Result<()> {
        let ended = self.process.child().try_wait()?;
        let lines = self.process.lines();
        ensure!(
            ended.is_none(),
            "ferrolb has ended; its last line is `{}`",
            lines.last().map_or("", String::as_str)
        );
        Ok(())
    }

    /// Waits until a line of its log has these words.
    ///
    /// # Errors
    /// When there is none in time.
    pub fn wait_for_log(&self, words: &str) -> Result<()> {
        let what = format!("a line of the log with `{words}`");
        self.process
            .wait_for_line(&what, |line| line.contains(words))
            .map(drop)
    }

    /// How much of it is in memory, in MiB.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn resident_mib(&self) -> Result<f64> {
        self.memory_mib("VmRSS:")
    }

    /// The most of it that was ever in memory, in MiB.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn peak_mib(&self) -> Result<f64> {
        self.memory_mib("VmHWM:")
    }

    /// From now on [`Program::peak_mib`] is about what comes.
    ///
    /// # Errors
    /// When the process has ended, or the kernel does not keep such a peak (`CONFIG_PROC_PAGE_MONITOR`).
    pub fn forget_peak(&self) -> Result<()> {
        let file = format!("/proc/{}/clear_refs", self.process.id());
        fs::write(&file, "5").with_context(|| format!("cannot write `{file}`"))
    }

    fn memory_mib(&self, field: &str) -> Result<f64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib: f64 = line
            .context("the process has ended")?
            .trim()
            .trim_end_matches(" kB")
            .parse()?;
        Ok(kib / 1024.0)
    }

    /// Processor time that it has used, user and system, in seconds.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn cpu_seconds(&self) -> Result<f64> {
        Ok(cpu::time_of(&self.proc("stat")?)?.as_secs_f64())
    }

    fn proc(&self, file: &str) -> Result<String> {
        fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).context("the process has ended")
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("no process id")?, Signal::TERM)?;
        until_within(PATIENCE, "ferrolb ends after SIGTERM", || {
            Ok(self.process.child().try_wait()?.map(drop))
        })
    }
}

/// FERROLB_BIN, or the binary that cargo built beside this program.
fn binary() -> Result<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the way by which `make` tells a program where things are"
    )]
    let variable = env::var_os("FERROLB_BIN").filter(|value| !value.is_empty());
    let path = match variable {
        Some(path) => PathBuf::from(path),
        None => env::current_exe()?
            .ancestors()
            .nth(2)
            .context("this does not run from cargo's target directory")?
            .join("ferrolb"),
    };
    ensure!(
        path.is_file(),
        "{} does not exist; `cargo build --release -p ferrolb-cli` makes it",
        path.display()
    );
    Ok(path)
}

/// Whether a request to this port of the loopback interface is answered with 200.
fn serves(port: u16, path: &str) -> bool {
    let answer = ask(port, path);
    answer.is_ok_and(|answer| answer.lines().next().is_some_and(|line| line.contains(" 200 ")))
}

/// What a request to this port of the loopback interface is answered with, head included.
fn ask(port: u16, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}
