//! Counters that controller and speaker both have.

use super::{Counter, Error, Gauge, Registry};

/// `metallb_k8s_client_*` (`operations.md` 7.2). All are 0 from the start.
#[derive(Clone, Debug)]
pub struct ClientMetrics {
    /// Changes of objects that were handled.
    pub updates: Counter,
    /// Of those, the ones whose handling failed.
    pub update_errors: Counter,
    /// 1 once a configuration has been applied.
    pub config_loaded: Gauge,
    /// 1 while the newest configuration is refused in part.
    pub config_stale: Gauge,
}

impl ClientMetrics {
    /// Registers the four.
    ///
    /// # Errors
    /// When they were registered before.
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        Ok(Self {
            updates: registry.counter(
                "metallb_k8s_client_updates_total",
                "Number of k8s object updates that have been processed.",
            )?,
            update_errors: registry.counter(
                "metallb_k8s_client_update_errors_total",
                "Number of k8s object updates that failed for some reason.",
            )?,
            config_loaded: registry.gauge(
                "metallb_k8s_client_config_loaded_bool",
                "1 if the configuration was successfully loaded at least once.",
            )?,
            config_stale: registry.gauge(
                "metallb_k8s_client_config_stale_bool",
                "1 if running on a stale configuration, because the latest configuration failed to load.",
            )?,
        })
    }
}
