//! A member on hashicorp/memberlist.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use ferrolb_driver::Stopwatch;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program for the test that asks; none, with the reason printed, when it is not there.
///
/// # Panics
/// When it is not there and `FERROLB_REQUIRE_INTEROP` says that it must.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the runner of the tests tells where the program is"
)]
pub fn program() -> Option<PathBuf> {
    if let Some(program) = std::env::var_os("FERROLB_RING_PEER") {
        return Some(program.into());
    }
    assert!(
        std::env::var_os("FERROLB_REQUIRE_INTEROP").is_none(),
        "FERROLB_RING_PEER does not name the program of tests/interop/memberlist"
    );
    let test = std::thread::current();
    println!(
        "skipped: {}: FERROLB_RING_PEER does not name the program of tests/interop/memberlist; use `make interop` or `make netns`",
        test.name().unwrap_or("a test")
    );
    None
}

/// A process; it is killed with this value.
#[derive(Debug)]
pub struct Peer {
    /// Where its gossip is.
    pub address: SocketAddr,
    /// What it has told by itself, with the time since it started.
    pub events: Vec<(Duration, String)>,
    started: Stopwatch,
    child: Child,
    commands: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

/// One line of what it prints.
#[derive(Debug, Deserialize)]
struct Line {
    event: String,
    #[serde(default)]
    addr: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    members: Vec<String>,
}

impl Peer {
    /// Starts the program and waits until it listens.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start(program: &Path, name: &str, options: &[&str]) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["-name", name])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        let commands = child.stdin.take().context("its input is a pipe")?;
        let lines = BufReader::new(child.stdout.take().context("its output is a pipe")?).lines();
        let mut peer = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            events: Vec::new(),
            started: Stopwatch::start(),
            child,
            commands,
            lines,
        };
        peer.address = peer.line(&["ready"]).await?.addr.parse()?;
        Ok(peer)
    }

    /// Gives a command and waits until it is done.
    ///
    /// # Errors
    /// When it fails there.
    pub async fn tell(&mut self, command: &str) -> Result<()> {
        self.commands.write_all(format!("{command}\n").as_bytes()).await?;
        let line = self.line(&["done", "error"]).await?;
        match line.error.as_str() {
            "" => Ok(()),
            error => bail!("`{command}`: {error}"),
        }
    }

    /// Names of the members that it sees, itself included, sorted.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn members(&mut self) -> Result<Vec<String>> {
        self.commands.write_all(b"members\n").await?;
        let mut members = self.line(&["members"]).await?.members;
        members.sort();
        Ok(members)
    }

    /// Ends it without a goodbye.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    async fn line(&mut self, wanted: &[&str]) -> Result<Line> {
        loop {
            let text = timeout(PATIENCE, self.lines.next_line())
                .await
                .context("the peer does not answer")??
                .context("the peer has ended")?;
            let line: Line =
                serde_json::from_str(&text).with_context(|| format!("the peer says `{text}`"))?;
            if wanted.contains(&line.event.as_str()) {
                return Ok(line);
            }
            self.events.push((self.started.elapsed(), text));
        }
    }
}
