//! Flags of the gossip ring.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use ferrolb_speaker::{GossipConfig, GossipKey, RingConfig, derive_key};

use super::go;

/// The file in the directory of `--ml-secret-key-path`.
const KEY_FILE: &str = "secretkey";

/// The key with which the ring encrypts, if it does (operations 6.5).
#[derive(Debug, Args)]
pub struct GossipKeyArgs {
    /// The directory with the file `secretkey`, the key of gossip; empty: not encrypted
    #[arg(
        long,
        env = "METALLB_ML_SECRET_KEY_PATH",
        value_name = "DIR",
        value_parser = go::path(),
        hide_env_values = true
    )]
    pub ml_secret_key_path: Option<PathBuf>,
}

/// How a speaker takes part in the ring (layer2 1.1, section 5).
#[derive(Debug, Args)]
#[command(next_help_heading = "Gossip with other speakers")]
pub struct RingArgs {
    /// The own address for gossip with other speakers, which they are told; empty: no gossip, and every Node counts as having a
    /// speaker
    #[arg(
        long,
        env = "METALLB_ML_BIND_ADDR",
        value_name = "ADDRESS",
        hide_env_values = true
    )]
    pub ml_bindaddr: Option<String>,
    /// The port for gossip, TCP and UDP, the same on every node; empty: 7946
    #[arg(
        long,
        env = "METALLB_ML_BIND_PORT",
        value_name = "PORT",
        hide_env_values = true
    )]
    pub ml_bindport: Option<String>,
    /// The label selector of the speakers' pods, by which they find each other; empty: no gossip
    #[arg(
        long,
        env = "METALLB_ML_LABELS",
        value_name = "SELECTOR",
        hide_env_values = true
    )]
    pub ml_labels: Option<String>,
    /// The key.
    #[command(flatten)]
    pub key: GossipKeyArgs,
    /// Timing of gossip for nodes that are far apart
    #[arg(long, value_parser = go::bool, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub ml_wan_config: bool,
    /// JSON file with the timing of gossip, in place of all defaults and of `--ml-wan-config`, if it exists
    #[arg(
        long,
        value_name = "FILE",
        value_parser = go::path(),
        default_value = "/etc/metallb/memberlist/config.json"
    )]
    pub ml_config_file: PathBuf,
    /// Speakers watch each other with BFD through the port of gossip, so that a dead one is replaced in half a second instead of
    /// several
    #[arg(long, value_parser = go::bool, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true",
          default_missing_value = "true", action = clap::ArgAction::Set)]
    pub fast_watch: bool,
}

impl RingArgs {
    /// What the flags say; none without gossip (layer2 5.1).
    ///
    /// # Errors
    /// When a value cannot be used or a file cannot be read, port and key also if there is no gossip.
    pub fn config(&self) -> anyhow::Result<Option<RingConfig>> {
        let (key, port) = (self.key.read()?, self.port()?);
        let (Some(address), Some(labels)) =
            (given(self.ml_bindaddr.as_ref()), given(self.ml_labels.as_ref()))
        else {
            return Ok(None);
        };
        let ip: IpAddr = address
            .parse()
            .with_context(|| format!("`--ml-bindaddr` is `{address}`; write an address of this node"))?;
        ensure!(
            !ip.is_unspecified(),
            "`--ml-bindaddr` is `{address}`, which others cannot reach; write an address of this node"
        );
        Ok(Some(RingConfig {
            bind: SocketAddr::new(ip, port),
            labels: labels.into(),
            key,
            gossip: self.timing()?,
        }))
    }

    fn port(&self) -> anyhow::Result<u16> {
        let Some(text) = given(self.ml_bindport.as_ref()) else {
            return Ok(GossipConfig::PORT);
        };
        let port = text.parse().ok().filter(|port| *port > 0);
        port.with_context(|| format!("`--ml-bindport` is `{text}`; write a number from 1 to 65535"))
    }

    /// A file replaces the presets (operations 6.5).
    fn timing(&self) -> anyhow::Result<GossipConfig> {
        let preset = if self.ml_wan_config {
            GossipConfig::wan()
        } else {
            GossipConfig::lan()
        };
        let config = from_file(&self.ml_config_file)?.unwrap_or(preset);
        Ok(GossipConfig {
            fast_watch: self.fast_watch,
            ..config
        })
    }
}

impl GossipKeyArgs {
    /// The key in the directory; none: not encrypted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self) -> anyhow::Result<Option<GossipKey>> {
        let Some(directory) = self.ml_secret_key_path.as_deref().filter(|path| *path != "") else {
            return Ok(None);
        };
        let file = directory.join(KEY_FILE);
        let secret = std::fs::read(&file)
            .with_context(|| format!("cannot read `{}` of `--ml-secret-key-path`", file.display()))?;
        Ok(derive_key(&secret).map(GossipKey))
    }
}

fn from_file(path: &Path) -> anyhow::Result<Option<GossipConfig>> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let config = GossipConfig::from_json(&text);
            config.with_context(|| path.display().to_string()).map(Some)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

fn given(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    #[command(args_override_self = true)]
    struct Flags {
        #[command(flatten)]
        ring: RingArgs,
    }

    const ON: [&str; 4] = ["--ml-bindaddr", "192.0.2.1", "--ml-labels", "app=metallb"];

    fn config(flags: &[&str]) -> anyhow::Result<Option<RingConfig>> {
        let none = ["test", "--ml-config-file", "/nonexistent/config.json"];
        let flags = none.iter().chain(flags);
        Flags::try_parse_from(flags).expect("they parse").ring.config()
    }

    /// A file of this content in a directory of its own.
    fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join(name);
        std::fs::write(&path, content).expect("a file");
        (directory, path)
    }

    fn on(flags: &[&str]) -> RingConfig {
        let config = config(&[&ON, flags].concat());
        config.expect("it can be used").expect("there is gossip")
    }

    #[test]
    fn without_an_address_or_a_selector_there_is_no_gossip() {
        for flags in [
            &[][..],
            &ON[..2],
            &ON[2..],
            &["--ml-bindaddr", "", "--ml-labels", "app=metallb"],
            &["--ml-bindaddr", "192.0.2.1", "--ml-labels", ""],
        ] {
            assert!(config(flags).expect("it is no error").is_none(), "{flags:?}");
        }
    }

    #[test]
    fn an_empty_port_is_that_of_memberlist() {
        for (port, expected) in [("", 7946), ("7947", 7947)] {
            let bind = on(&["--ml-bindport", port]).bind;
            assert_eq!(bind, SocketAddr::from(([192, 0, 2, 1], expected)));
        }
        assert_eq!(on(&[]).bind.port(), 7946);
    }

    #[test]
    fn an_address_that_others_cannot_reach_is_refused() {
        for address in ["0.0.0.0", "::", "node-1"] {
            let refused = config(&["--ml-bindaddr", address, "--ml-labels", "x"]);
            let error = refused.expect_err("refused").to_string();
            assert!(
                error.contains("--ml-bindaddr") && error.contains(address),
                "{error}"
            );
        }
    }

    #[test]
    fn the_key_is_the_text_of_the_file_byte_for_byte() {
        let (directory, _) = file(KEY_FILE, b"s\n");
        let path = directory.path().to_str().expect("text");
        let GossipKey(key) = on(&["--ml-secret-key-path", path]).key.expect("a key");
        assert_eq!((&key[..2], key[2]), (&b"s\n"[..], 0xe3));
    }

    #[test]
    fn an_empty_key_is_none_and_one_that_cannot_be_read_is_an_error_also_without_gossip() {
        let (directory, _) = file(KEY_FILE, b"");
        let path = directory.path().to_str().expect("text");
        assert!(on(&["--ml-secret-key-path", path]).key.is_none());
        assert!(on(&["--ml-secret-key-path", ""]).key.is_none());
        let error = config(&["--ml-secret-key-path", "/nonexistent"]).expect_err("refused");
        assert!(error.to_string().contains("/nonexistent/secretkey"), "{error}");
    }

    #[test]
    fn the_preset_for_wide_networks_is_taken_unless_there_is_a_file() {
        assert_eq!(on(&[]).gossip, GossipConfig::lan());
        assert_eq!(on(&["--ml-wan-config"]).gossip, GossipConfig::wan());
        assert_eq!(on(&["--ml-config-file", ""]).gossip, GossipConfig::lan());
        let (_directory, path) = file("config.json", br#"{"TCPTimeout": "10s"}"#);
        let path = path.to_str().expect("text");
        let refused = config(&[&ON[..], &["--ml-wan-config", "--ml-config-file", path]].concat());
        let error = format!("{:#}", refused.expect_err("a missing key is fatal"));
        assert!(
            error.contains("IndirectChecks") && error.contains(path),
            "{error}"
        );
    }

    #[test]
    fn watching_can_be_switched_off_whatever_the_preset() {
        assert!(on(&[]).gossip.fast_watch && on(&["--ml-wan-config"]).gossip.fast_watch);
        assert!(!on(&["--fast-watch=false", "--ml-wan-config"]).gossip.fast_watch);
    }
}
