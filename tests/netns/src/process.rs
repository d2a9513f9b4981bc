//! Programs that run in a host's namespace and end with the test.

use std::io::{BufRead, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, ensure};
use ferrolb_netio::Namespace;

use crate::segment::{Host, INTERFACE};
use crate::wait;

/// A program whose lines of output are gathered. It is killed when this value is dropped, or when the thread
/// that started it ends.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    input: Option<ChildStdin>,
}

impl Process {
    /// Starts `command` in `namespace`, its standard output and error gathered.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(namespace: &Namespace, command: &mut Command) -> anyhow::Result<Self> {
        Self::start_with(namespace, command, Stdio::null())
    }

    /// As [`Process::start`], for a program that is told what to do.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn start_told(namespace: &Namespace, command: &mut Command) -> anyhow::Result<Self> {
        Self::start_with(namespace, command, Stdio::piped())
    }

    fn start_with(namespace: &Namespace, command: &mut Command, input: Stdio) -> anyhow::Result<Self> {
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = namespace.spawn(command)?;
        let lines = Arc::new(Mutex::new(Vec::new()));
        gather(child.stdout.take(), &lines);
        gather(child.stderr.take(), &lines);
        let input = child.stdin.take();
        Ok(Self { child, lines, input })
    }

    /// Writes `line` to its standard input.
    ///
    /// # Errors
    /// When it does not read, or has ended.
    pub fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        let input = self.input.as_mut().context("it was started to be told")?;
        writeln!(input, "{line}").context("tell the program")
    }

    /// Its lines so far, those of both outputs as they came.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the first line, printed already or later, that `matches`.
    ///
    /// # Errors
    /// That `what` was not printed in time, with what was.
    pub fn wait_for_line(&self, what: &str, matches: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        wait::until(what, || Ok(self.lines().into_iter().find(|line| matches(line))))
            .with_context(|| format!("the program printed {:#?}", self.lines()))
    }

    /// The process identifier.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The running program, to be waited for or killed.
    pub const fn child(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Runs `command` in `namespace` to its end.
///
/// # Errors
/// When it cannot be started.
pub fn run(namespace: &Namespace, command: &mut Command) -> anyhow::Result<Output> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    namespace
        .spawn(command)?
        .wait_with_output()
        .context("wait for the program")
}

/// Reads until the program closes its end, on a thread that ends then.
fn gather(stream: Option<impl Read + Send + 'static>, lines: &Arc<Mutex<Vec<String>>>) {
    let (Some(stream), lines) = (stream, Arc::clone(lines)) else {
        return;
    };
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    });
}

/// A running tcpdump as an independent judge of what is on the wire.
#[derive(Debug)]
pub struct Tcpdump(Process);

impl Tcpdump {
    /// Listens on the host's `eth0` for what the expression `filter` selects; returns when it does.
    ///
    /// # Errors
    /// When tcpdump is missing or does not begin to listen.
    pub fn start(host: &Host, filter: &str) -> anyhow::Result<Self> {
        let mut command = Command::new("tcpdump");
        // Its own user, which it changes to when root starts it, need not exist.
        command.args([
            "-i",
            INTERFACE,
            "-n",
            "-e",
            "-l",
            "-t",
            "--immediate-mode",
            "-Z",
            "root",
            filter,
        ]);
        let process = Process::start(&host.namespace, &mut command)?;
        process.wait_for_line("tcpdump to listen", |line| line.contains("listening on"))?;
        Ok(Self(process))
    }

    /// Waits for a line with all of `words` in it.
    ///
    /// # Errors
    /// That there was none in time, with what tcpdump printed.
    pub fn wait_for(&self, words: &[&str]) -> anyhow::Result<String> {
        self.0.wait_for_line(&format!("a line with {words:?}"), |line| {
            words.iter().all(|w| line.contains(w))
        })
    }

    /// What it printed about frames so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let lines = self.0.lines();
        lines
            .into_iter()
            .filter(|line| line.contains("ethertype"))
            .collect()
    }
}

/// The product: `FERROLB_BIN`, or the binary that cargo built beside this test.
///
/// # Errors
/// When there is none.
pub fn ferrolb() -> anyhow::Result<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the way by which `make` tells a test where things are"
    )]
    let named = std::env::var_os("FERROLB_BIN").map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("ferrolb"));
    let path = named
        .or_else(beside)
        .context("this test does not run from cargo's target directory")?;
    ensure!(
        path.is_file(),
        "{} does not exist; `cargo build -p ferrolb-cli` makes it",
        path.display()
    );
    Ok(path)
}
