//! One stored Event, two groups: the core form and the `events.k8s.io` form have different field names.

use serde_json::{Map, Value};

use crate::object::root_mut;

/// Core name, then the name in `events.k8s.io`.
const RENAMED: [(&str, &str); 6] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// The reporter's two names are spelled differently too.
const REPORTERS: [(&str, &str); 1] = [("reportingComponent", "reportingController")];

/// From the core form to the `events.k8s.io` form.
pub(super) fn to_view(event: &mut Value) {
    let map = root_mut(event);
    for (core, view) in RENAMED.into_iter().chain(REPORTERS) {
        rename(map, core, view);
    }
}

/// From the `events.k8s.io` form to the core form.
pub(super) fn to_core(event: &mut Value) {
    let map = root_mut(event);
    for (core, view) in RENAMED.into_iter().chain(REPORTERS) {
        rename(map, view, core);
    }
}

fn rename(map: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = map.remove(from) {
        map.insert(to.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_forms_turn_into_each_other_without_loss() {
        let core = json!({
            "kind": "Event", "involvedObject": {"name": "web"}, "message": "m", "reason": "r", "count": 2,
            "source": {"component": "c"}, "reportingComponent": "c", "reportingInstance": "i", "type": "Normal",
        });
        let mut event = core.clone();
        to_view(&mut event);
        assert_eq!(
            (&event["note"], &event["regarding"]["name"]),
            (&json!("m"), &json!("web"))
        );
        assert_eq!(event["reportingController"], "c");
        to_core(&mut event);
        assert_eq!(event, core);
    }
}
