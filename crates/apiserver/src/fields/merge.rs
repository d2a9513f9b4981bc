//! Merging an applied configuration into an object, and taking out what is no longer applied.

use serde_json::{Map, Value};

use super::walk::{Place, Shape, elements};
use super::{FieldSet, field};
use crate::schema::Schema;

/// The live object with everything that the configuration says.
pub(crate) fn merge(live: &Value, config: &Value, schema: Option<&Schema>) -> Value {
    merged(Some(live), config, Place::root(schema))
}

fn merged(live: Option<&Value>, config: &Value, place: Place<'_>) -> Value {
    let shape = place.shape(config);
    match (live, config, &shape) {
        (Some(Value::Object(live)), Value::Object(config), Shape::Map) => {
            let mut map = live.clone();
            for (name, value) in config {
                map.insert(name.clone(), merged(live.get(name), value, place.child(name)));
            }
            Value::Object(map)
        }
        (Some(Value::Array(live)), Value::Array(config), Shape::Items(_) | Shape::Set) => {
            Value::Array(merged_items(live, config, &shape, place))
        }
        _ => config.clone(),
    }
}

/// Live items keep their place; new ones come behind.
fn merged_items(live: &[Value], config: &[Value], shape: &Shape<'_>, place: Place<'_>) -> Vec<Value> {
    let (live_names, mut names) = (elements(live, shape), elements(config, shape));
    let mut items = live.to_vec();
    let mut added = Vec::new();
    for (item, name) in config.iter().zip(names.drain(..)) {
        match live_names.iter().position(|n| *n == name) {
            Some(at) => items[at] = merged(Some(&live[at]), item, place.item()),
            None => added.push(item.clone()),
        }
    }
    items.extend(added);
    items
}

/// Takes the fields of `gone` out of an object, except those that somebody still owns.
pub(crate) fn prune(object: &mut Value, gone: &FieldSet, kept: &FieldSet, schema: Option<&Schema>) {
    prune_at(object, gone, kept, Place::root(schema));
}

fn prune_at(value: &mut Value, gone: &FieldSet, kept: &FieldSet, place: Place<'_>) {
    let shape = place.shape(value);
    match value {
        Value::Object(map) => prune_map(map, gone, kept, place),
        Value::Array(items) => {
            let names = elements(items, &shape);
            let mut names = names.iter();
            items.retain_mut(|item| {
                names
                    .next()
                    .is_none_or(|name| stays(item, name, gone, kept, place.item()))
            });
        }
        _ => {}
    }
}

fn prune_map(map: &mut Map<String, Value>, gone: &FieldSet, kept: &FieldSet, place: Place<'_>) {
    map.retain(|name, value| stays(value, &field(name), gone, kept, place.child(name)));
}

/// Whether a value stays; what is below it is pruned.
fn stays(value: &mut Value, element: &str, gone: &FieldSet, kept: &FieldSet, place: Place<'_>) -> bool {
    let Some(node) = gone.0.get(element) else {
        return true;
    };
    let is_kept = kept.0.get(element).is_some_and(|k| k.is_member);
    // An item goes whole, whoever owns fields in it, as on a real server.
    if node.is_member && !is_kept {
        return false;
    }
    if node.below.is_empty() {
        return true;
    }
    let nothing = FieldSet::default();
    prune_at(value, &node.below, kept.below(element).unwrap_or(&nothing), place);
    // A map or list that held nothing else goes with its contents.
    let is_empty = match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    is_kept || !is_empty
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::owned;
    use crate::schema::builtin;
    use serde_json::json;

    fn schema() -> Option<&'static Schema> {
        builtin("io.k8s.api.core.v1.Service")
    }

    #[test]
    fn items_merge_by_their_keys_and_atomic_lists_are_replaced() {
        let live = json!({"spec": {"ports": [{"port": 80, "protocol": "TCP", "nodePort": 1}, {"port": 90, "protocol": "TCP"}],
            "externalIPs": ["a"], "selector": {"x": "1"}}});
        let config = json!({"spec": {"ports": [{"port": 70}, {"port": 80, "name": "h"}], "externalIPs": ["b"], "selector": {"y": "2"}}});
        let spec = &merge(&live, &config, schema())["spec"];
        assert_eq!(
            spec["ports"],
            json!([{"port": 80, "protocol": "TCP", "nodePort": 1, "name": "h"}, {"port": 90, "protocol": "TCP"}, {"port": 70}])
        );
        assert_eq!(spec["externalIPs"], json!(["b"]));
        assert_eq!(spec["selector"], json!({"y": "2"}), "selectors are atomic");
    }

    #[test]
    fn what_is_no_longer_applied_goes_unless_somebody_else_owns_it() {
        let mut object = json!({"metadata": {"labels": {"a": "1", "b": "2"}, "annotations": {"x": "y"}},
            "spec": {"ports": [{"port": 80, "protocol": "TCP", "name": "h"}, {"port": 90, "protocol": "TCP"}]}});
        let gone = owned(
            &json!({"metadata": {"labels": {"a": "1", "b": "2"}, "annotations": {"x": "y"}},
                "spec": {"ports": [{"port": 80, "name": "h"}, {"port": 90}]}}),
            schema(),
        );
        let kept = owned(
            &json!({"metadata": {"labels": {"b": "2"}}, "spec": {"ports": [{"port": 80}]}}),
            schema(),
        );
        prune(&mut object, &gone, &kept, schema());
        assert_eq!(
            object,
            json!({"metadata": {"labels": {"b": "2"}}, "spec": {"ports": [{"port": 80, "protocol": "TCP"}]}})
        );
    }
}
