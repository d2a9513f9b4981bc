//! What an operator sees of a running process: logs in the fixed JSON schema, metrics, and the admin HTTP server.
//!
//! What it is not: it decides nothing, and it knows no metric, state or readiness of its own beyond `process_*`; the
//! applications register theirs. It reads no clock and no environment: both are handed in.
//!
//! ```text
//!   tracing events ─▶ log::Layer ─▶ bounded queue ─▶ writer thread ─▶ stdout      (an event never waits for output)
//!                        ▲ level
//!   GET/PUT /debug/log-level ──┐
//!   GET /metrics ──────────────┤
//!   GET /healthz /readyz ──────┼─ admin::serve ──▶ metrics::Registry, readiness, state providers
//!   GET /debug/state ──────────┘
//! ```
//!
//! ```
//! use ferrolb_telemetry::metrics::Registry;
//!
//! let registry = Registry::new();
//! let in_use = registry.gauge_vec("lb_addresses_in_use", "Addresses in use.", &["pool"])?;
//! in_use.with(&["office"]).set(3);
//! assert!(registry.encode().contains("lb_addresses_in_use{pool=\"office\"} 3"));
//! # Ok::<(), ferrolb_telemetry::metrics::Error>(())
//! ```

pub mod admin;
pub mod log;
pub mod metrics;

/// Reads the wall clock; handed in so that one place of the process reads it and tests can stop it.
pub type WallClock = fn() -> std::time::SystemTime;
