//! Flags that the controller and the speaker have in common.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

/// Flags of every long-running process.
#[derive(Debug, Args)]
pub struct ProcessArgs {
    /// The namespace whose pools and advertisements count; default: the one of the pod's ServiceAccount
    #[arg(long, env = "METALLB_NAMESPACE", value_name = "NAME", hide_env_values = true)]
    pub namespace: Option<String>,
    /// Handle only Services whose `spec.loadBalancerClass` equals this; empty: only those without a class
    #[arg(long, value_name = "CLASS", default_value = "", hide_default_value = true)]
    pub lb_class: String,
    /// Port of `/metrics` and `/debug/state`, plain HTTP; 0 switches it off
    #[arg(long, value_name = "PORT", default_value_t = 7472)]
    pub port: u16,
    /// Port of `/healthz` and `/readyz`; 0 switches it off
    #[arg(long, value_name = "PORT", default_value_t = 17472)]
    pub health_probe_port: u16,
    /// all, debug, info, warn, error or none
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub log_level: String,
    /// How to reach the API server; default: `KUBECONFIG`, then the pod's ServiceAccount, then `~/.kube/config`
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
}

macro_rules! unused {
    ($(#[$doc:meta])* $name:ident { $($(#[$arg:meta])* $field:ident = $flag:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Args)]
        pub struct $name {
            $($(#[$arg])* #[arg(long = $flag, hide = true, value_name = "VALUE", action = ArgAction::Set)]
            #[expect(missing_docs, reason = "the flag's name says what the reference means by it")]
            pub $field: Option<String>,)*
        }

        impl $name {
            /// The flags that were given although nothing comes of them yet; told in a warning at start.
            #[must_use]
            pub fn given(&self) -> Vec<&'static str> {
                let all = [$((concat!("--", $flag), self.$field.is_some())),*];
                all.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag).collect()
            }
        }
    };
}

unused! {
    /// Flags of the reference's controller that have no effect yet, taken so that its manifests start.
    UnusedControllerArgs {
        pod_name = "pod-name",
        ml_secret_name = "ml-secret-name",
        deployment = "deployment",
        webhook_mode = "webhook-mode",
        webhook_secret = "webhook-secret",
        cert_dir = "cert-dir",
        cert_service_name = "cert-service-name",
        #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        disable_cert_rotation = "disable-cert-rotation",
        #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        webhook_http2 = "webhook-http2",
        tls_min_version = "tls-min-version",
        tls_cipher_suites = "tls-cipher-suites",
        tls_curve_preferences = "tls-curve-preferences",
        metrics_cert_dir = "metrics-cert-dir",
        pprof_bind_address = "pprof-bind-address",
    }
}

unused! {
    /// Flags of the reference's speaker that have no effect yet, taken so that its manifests start.
    UnusedSpeakerArgs {
        pod_name = "pod-name",
        host = "host",
        ml_bindaddr = "ml-bindaddr",
        ml_bindport = "ml-bindport",
        ml_labels = "ml-labels",
        ml_secret_key_path = "ml-secret-key-path",
        #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        ml_wan_config = "ml-wan-config",
        frrk8s_namespace = "frrk8s-namespace",
        #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
        frrk8s_secret_passthrough = "frrk8s-secret-passthrough",
        bgp_debounce_timeout = "bgp-debounce-timeout",
        tls_min_version = "tls-min-version",
        tls_cipher_suites = "tls-cipher-suites",
        tls_curve_preferences = "tls-curve-preferences",
        metrics_cert_dir = "metrics-cert-dir",
        pprof_bind_address = "pprof-bind-address",
    }
}

/// Reads a Go boolean: `--flag`, `--flag=true`, `--flag=false`.
pub(super) fn go_bool() -> BoolishValueParser {
    BoolishValueParser::new()
}
