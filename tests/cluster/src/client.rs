//! Someone on the segment who knows nothing of Kubernetes, and the judges that run there.

use std::net::IpAddr;
use std::process::Command;

use anyhow::{Context as _, Result};
use ferrolb_types::MacAddr;

use crate::program;
use crate::segment::Host;

/// A machine on the nodes' segment.
#[derive(Debug)]
pub struct Client {
    host: Host,
}

impl Client {
    pub(crate) const fn new(host: Host) -> Self {
        Self { host }
    }

    /// Everyone who answers for the address, once per answer: three ARP requests, or one neighbour solicitation to which
    /// all answers are awaited. An error when nobody does.
    ///
    /// # Errors
    /// With what `arping` or `ndisc6` says.
    pub fn who_has(&self, address: IpAddr) -> Result<Vec<MacAddr>> {
        let mut command = match address {
            IpAddr::V4(_) => Command::new("arping"),
            IpAddr::V6(_) => Command::new("ndisc6"),
        };
        match address {
            IpAddr::V4(v4) => command.args([
                "-r",
                "-c",
                "3",
                "-W",
                "0.2",
                "-w",
                "3",
                "-i",
                "eth0",
                &v4.to_string(),
            ]),
            IpAddr::V6(v6) => command.args(["-q", "-m", "-r", "1", "-w", "500", &v6.to_string(), "eth0"]),
        };
        let printed = program::output(&self.host.namespace, &mut command)?;
        let answers: Vec<MacAddr> = printed
            .lines()
            .map(|line| {
                line.trim()
                    .to_lowercase()
                    .parse()
                    .with_context(|| format!("no hardware address: {line}"))
            })
            .collect::<Result<_>>()?;
        anyhow::ensure!(!answers.is_empty(), "nobody answers for {address}");
        Ok(answers)
    }

    /// Fetches the page at port 80 of the address.
    ///
    /// # Errors
    /// With what `curl` says.
    pub fn fetch(&self, address: IpAddr) -> Result<String> {
        let url = format!("http://{}/", std::net::SocketAddr::new(address, 80));
        let page = program::output(
            &self.host.namespace,
            Command::new("curl").args(["-sS", "--max-time", "5", "-g", &url]),
        )?;
        Ok(page.trim().to_owned())
    }
}
