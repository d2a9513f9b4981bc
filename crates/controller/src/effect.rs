//! From what the allocator asks for to writers, events, metrics and the log.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use ferrolb_api::core::{Namespace, Service};
use ferrolb_api::metallb::IpAddressPoolStatus;
use ferrolb_api::{ObjectId, Problem, Severity};
use ferrolb_ipam::{EventSeverity, PoolUsage, ServiceEvent, StatusWrite, WriteOutcome};
use ferrolb_kube::configuration;
use ferrolb_kube::configuration_state::Reporter;
use ferrolb_kube::event::{self, Recorder, Reference};
use ferrolb_kube::write::{Outcome, PoolStatusWriter, ReservationWriter, ServiceStatus, ServiceStatusWriter};
use ferrolb_telemetry::metrics::ClientMetrics;
use ferrolb_types::ObjectKey;

use crate::allocator::{Output, PoolNote};
use crate::configuration::News;
use crate::fences::MalformedFence;
use crate::metrics::Metrics;

/// Everything that carries out what was decided. Nothing in it waits.
pub(crate) struct Effects {
    pub(crate) services: ServiceStatusWriter,
    pub(crate) pools: PoolStatusWriter,
    pub(crate) reservations: ReservationWriter,
    pub(crate) recorder: Recorder,
    pub(crate) reporter: Reporter,
    pub(crate) metrics: Metrics,
    pub(crate) client_metrics: ClientMetrics,
    pub(crate) is_ready: Arc<AtomicBool>,
}

impl Effects {
    pub(crate) fn dispatch(&self, output: Output) {
        match output {
            Output::WriteStatus { write, is_blank } => self.services.submit(status(write, is_blank)),
            Output::RecordEvent(event) => self.record(event),
            Output::TellNews(news) => self.tell(news),
            Output::Report(wanted) => self.reporter.want(wanted),
            Output::ShowUsage(pool, usage) => {
                self.metrics.show(&pool, &usage);
                self.pools.want(&pool, Some(pool_status(&usage)));
            }
            Output::HideUsage(pool) => {
                self.metrics.hide(&pool);
                self.pools.want(&pool, None);
            }
            Output::ShowWaiting(waiting) => self.metrics.show_waiting(&waiting),
            Output::NotePool(note) => self.note(note),
            Output::RecordReservations(pool, list) => self.reservations.want(&pool, Some(list)),
            Output::ForgetPool(pool) => {
                self.pools.forget(&pool);
                self.reservations.forget(&pool);
            }
            Output::ShowConfiguration { is_loaded, is_stale } => {
                if is_loaded {
                    self.client_metrics.config_loaded.set_bool(true);
                }
                self.client_metrics.config_stale.set_bool(is_stale);
            }
            Output::TellFence(fence) => self.tell_fence(fence),
            Output::ReportReady => {
                self.is_ready.store(true, Ordering::Relaxed);
                tracing::info!(op = "startup", "all objects are known");
            }
            Output::ReportStarted => {
                tracing::info!(op = "startup", "addresses are allocated from now on");
            }
        }
    }

    fn note(&self, note: PoolNote) {
        let (pool, version) = (&note.pool, &*note.version);
        self.pools.observed(pool, note.status, version);
        match note.reservations {
            Some(list) => self.reservations.observed(pool, Some(list), version),
            None => self.reservations.forget(pool),
        }
    }

    fn record(&self, event: ServiceEvent) {
        let severity = match event.severity {
            EventSeverity::Normal => event::Severity::Normal,
            EventSeverity::Warning => event::Severity::Warning,
        };
        if severity == event::Severity::Warning {
            tracing::warn!(service = %event.service, event = %event.reason, "{}", event.message);
        } else {
            tracing::info!(service = %event.service, event = %event.reason, "{}", event.message);
        }
        self.send(event::Event {
            object: Reference::to::<Service>(event.service, event.uid),
            severity,
            reason: event.reason,
            message: event.message,
            tellers: if event.is_restated {
                event::Tellers::Many
            } else {
                event::Tellers::One
            },
        });
    }

    fn tell(&self, news: News) {
        match news {
            News::Repaired(ObjectId { kind, name }) => {
                tracing::info!(op = "setConfig", kind, object = %name, "the object is accepted");
            }
            News::Problems {
                id,
                uid,
                problems,
                is_new,
            } => {
                for problem in problems {
                    log_problem(&id, &problem);
                    if is_new && problem.severity == Severity::Error {
                        self.send(refusal(&id, &uid, problem));
                    }
                }
            }
        }
    }

    /// Of several controllers, one after the other, the first one tells it.
    fn tell_fence(&self, MalformedFence { uid, problem }: MalformedFence) {
        let Problem {
            name,
            field,
            reason,
            message,
            ..
        } = problem;
        tracing::warn!(namespace = %name, field, %reason, "{message}");
        self.send(event::Event {
            object: Reference::to::<Namespace>(ObjectKey::new("", name), uid),
            severity: event::Severity::Warning,
            reason,
            message: format!("{field}: {message}"),
            tellers: event::Tellers::Many,
        });
    }

    fn send(&self, event: event::Event) {
        self.recorder.record(event);
        let known = self.metrics.events_dropped.get();
        self.metrics
            .events_dropped
            .add(self.recorder.dropped().saturating_sub(known));
    }
}

fn log_problem(ObjectId { kind, name }: &ObjectId, problem: &Problem) {
    let Problem {
        severity,
        field,
        reason,
        message,
        ..
    } = problem;
    if *severity == Severity::Warning {
        tracing::warn!(op = "setConfig", kind, object = %name, field, %reason, "{message}");
        return;
    }
    tracing::error!(
        op = "setConfig", kind, object = %name, field, %reason, error = message,
        "failed to parse the configuration: the object is refused, its last accepted version stays in force"
    );
}

/// The event on a refused object. A mere warning has none: it would be repeated at every start.
fn refusal(id: &ObjectId, uid: &str, problem: Problem) -> event::Event {
    let Problem {
        namespace,
        field,
        reason,
        message,
        ..
    } = problem;
    event::Event {
        object: configuration::reference(id, &namespace, uid),
        severity: event::Severity::Warning,
        reason,
        message: if field.is_empty() {
            message
        } else {
            format!("{field}: {message}")
        },
        tellers: event::Tellers::One,
    }
}

fn status(write: StatusWrite, is_blank: bool) -> ServiceStatus {
    ServiceStatus {
        key: write.key,
        ticket: write.ticket.0,
        uid: write.uid,
        resource_version: write.resource_version,
        is_blank,
        addresses: write.addresses,
        pool: write.pool,
        request_condition: write.request_condition,
    }
}

fn pool_status(usage: &PoolUsage) -> IpAddressPoolStatus {
    IpAddressPoolStatus {
        assigned_ipv4: usage.assigned_ipv4,
        assigned_ipv6: usage.assigned_ipv6,
        available_ipv4: usage.available_ipv4(),
        available_ipv6: usage.available_ipv6(),
    }
}

/// Logs and counts how a write ended, and puts it into the engine's words.
pub(crate) fn finished(write: &ServiceStatus, outcome: Outcome, metrics: &ClientMetrics) -> WriteOutcome {
    let service = &write.key;
    match outcome {
        Outcome::Written { resource_version } => {
            let pool = write.pool.as_ref().map_or("", |pool| pool.as_str());
            let unmet = write
                .request_condition
                .as_ref()
                .map_or("", |condition| &condition.reason);
            tracing::info!(
                %service, event = "serviceUpdated", ips = ?write.addresses, pool, unmet, "updated service object"
            );
            WriteOutcome::Written { resource_version }
        }
        Outcome::Conflict => {
            tracing::debug!(%service, op = "updateServiceStatus", "the Service was changed meanwhile");
            WriteOutcome::Conflict
        }
        Outcome::Gone => WriteOutcome::Gone,
        Outcome::Refused { message } => {
            metrics.update_errors.increment();
            tracing::error!(%service, op = "updateServiceStatus", error = %message, "the API server refuses the status");
            WriteOutcome::Refused { message }
        }
        // The engine goes with the leadership.
        Outcome::Fenced => {
            tracing::debug!(%service, op = "updateServiceStatus", "not written, for this process may not write any more");
            WriteOutcome::Failed
        }
        Outcome::Failed { message } => {
            metrics.update_errors.increment();
            tracing::warn!(%service, op = "updateServiceStatus", error = %message, "cannot write the status yet");
            WriteOutcome::Failed
        }
    }
}
