//! Flags that the controller and the speaker have in common, and those of the reference that have no effect.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use ferrolb_api::BgpMode;

use super::go;

/// What `controller` and `speaker` say after their flags.
pub(super) const AFTER_HELP: &str = "\
Flags are written as for MetalLB: with one dash or two, the value behind `=` or a space, booleans
alone or with `=`; of a flag that is repeated the last one counts. An environment variable is the
default of its flag.

Exit status: 0 stopped by a signal, 1 it could not start or a part of it has failed, 2 wrong usage.";

/// Flags of every long-running process.
#[derive(Debug, Args)]
pub struct ProcessArgs {
    /// The namespace whose pools, advertisements and Secrets count; default: the one of the pod's ServiceAccount
    #[arg(long, env = "METALLB_NAMESPACE", value_name = "NAME", hide_env_values = true)]
    pub namespace: Option<String>,
    /// Handle only Services whose `spec.loadBalancerClass` equals this; empty: only those without a class. The controller
    /// and every speaker need the same
    #[arg(long, value_name = "CLASS", default_value = "", hide_default_value = true)]
    pub lb_class: String,
    /// Port of `/metrics` and `/debug/state`, plain HTTP; 0 switches it off
    #[arg(long, value_name = "PORT", default_value = "7472", value_parser = go::port)]
    pub port: u16,
    /// Port of `/healthz` and `/readyz`; 0 switches it off
    #[arg(long, value_name = "PORT", default_value = "17472", value_parser = go::port)]
    pub health_probe_port: u16,
    /// all, debug, info, warn, error or none
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub log_level: String,
    /// Which rules and defaults of BGP apply: `native` or `frr` (both mean the built-in stack, without any FRR), or `frr-k8s`
    /// (an frr-k8s daemon that the cluster already has). The controller and every speaker need the same
    #[arg(
        long,
        env = "METALLB_BGP_TYPE",
        value_name = "TYPE",
        default_value = "native",
        hide_env_values = true
    )]
    pub bgp_type: String,
    /// The pod that this process runs in: its ConfigurationState goes with it
    #[arg(long, env = "METALLB_POD_NAME", value_name = "NAME", hide_env_values = true)]
    pub pod_name: Option<String>,
    /// How to reach the API server; default: `KUBECONFIG`, then the pod's ServiceAccount, then `~/.kube/config`
    #[arg(long, value_name = "FILE", value_parser = go::path())]
    pub kubeconfig: Option<PathBuf>,
}

impl ProcessArgs {
    /// What `bgp_type` means; empty is the default.
    ///
    /// # Errors
    /// When there is no such type.
    pub fn bgp_mode(&self) -> anyhow::Result<BgpMode> {
        match &*self.bgp_type {
            "" => Ok(BgpMode::default()),
            text => text
                .parse()
                .with_context(|| format!("`--bgp-type` or `METALLB_BGP_TYPE` is `{text}`")),
        }
    }
}

/// Heading, in the help, of the flags that do nothing.
pub const WITHOUT_EFFECT: &str = "Accepted without effect, so that MetalLB's manifests start";

macro_rules! unused {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$arg:meta])* $field:ident = $flag:literal $(, env $env:literal)? : $help:literal),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Args)]
        pub struct $name {
            $(
                #[doc = $help]
                $(#[$arg])*
                #[arg(long = $flag, help_heading = WITHOUT_EFFECT, value_name = "VALUE", hide_env_values = true
                      $(, env = $env)?)]
                pub $field: Option<String>,
            )*
        }

        impl $name {
            /// The flags that were given, by flag or environment, although nothing comes of them; told in a warning at
            /// start.
            #[must_use]
            pub fn given(&self) -> Vec<&'static str> {
                let all = [$((concat!("--", $flag), &self.$field)),*];
                let is_given = |value: &Option<String>| value.as_ref().is_some_and(|v| !v.is_empty());
                all.into_iter().filter(|(_, value)| is_given(value)).map(|(flag, _)| flag).collect()
            }
        }
    };
}

unused! {
    /// Flags of the reference's controller that have no effect.
    UnusedControllerArgs {
        metrics_cert_dir = "metrics-cert-dir":
            "A directory with `tls.crt` and `tls.key` for metrics over HTTPS",
        pprof_bind_address = "pprof-bind-address":
            "Where Go's profiler listens; there is none here",
        #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go::bool_text)]
        enable_pprof = "enable-pprof":
            "Serve Go's profiler on the port of the metrics; there is none here",
    }
}

unused! {
    /// Flags of the reference's speaker that have no effect.
    UnusedSpeakerArgs {
        host = "host", env "METALLB_HOST":
            "The address where metrics are served; they are served on every address, as MetalLB does since v0.16",
        frrk8s_namespace = "frrk8s-namespace", env "FRRK8S_NAMESPACE":
            "The namespace of FRRConfiguration objects; empty: the own one",
        #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go::bool_text)]
        frrk8s_secret_passthrough = "frrk8s-secret-passthrough":
            "Name Secrets in FRRConfiguration objects instead of writing passwords into them",
        bgp_debounce_timeout = "bgp-debounce-timeout", env "METALLB_BGP_DEBOUNCE_TIMEOUT":
            "Milliseconds by which MetalLB delays a reload of FRR; there is no FRR to reload, changes go out at once",
        tls_min_version = "tls-min-version":
            "The lowest version of TLS: `VersionTLS12` or `VersionTLS13`",
        tls_cipher_suites = "tls-cipher-suites":
            "Cipher suites by their IANA names, separated by commas; for TLS 1.2 only",
        tls_curve_preferences = "tls-curve-preferences":
            "Key exchange groups by number, separated by commas, like `29,4588`",
        metrics_cert_dir = "metrics-cert-dir":
            "A directory with `tls.crt` and `tls.key` for metrics over HTTPS",
        pprof_bind_address = "pprof-bind-address":
            "Where Go's profiler listens; there is none here",
        #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go::bool_text)]
        enable_pprof = "enable-pprof":
            "Serve Go's profiler on the port of the metrics; there is none here",
    }
}

impl UnusedSpeakerArgs {
    /// Refuses what the reference refuses at start.
    ///
    /// # Errors
    /// When a value is none that the flag takes, or does not fit another flag.
    pub fn check(&self, bgp_mode: BgpMode) -> anyhow::Result<()> {
        if let Some(text) = given(self.bgp_debounce_timeout.as_ref()) {
            let positive = text.parse::<u32>().is_ok_and(|milliseconds| milliseconds > 0);
            ensure!(
                positive,
                "`--bgp-debounce-timeout` is `{text}`; write a number of milliseconds above 0"
            );
        }
        let passthrough =
            given(self.frrk8s_secret_passthrough.as_ref()).is_some_and(|v| go::bool(v) == Ok(true));
        if passthrough && (bgp_mode != BgpMode::FrrK8s || given(self.frrk8s_namespace.as_ref()).is_none()) {
            bail!("`--frrk8s-secret-passthrough` needs `METALLB_BGP_TYPE=frr-k8s` and `--frrk8s-namespace`");
        }
        Ok(())
    }
}

fn given(value: Option<&String>) -> Option<&str> {
    value.map(String::as_str).filter(|text| !text.is_empty())
}
