//! From a tracing event to a line.

use core::fmt;
use std::error::Error;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::Context;

use super::format::{Format, Line};
use super::output::Output;
use crate::WallClock;

/// Writes each event as one line; spans are not recorded.
pub(super) struct Layer {
    format: Format,
    clock: WallClock,
    output: Output,
}

impl Layer {
    pub(super) fn new(format: Format, clock: WallClock, output: Output) -> Self {
        Self {
            format,
            clock,
            output,
        }
    }

    /// Says once that lines are missing, as soon as there is room again.
    fn report_dropped(&self) {
        let dropped = self.output.take_dropped();
        if dropped > 0 {
            let mut line = Line::new((self.clock)(), tracing::Level::WARN, "log", 0);
            line.set("msg", "log lines were dropped, output is too slow".into());
            line.set("count", dropped.into());
            self.output.send(line.finish(self.format));
        }
    }
}

impl<S: Subscriber> tracing_subscriber::Layer<S> for Layer {
    fn on_event(&self, event: &Event<'_>, _ctx: Context<'_, S>) {
        self.report_dropped();
        let metadata = event.metadata();
        let file = metadata.file().unwrap_or_else(|| metadata.target());
        let mut line = Line::new(
            (self.clock)(),
            *metadata.level(),
            file,
            metadata.line().unwrap_or(0),
        );
        event.record(&mut line);
        self.output.send(line.finish(self.format));
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.set(field.name(), with_causes(value).into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field.name(), Value::String(format!("{value:?}")));
    }
}

/// `error: cause: cause of the cause`, each only if its text is not already part of the one before.
fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
