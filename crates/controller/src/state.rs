//! The allocator's part of `/debug/state`.

use serde_json::{Map, Value, json};

use crate::allocator::Allocator;

/// Everything that decides, as JSON.
pub(crate) fn of(allocator: &Allocator) -> Value {
    let engine = allocator.engine();
    let pools = engine
        .usage()
        .map(|(name, usage)| (name.to_string(), json!(usage)));
    let services = engine
        .outcomes()
        .into_iter()
        .map(|(key, outcome)| (key.to_string(), json!(outcome)));
    let waiting = engine
        .waiting()
        .into_iter()
        .map(|(reason, count)| (reason.to_string(), json!(count)));
    json!({
        "started": engine.is_started(),
        "missing": allocator.missing(),
        "class": &*engine.options().class,
        "pools": pools.collect::<Map<_, _>>(),
        "problems": allocator.configuration().problems().collect::<Vec<_>>(),
        "services": services.collect::<Map<_, _>>(),
        "waiting": waiting.collect::<Map<_, _>>(),
    })
}
