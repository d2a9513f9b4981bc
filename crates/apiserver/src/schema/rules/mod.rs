//! Rules in CEL (`x-kubernetes-validations`): compiled once for a CRD, evaluated for every object of its kind.
//!
//! ```text
//!   text ─▶ compile ─▶ names, types, cost (unknown names, operands that never fit, loops without bounds: the CRD is refused)
//!                 └──▶ evaluate ─▶ value (JSON to CEL by the schema) ─▶ cost (bounded before it runs) ─▶ run
//! ```
//!
//! The language and the functions that Kubernetes adds come from the `kube-cel` crate; the walk is ours, because a real
//! server correlates the items of map lists, lets unchanged values pass, and bounds the cost. Types are checked as
//! far as the schema tells them for certain; what is left fails when it is evaluated, and the object is refused.

mod compile;
mod cost;
mod evaluate;
mod names;
mod types;
mod value;

pub(crate) use compile::{Place, Rule, RuleText, total};
pub(crate) use evaluate::evaluate;

use ferrolb_api::GoDuration;
use kube_cel::KubeCelExt as _;
use kube_cel::cel::extractors::This;
use kube_cel::cel::{Context, ExecutionError, Value};

thread_local! {
    /// The functions; a context cannot be shared between threads.
    static FUNCTIONS: Context<'static> = functions();
}

fn functions() -> Context<'static> {
    let mut functions = Context::default().with_all();
    // The interpreter's own one also reads texts that Go, and so a real server, does not.
    functions.add_function("duration", duration);
    // The interpreter's own one measures a text in bytes.
    functions.add_function("size", size);
    functions
}

fn duration(value: Value) -> Result<Value, ExecutionError> {
    let text = match value {
        Value::String(text) => text,
        duration @ Value::Duration(_) => return Ok(duration),
        other => return Err(other.error_expected_type(kube_cel::cel::objects::ValueType::String)),
    };
    let duration: Result<GoDuration, _> = text.parse();
    duration
        .map(|d| Value::Duration(chrono::Duration::nanoseconds(d.as_nanos())))
        .map_err(|e| ExecutionError::function_error("duration", e))
}

fn size(This(of): This<Value>) -> Result<Value, ExecutionError> {
    let size = match of {
        Value::String(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Map(fields) => fields.map.len(),
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    i64::try_from(size)
        .map(Value::Int)
        .map_err(|e| ExecutionError::function_error("size", e))
}

/// Lends the context with all functions.
fn with_functions<T>(run: impl FnOnce(&Context<'static>) -> T) -> T {
    FUNCTIONS.with(run)
}
