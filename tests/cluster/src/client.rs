//! Someone on the segment who knows nothing of Kubernetes, and the judges that run there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ferrolb_tests_netns::{Capture, frame, wait};
use ferrolb_types::MacAddr;

use crate::member::Member;
use crate::program;

/// How often it asks, so that a second one who answers is heard too.
const QUESTIONS: usize = 3;

/// How long it waits for an answer, which takes microseconds.
const ANSWER: Duration = Duration::from_millis(500);

/// A machine on the nodes' segment.
#[derive(Debug)]
pub struct Client {
    host: Member,
}

impl Client {
    pub(crate) const fn new(host: Member) -> Self {
        Self { host }
    }

    /// Who answers for the address, once for each answer to three questions by ARP or NDP. An error when nobody does.
    ///
    /// # Errors
    /// With what `arping` says, or that nobody answers.
    pub fn who_has(&self, address: IpAddr) -> Result<Vec<MacAddr>> {
        match address {
            IpAddr::V4(v4) => self.arping(v4),
            IpAddr::V6(v6) => self.solicit(v6),
        }
    }

    fn arping(&self, address: Ipv4Addr) -> Result<Vec<MacAddr>> {
        let mut arping = Command::new("arping");
        arping.args([
            "-r",
            "-c",
            &QUESTIONS.to_string(),
            "-W",
            "0.2",
            "-w",
            "3",
            "-i",
            "eth0",
            &address.to_string(),
        ]);
        let printed = program::output(&self.host.namespace, &mut arping)?;
        printed
            .lines()
            .map(|line| {
                line.trim()
                    .parse()
                    .with_context(|| format!("no hardware address: {line}"))
            })
            .collect()
    }

    /// `ndisc6` would not do: it drops answers that come from a link-local address.
    fn solicit(&self, address: Ipv6Addr) -> Result<Vec<MacAddr>> {
        let question =
            frame::Solicitation::multicast(self.host.mac, self.host.link_local, address).to_bytes();
        let capture = Capture::start(&self.host)?;
        let answer = |bytes: &[u8]| {
            frame::Advertisement::from_bytes(bytes)
                .filter(|a| a.target == address && a.solicited)
                .and_then(|a| a.mac)
        };
        for asked in 1..=QUESTIONS {
            self.host.send_frame(&question)?;
            wait::until_within(ANSWER, "an answer", || {
                Ok((capture.select(answer).len() >= asked).then_some(()))
            })
            .with_context(|| format!("nobody answers for {address}"))?;
        }
        Ok(capture.select(answer).into_iter().map(|(_, mac)| mac).collect())
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
