//! Timing and other settings: the presets of memberlist, and MetalLB's `config.json`.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::duration::parse_go_duration;

/// Settings of a [`Machine`](crate::Machine) and of what carries its packets; names and defaults are memberlist's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// For how long a stream may take to open and to bring its answer.
    pub tcp_timeout: Duration,
    /// How many others are asked to reach a node that does not answer.
    pub indirect_checks: u32,
    /// A change is sent on this many times, times the decimal logarithm of the number of nodes.
    pub retransmit_mult: u32,
    /// A suspect node may defend itself for this many probe intervals, times the logarithm of the number of nodes, and
    /// longer while few suspect it.
    pub suspicion_mult: u32,
    /// How much longer at most.
    pub suspicion_max_timeout_mult: u32,
    /// How often all is compared with a random node over a stream; less often in rings of more than 32. Zero: never.
    pub push_pull_interval: Duration,
    /// For how long a probed node may be silent before others are asked.
    pub probe_timeout: Duration,
    /// How often one node is probed.
    pub probe_interval: Duration,
    /// Whether not to ask over TCP when datagrams are lost.
    pub disable_tcp_pings: bool,
    /// A node that is slow itself takes up to this many times as long before it suspects another.
    pub awareness_max_multiplier: u32,
    /// How many random nodes each round of changes goes to.
    pub gossip_nodes: u32,
    /// How often changes are sent on.
    pub gossip_interval: Duration,
    /// For how long a failed node is still told that it is believed to be so, and remembered.
    pub gossip_to_the_dead_time: Duration,
    /// Whether to refuse plain text where there is a key.
    pub gossip_verify_incoming: bool,
    /// Whether to encrypt where there is a key.
    pub gossip_verify_outgoing: bool,
    /// Whether to compress what gets shorter by it.
    pub enable_compression: bool,
    /// How many received datagrams may wait to be handled.
    pub handoff_queue_depth: usize,
    /// Longest datagram that is sent, in octets.
    pub udp_buffer_size: usize,
    /// How often a long queue is told.
    pub queue_check_interval: Duration,
    /// After this time a failed node may come back under its name with another address; zero: only after it was forgotten.
    pub dead_node_reclaim_time: Duration,
    /// Whether to offer and do fast mutual watching.
    pub fast_watch: bool,
}

impl Config {
    /// The port of memberlist, TCP and UDP.
    pub const PORT: u16 = 7946;

    /// For networks in one place; the default.
    #[must_use]
    pub const fn lan() -> Self {
        Self {
            tcp_timeout: Duration::from_secs(10),
            indirect_checks: 3,
            retransmit_mult: 4,
            suspicion_mult: 4,
            suspicion_max_timeout_mult: 6,
            push_pull_interval: Duration::from_secs(30),
            probe_timeout: Duration::from_millis(500),
            probe_interval: Duration::from_secs(1),
            disable_tcp_pings: false,
            awareness_max_multiplier: 8,
            gossip_nodes: 3,
            gossip_interval: Duration::from_millis(200),
            gossip_to_the_dead_time: Duration::from_secs(30),
            gossip_verify_incoming: true,
            gossip_verify_outgoing: true,
            enable_compression: true,
            handoff_queue_depth: 1024,
            udp_buffer_size: 1400,
            queue_check_interval: Duration::from_secs(30),
            dead_node_reclaim_time: Duration::ZERO,
            fast_watch: true,
        }
    }

    /// For nodes that are far apart (`--ml-wan-config`).
    #[must_use]
    pub const fn wan() -> Self {
        Self {
            tcp_timeout: Duration::from_secs(30),
            suspicion_mult: 6,
            push_pull_interval: Duration::from_secs(60),
            probe_timeout: Duration::from_secs(3),
            probe_interval: Duration::from_secs(5),
            gossip_nodes: 4,
            gossip_interval: Duration::from_millis(500),
            gossip_to_the_dead_time: Duration::from_secs(60),
            ..Self::lan()
        }
    }

    /// Reads `config.json`, which replaces a preset (operations 6.5). Names are those of memberlist, times are text such as
    /// `200ms`; every name must be there, and what is unknown is ignored.
    ///
    /// # Errors
    /// [`ConfigError`]. Deviation: the reference takes a missing number or switch for 0 or false, and then accepts plain text
    /// or sends nothing; here it is an error, as its documentation says.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        let file: File = serde_json::from_str(text)?;
        let time = |name: &'static str, text: &str| {
            parse_go_duration(text).ok_or_else(|| ConfigError::Duration {
                name,
                value: text.to_owned(),
            })
        };
        let config = Self {
            tcp_timeout: time("TCPTimeout", &file.tcp_timeout)?,
            indirect_checks: file.indirect_checks,
            retransmit_mult: file.retransmit_mult,
            suspicion_mult: file.suspicion_mult,
            suspicion_max_timeout_mult: file.suspicion_max_timeout_mult,
            push_pull_interval: time("PushPullInterval", &file.push_pull_interval)?,
            probe_timeout: time("ProbeTimeout", &file.probe_timeout)?,
            probe_interval: time("ProbeInterval", &file.probe_interval)?,
            disable_tcp_pings: file.disable_tcp_pings,
            awareness_max_multiplier: file.awareness_max_multiplier,
            gossip_nodes: file.gossip_nodes,
            gossip_interval: time("GossipInterval", &file.gossip_interval)?,
            gossip_to_the_dead_time: time("GossipToTheDeadTime", &file.gossip_to_the_dead_time)?,
            gossip_verify_incoming: file.gossip_verify_incoming,
            gossip_verify_outgoing: file.gossip_verify_outgoing,
            enable_compression: file.enable_compression,
            handoff_queue_depth: file.handoff_queue_depth,
            udp_buffer_size: file.udp_buffer_size,
            queue_check_interval: time("QueueCheckInterval", &file.queue_check_interval)?,
            ..Self::lan()
        };
        config.check()
    }

    fn check(self) -> Result<Self, ConfigError> {
        let refuse = |name, reason| Err(ConfigError::Value { name, reason });
        if self.probe_interval.is_zero() {
            return refuse("ProbeInterval", "with 0 no node is ever probed");
        }
        if self.gossip_interval.is_zero() {
            return refuse("GossipInterval", "with 0 no change is ever sent on");
        }
        if !(576..=65_507).contains(&self.udp_buffer_size) {
            return refuse("UDPBufferSize", "a datagram has 576 to 65507 octets");
        }
        if self.handoff_queue_depth == 0 {
            return refuse("HandoffQueueDepth", "with 0 no datagram is ever handled");
        }
        Ok(self)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::lan()
    }
}

/// What is written.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    #[serde(rename = "TCPTimeout")]
    tcp_timeout: String,
    indirect_checks: u32,
    retransmit_mult: u32,
    suspicion_mult: u32,
    suspicion_max_timeout_mult: u32,
    push_pull_interval: String,
    probe_timeout: String,
    probe_interval: String,
    disable_tcp_pings: bool,
    awareness_max_multiplier: u32,
    gossip_nodes: u32,
    gossip_interval: String,
    gossip_to_the_dead_time: String,
    gossip_verify_incoming: bool,
    gossip_verify_outgoing: bool,
    enable_compression: bool,
    handoff_queue_depth: usize,
    #[serde(rename = "UDPBufferSize")]
    udp_buffer_size: usize,
    queue_check_interval: String,
}

/// Why `config.json` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not JSON, or a name is missing or has a value of another type.
    #[error("config.json: {0}")]
    Json(#[from] serde_json::Error),
    /// A time cannot be read.
    #[error("config.json: {name} is `{value}`, expected a time such as `200ms`, `1.5s` or `1m`")]
    Duration {
        /// Its name.
        name: &'static str,
        /// What is written.
        value: String,
    },
    /// A value with which the ring cannot work.
    #[error("config.json: {name}: {reason}")]
    Value {
        /// Its name.
        name: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAN: &str = r#"{"TCPTimeout": "10s", "IndirectChecks": 3, "RetransmitMult": 4, "SuspicionMult": 4,
        "SuspicionMaxTimeoutMult": 6, "PushPullInterval": "30s", "ProbeTimeout": "500ms", "ProbeInterval": "1s",
        "DisableTcpPings": false, "AwarenessMaxMultiplier": 8, "GossipNodes": 3, "GossipInterval": "200ms",
        "GossipToTheDeadTime": "30s", "GossipVerifyIncoming": true, "GossipVerifyOutgoing": true, "EnableCompression": true,
        "HandoffQueueDepth": 1024, "UDPBufferSize": 1400, "QueueCheckInterval": "30s", "SomethingElse": 1}"#;

    fn refused(from: &str, to: &str) -> String {
        assert!(LAN.contains(from));
        Config::from_json(&LAN.replace(from, to))
            .expect_err("refused")
            .to_string()
    }

    #[test]
    fn the_file_with_the_values_of_the_preset_gives_the_preset() {
        assert_eq!(Config::from_json(LAN).unwrap(), Config::lan());
    }

    #[test]
    fn presets_are_those_of_the_table() {
        // layer2 5.3; what is not here is the same in both.
        let table = |config: Config| {
            let times = [
                config.tcp_timeout,
                config.push_pull_interval,
                config.probe_timeout,
                config.probe_interval,
                config.gossip_interval,
                config.gossip_to_the_dead_time,
            ];
            (
                times.map(|time| time.as_millis()),
                config.suspicion_mult,
                config.gossip_nodes,
            )
        };
        let lan = ([10_000, 30_000, 500, 1_000, 200, 30_000], 4, 3);
        let wan = ([30_000, 60_000, 3_000, 5_000, 500, 60_000], 6, 4);
        assert_eq!((table(Config::lan()), table(Config::wan())), (lan, wan));
        assert_eq!(Config::lan().dead_node_reclaim_time, Duration::ZERO);
    }

    #[test]
    fn what_is_missing_or_cannot_work_is_named() {
        assert!(refused(r#""GossipNodes": 3,"#, "").contains("missing field `GossipNodes`"));
        assert!(refused(r#""GossipVerifyIncoming": true,"#, "").contains("GossipVerifyIncoming"));
        assert_eq!(
            refused("500ms", "soon"),
            "config.json: ProbeTimeout is `soon`, expected a time such as `200ms`, `1.5s` or `1m`"
        );
        assert!(refused("200ms", "0s").contains("GossipInterval"));
        assert!(refused("1400", "100").contains("UDPBufferSize"));
    }
}
