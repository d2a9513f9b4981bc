//! What differs between two states of an object, as sets of fields.

use serde_json::{Map, Value};

use super::walk::{Place, Shape, elements};
use super::{FieldSet, field};
use crate::schema::Schema;

/// What became different.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Fields that are new or have another value.
    pub(crate) changed: FieldSet,
    /// Fields that are gone.
    pub(crate) removed: FieldSet,
}

/// Compares two objects. With `has_sections`, a field of the root that is a struct counts as always there, as it does
/// in built-in kinds.
pub(crate) fn compare(old: &Value, new: &Value, schema: Option<&Schema>, has_sections: bool) -> Difference {
    let mut found = Difference::default();
    let empty = Map::new();
    let (old, new) = (
        old.as_object().unwrap_or(&empty),
        new.as_object().unwrap_or(&empty),
    );
    let place = Place::root(schema);
    for name in names(old, new) {
        let element = field(name);
        let child = place.child(name);
        of_field(&mut found, element.clone(), old.get(name), new.get(name), child);
        if has_sections && child.is_struct() {
            for set in [&mut found.changed, &mut found.removed] {
                set.forget_member(&element);
            }
        }
    }
    found
}

impl FieldSet {
    /// Takes out a path without what is below it.
    fn forget_member(&mut self, element: &str) {
        if let Some(node) = self.0.get_mut(element) {
            node.is_member = false;
            if node.below.is_empty() {
                self.0.remove(element);
            }
        }
    }
}

fn names<'a>(old: &'a Map<String, Value>, new: &'a Map<String, Value>) -> impl Iterator<Item = &'a String> {
    let gone = old.keys().filter(|k| !new.contains_key(*k));
    new.keys().chain(gone)
}

fn of_field(
    found: &mut Difference,
    element: String,
    old: Option<&Value>,
    new: Option<&Value>,
    place: Place<'_>,
) {
    if old == new {
        return;
    }
    if old.is_none() {
        found.changed.insert(element.clone());
    }
    if new.is_none() {
        found.removed.insert(element.clone());
    }
    let Some(any) = new.or(old) else { return };
    let shape = place.shape(any);
    let same_kind = match (old, new) {
        (Some(a), Some(b)) => core::mem::discriminant(a) == core::mem::discriminant(b),
        _ => true,
    };
    if matches!(shape, Shape::Atomic) || !same_kind {
        if old.is_some() && new.is_some() {
            found.changed.insert(element);
        }
        return;
    }
    let below = match any {
        Value::Object(_) => of_maps(old, new, place),
        _ => of_lists(old, new, &shape, place),
    };
    found.changed.graft(element.clone(), below.changed);
    found.removed.graft(element, below.removed);
}

fn of_maps(old: Option<&Value>, new: Option<&Value>, place: Place<'_>) -> Difference {
    let empty = Map::new();
    let map = |v: Option<&'_ Value>| v.and_then(Value::as_object).cloned();
    let (old, new) = (
        map(old).unwrap_or_else(|| empty.clone()),
        map(new).unwrap_or(empty),
    );
    let mut found = Difference::default();
    for name in names(&old, &new) {
        of_field(
            &mut found,
            field(name),
            old.get(name),
            new.get(name),
            place.child(name),
        );
    }
    found
}

fn of_lists(old: Option<&Value>, new: Option<&Value>, shape: &Shape<'_>, place: Place<'_>) -> Difference {
    let items = |v: Option<&'_ Value>| v.and_then(Value::as_array).cloned().unwrap_or_default();
    let (old, new) = (items(old), items(new));
    let (old_names, new_names) = (elements(&old, shape), elements(&new, shape));
    let find = |names: &[String], name: &String| names.iter().position(|n| n == name);
    let mut found = Difference::default();
    for (item, name) in new.iter().zip(&new_names) {
        let before = find(&old_names, name).map(|i| &old[i]);
        of_field(&mut found, name.clone(), before, Some(item), place.item());
    }
    for (item, name) in old.iter().zip(&old_names) {
        if find(&new_names, name).is_none() {
            of_field(&mut found, name.clone(), Some(item), None, place.item());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::builtin;
    use serde_json::json;

    #[test]
    fn new_maps_and_items_are_named_with_what_is_in_them() {
        let schema = builtin("io.k8s.api.core.v1.Service");
        let old = json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80, "protocol": "TCP"}], "type": "ClusterIP"}});
        let new = json!({"metadata": {"name": "a", "labels": {"x": "1"}}, "spec": {"ports": [{"port": 81}], "type": "NodePort"}});
        let found = compare(&old, &new, schema, true);
        assert_eq!(
            found.changed.to_value(),
            json!({
                "f:metadata": {"f:labels": {".": {}, "f:x": {}}},
                "f:spec": {"f:type": {}, "f:ports": {"k:{\"port\":81,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}},
            })
        );
        assert_eq!(
            found.removed.paths(),
            [
                ".spec.ports[port=80,protocol=\"TCP\"]",
                ".spec.ports[port=80,protocol=\"TCP\"].port",
                ".spec.ports[port=80,protocol=\"TCP\"].protocol"
            ]
        );
        assert_eq!(compare(&new, &new, schema, true), Difference::default());
    }

    #[test]
    fn a_new_section_is_named_only_where_it_can_be_missing() {
        let schema = builtin("io.k8s.api.core.v1.ConfigMap");
        let (old, new) = (json!({}), json!({"metadata": {"labels": {}}, "data": {"k": "v"}}));
        assert_eq!(
            compare(&old, &new, schema, true).changed.to_value(),
            json!({"f:metadata": {"f:labels": {}}, "f:data": {".": {}, "f:k": {}}})
        );
        let spec = json!({"spec": {"a": 1}});
        assert_eq!(
            compare(&old, &spec, None, false).changed.to_value(),
            json!({"f:spec": {".": {}, "f:a": {}}})
        );
    }
}
