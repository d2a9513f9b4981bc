//! `metadata.managedFields`: who owns which field, kept true on every write and consulted by server-side apply.

use core::cmp::Ordering;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::error::{ApiError, Cause};
use crate::fields::{Difference, FieldSet, compare, duplicate, merge, owned, prune};
use crate::kinds::Resource;
use crate::object::{meta_mut, root_mut};
use crate::ops::{Sub, WriteOptions};
use crate::schema::{Origin, Schema};
use crate::time;

/// At most so many managers that updated are told apart; older ones become one, as on a real server.
const MAX_UPDATERS: usize = 10;
/// The name of these.
const ANCIENT: &str = "ancient-changes";
/// Owner of everything in an object whose owners were not tracked before somebody applied to it.
const BEFORE: &str = "before-first-apply";

/// One entry.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    manager: String,
    applies: bool,
    api_version: String,
    subresource: String,
    time: String,
    fields: FieldSet,
}

/// Who writes.
struct Writer<'a> {
    manager: &'a str,
    applies: bool,
    api_version: String,
    sub: Sub,
    now: Timestamp,
}

impl Writer<'_> {
    fn is(&self, entry: &Entry) -> bool {
        entry.manager == self.manager
            && entry.applies == self.applies
            && entry.subresource == self.sub.as_str()
            && entry.api_version == self.api_version
    }

    fn entry(&self, fields: FieldSet) -> Entry {
        Entry {
            manager: self.manager.to_owned(),
            applies: self.applies,
            api_version: self.api_version.clone(),
            subresource: self.sub.as_str().to_owned(),
            time: time::seconds(self.now),
            fields,
        }
    }
}

fn writer<'a>(resource: &Resource, sub: Sub, options: &'a WriteOptions, applies: bool) -> Writer<'a> {
    Writer {
        manager: &options.manager,
        applies,
        api_version: resource.api_version(),
        sub,
        now: options.now,
    }
}

/// Records the creator of an object as the owner of its fields.
pub(crate) fn record_create(resource: &Resource, object: &mut Value, options: &WriteOptions) {
    let nothing = Value::Object(Map::new());
    record(
        resource,
        object,
        &nothing,
        Vec::new(),
        &writer(resource, Sub::Main, options, false),
    );
}

/// Records the writer of an update as the owner of what it changed.
pub(crate) fn record_update(
    resource: &Resource,
    object: &mut Value,
    old: &Value,
    sub: Sub,
    options: &WriteOptions,
) {
    // A writer that leaves them out changes nothing; one that sends an empty entry ends the tracking.
    let entries = match object["metadata"]["managedFields"].as_array() {
        Some(given) if !given.is_empty() => read(&object["metadata"]["managedFields"]),
        _ => read(&old["metadata"]["managedFields"]),
    };
    if entries.is_empty() {
        meta_mut(object).remove("managedFields");
        return;
    }
    record(
        resource,
        object,
        old,
        entries,
        &writer(resource, sub, options, false),
    );
}

fn record(
    resource: &Resource,
    object: &mut Value,
    old: &Value,
    mut entries: Vec<Entry>,
    writer: &Writer<'_>,
) {
    let Difference {
        mut changed,
        mut removed,
    } = difference(resource, old, object);
    for set in [&mut changed, &mut removed] {
        forget_untouched(resource, writer.sub, set);
    }
    for entry in entries.iter_mut().filter(|e| !writer.is(e)) {
        let left = entry.fields.difference(&removed).difference(&changed);
        entry.fields = left;
    }
    let mine = entries.iter().position(|e| writer.is(e));
    let before = mine.map(|i| entries.remove(i));
    let was = before.as_ref().map(|e| e.fields.clone()).unwrap_or_default();
    let is = was.difference(&removed).union(changed);
    match before {
        Some(entry) if entry.fields == is => entries.push(entry),
        _ => entries.push(writer.entry(is)),
    }
    write(object, entries);
}

fn difference(resource: &Resource, old: &Value, new: &Value) -> Difference {
    let has_sections = resource.origin() == Origin::BuiltIn;
    compare(old, new, resource.schema(), has_sections)
}

/// Server-side apply: the object with the configuration merged in, its managers brought up to date.
///
/// # Errors
/// 409 naming every field that another manager owns with another value, unless `force`.
pub(crate) fn apply(
    resource: &Resource,
    live: &Value,
    config: &Value,
    sub: Sub,
    options: &WriteOptions,
    force: bool,
) -> Result<Value, ApiError> {
    let schema: Option<&Schema> = resource.schema();
    let writer = writer(resource, sub, options, true);
    if let Some((path, item)) = duplicate(config, schema) {
        let message =
            format!("failed to create typed patch object: {path}: duplicate entries for key {item}");
        return Err(ApiError::bad_request(message));
    }
    let mut entries = read(&live["metadata"]["managedFields"]);
    if entries.is_empty() && !live["metadata"]["uid"].is_null() {
        entries.push(before_first(resource, live, &writer));
    }
    let mut set = owned(config, schema);
    forget_untouched(resource, sub, &mut set);
    let before = entries
        .iter()
        .position(|e| writer.is(e))
        .map(|i| entries.remove(i));
    let last = before.as_ref().map(|e| e.fields.clone()).unwrap_or_default();

    let mut object = merge(live, config, schema);
    let kept = entries
        .iter()
        .fold(set.clone(), |all, e| all.union(e.fields.clone()));
    prune(&mut object, &last.difference(&set), &kept, schema);
    let Difference { changed, removed } = difference(resource, live, &object);
    if !force {
        refuse_conflicts(&entries, &changed)?;
    }
    for entry in &mut entries {
        entry.fields = entry.fields.difference(&changed).difference(&removed);
    }
    match before {
        Some(entry) if entry.fields == set => entries.push(entry),
        _ => entries.push(writer.entry(set)),
    }
    write(&mut object, entries);
    Ok(object)
}

/// The entry for everything that an object had when it was first applied to.
fn before_first(resource: &Resource, live: &Value, writer: &Writer<'_>) -> Entry {
    let nothing = Value::Object(Map::new());
    let mut fields = difference(resource, &nothing, live).changed;
    forget_untouched(resource, Sub::Main, &mut fields);
    Entry {
        manager: BEFORE.to_owned(),
        applies: false,
        subresource: String::new(),
        ..writer.entry(fields)
    }
}

/// Fields that this endpoint does not write are not owned through it.
fn forget_untouched(resource: &Resource, sub: Sub, set: &mut FieldSet) {
    set.drop_common();
    match sub {
        Sub::Main if resource.has_status => set.drop_root("status"),
        Sub::Main => {}
        Sub::Status if resource.is_custom() => set.keep_root("status"),
        Sub::Status | Sub::Finalize => set.drop_root("spec"),
    }
}

fn refuse_conflicts(entries: &[Entry], changed: &FieldSet) -> Result<(), ApiError> {
    let mut causes = Vec::new();
    let mut groups = Vec::new();
    for entry in entries {
        let paths = entry.fields.intersection(changed).paths();
        if paths.is_empty() {
            continue;
        }
        let who = shown(entry);
        for path in &paths {
            causes.push(Cause {
                reason: "FieldManagerConflict",
                field: path.clone(),
                message: format!("conflict with {who}"),
            });
        }
        groups.push((who, paths));
    }
    if causes.is_empty() {
        return Ok(());
    }
    let list = match groups.as_slice() {
        [(who, paths)] if paths.len() == 1 => format!("conflict with {who}: {}", paths[0]),
        many => {
            let lines = many.iter().map(|(who, paths)| {
                let paths: Vec<String> = paths.iter().map(|p| format!("\n- {p}")).collect();
                format!("conflicts with {who}:{}", paths.concat())
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    let word = if causes.len() == 1 {
        "conflict"
    } else {
        "conflicts"
    };
    let mut error = ApiError::new(
        409,
        "Conflict",
        format!("Apply failed with {} {word}: {list}", causes.len()),
    );
    error.details = Some(Box::new(crate::error::Details {
        causes,
        ..crate::error::Details::default()
    }));
    Err(error)
}

fn shown(entry: &Entry) -> String {
    let mut text = format!("{:?}", entry.manager);
    if !entry.subresource.is_empty() {
        text.push_str(&format!(" with subresource {:?}", entry.subresource));
    }
    if !entry.applies {
        text.push_str(&format!(" using {}", entry.api_version));
    }
    text
}

fn read(managed: &Value) -> Vec<Entry> {
    let list = managed.as_array().into_iter().flatten();
    list.filter_map(|entry| {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let operation = entry["operation"].as_str()?;
        Some(Entry {
            manager: text("manager"),
            applies: operation == "Apply",
            api_version: text("apiVersion"),
            subresource: text("subresource"),
            time: text("time"),
            fields: FieldSet::parse(&entry["fieldsV1"]),
        })
    })
    .collect()
}

fn write(object: &mut Value, entries: Vec<Entry>) {
    let mut entries: Vec<Entry> = entries.into_iter().filter(|e| !e.fields.is_empty()).collect();
    entries.sort_by(order);
    let entries = without_ancients(entries);
    let list: Vec<Value> = entries.iter().map(to_value).collect();
    if list.is_empty() {
        meta_mut(object).remove("managedFields");
    } else {
        meta_mut(object).insert("managedFields".to_owned(), Value::Array(list));
    }
}

/// Appliers first, then by time, then by name.
fn order(a: &Entry, b: &Entry) -> Ordering {
    let key = |e: &Entry| {
        (
            !e.applies,
            e.time.clone(),
            e.manager.clone(),
            e.subresource.clone(),
        )
    };
    key(a).cmp(&key(b))
}

/// The oldest updaters become one when there are too many.
fn without_ancients(entries: Vec<Entry>) -> Vec<Entry> {
    let updaters = entries.iter().filter(|e| !e.applies).count();
    let mut too_many = updaters.saturating_sub(MAX_UPDATERS);
    if too_many == 0 {
        return entries;
    }
    too_many += 1;
    let mut ancient: Option<Entry> = None;
    let mut kept = Vec::with_capacity(entries.len());
    for entry in entries {
        if entry.applies || too_many == 0 {
            kept.push(entry);
            continue;
        }
        too_many -= 1;
        let older = ancient.map(|a| a.fields).unwrap_or_default();
        ancient = Some(Entry {
            manager: ANCIENT.to_owned(),
            subresource: String::new(),
            fields: older.union(entry.fields.clone()),
            ..entry
        });
    }
    kept.extend(ancient);
    kept.sort_by(order);
    kept
}

fn to_value(entry: &Entry) -> Value {
    let mut value = json!({
        "manager": entry.manager, "operation": if entry.applies { "Apply" } else { "Update" },
        "apiVersion": entry.api_version, "time": entry.time, "fieldsType": "FieldsV1",
        "fieldsV1": entry.fields.to_value(),
    });
    if !entry.subresource.is_empty() {
        root_mut(&mut value).insert("subresource".to_owned(), entry.subresource.as_str().into());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Registry;
    use crate::ops::FieldValidation;

    fn options(manager: &str) -> WriteOptions {
        WriteOptions {
            now: Timestamp::UNIX_EPOCH,
            dry_run: false,
            manager: manager.to_owned(),
            validation: FieldValidation::Warn,
            twice: Vec::new(),
        }
    }

    fn with_service<T>(run: impl FnOnce(&Resource) -> T) -> T {
        let registry = Registry::built_in();
        run(registry.find("", "v1", "services").unwrap())
    }

    fn fields_of(object: &Value, manager: &str) -> Value {
        let list = object["metadata"]["managedFields"].as_array().unwrap();
        let found = list.iter().find(|e| e["manager"] == manager);
        found.map_or(Value::Null, |e| e["fieldsV1"].clone())
    }

    /// The steps and answers were taken from a real server (1.35).
    #[test]
    fn appliers_and_updaters_take_fields_from_each_other() {
        with_service(|service| {
            let run = |live: &Value, manager: &str, config: Value, force: bool| {
                apply(service, live, &config, Sub::Main, &options(manager), force)
            };
            let first = json!({"metadata": {"name": "ssa", "labels": {"a": "1"}},
                "spec": {"selector": {"x": "y"}, "ports": [{"port": 80, "name": "h"}]}});
            let live = run(&json!({"metadata": {"name": "ssa"}}), "m1", first, false).unwrap();
            let second = json!({"metadata": {"labels": {"a": "2"}},
                "spec": {"type": "NodePort", "ports": [{"port": 80, "name": "g"}]}});
            let refused = run(&live, "m2", second, false).unwrap_err();
            assert_eq!(
                refused.message,
                "Apply failed with 2 conflicts: conflicts with \"m1\":\n- .metadata.labels.a\n\
                 - .spec.ports[port=80,protocol=\"TCP\"].name"
            );

            let mut updated = live.clone();
            updated["metadata"]["labels"]["b"] = "2".into();
            updated["metadata"]["annotations"] = json!({"a": "b"});
            record_update(service, &mut updated, &live, Sub::Main, &options("m3"));
            let annotations = json!({".": {}, "f:a": {}});
            assert_eq!(
                fields_of(&updated, "m3"),
                json!({"f:metadata": {"f:annotations": annotations, "f:labels": {"f:b": {}}}})
            );

            let third = json!({"metadata": {"labels": {"b": "3"}}});
            let refused = run(&updated, "m2", third.clone(), false).unwrap_err();
            assert_eq!(
                refused.message,
                "Apply failed with 1 conflict: conflict with \"m3\" using v1: .metadata.labels.b"
            );
            let forced = run(&updated, "m2", third, true).unwrap();
            assert_eq!(
                fields_of(&forced, "m3"),
                json!({"f:metadata": {"f:annotations": annotations}})
            );
            assert_eq!(
                fields_of(&forced, "m2"),
                json!({"f:metadata": {"f:labels": {"f:b": {}}}})
            );

            let less = run(&forced, "m1", json!({"spec": {"ports": [{"port": 80}]}}), false).unwrap();
            assert_eq!(less["metadata"]["labels"], json!({"b": "3"}));
            assert_eq!(less["spec"], json!({"ports": [{"port": 80}]}));
        });
    }

    #[test]
    fn applying_the_same_again_changes_nothing() {
        with_service(|service| {
            let config = json!({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}});
            let live = json!({"metadata": {"name": "a"}});
            let once = apply(service, &live, &config, Sub::Main, &options("m"), false).unwrap();
            let mut later = options("m");
            later.now = Timestamp::from_second(1000).unwrap();
            let twice = apply(service, &once, &config, Sub::Main, &later, false).unwrap();
            assert_eq!(once, twice);
        });
    }

    #[test]
    fn an_update_takes_a_removed_field_from_its_owner() {
        with_service(|service| {
            let config = json!({"metadata": {"name": "a", "labels": {"x": "1"}}});
            let live = apply(service, &json!({}), &config, Sub::Main, &options("m"), false).unwrap();
            let mut updated = live.clone();
            meta_mut(&mut updated).remove("labels");
            record_update(service, &mut updated, &live, Sub::Main, &options("u"));
            assert!(updated["metadata"]["managedFields"].is_null());
        });
    }

    #[test]
    fn an_object_whose_owners_are_not_tracked_is_owned_by_nobody_until_it_is_applied_to() {
        with_service(|service| {
            let live = json!({"metadata": {"name": "a", "uid": "u", "labels": {"x": "1"}}});
            let mut updated = live.clone();
            updated["metadata"]["labels"]["y"] = "2".into();
            record_update(service, &mut updated, &live, Sub::Main, &options("u"));
            assert!(updated["metadata"]["managedFields"].is_null());
            let config = json!({"metadata": {"name": "a", "labels": {"y": "3"}}});
            let refused = apply(service, &updated, &config, Sub::Main, &options("m"), false).unwrap_err();
            assert!(
                refused
                    .message
                    .contains("conflict with \"before-first-apply\" using v1: .metadata.labels.y")
            );
        });
    }

    #[test]
    fn an_item_that_stands_twice_is_refused() {
        with_service(|service| {
            let config = json!({"spec": {"ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}]}});
            let refused = apply(service, &json!({}), &config, Sub::Main, &options("m"), false).unwrap_err();
            assert!(
                refused
                    .message
                    .ends_with(".spec.ports: duplicate entries for key [port=80,protocol=\"TCP\"]")
            );
        });
    }

    #[test]
    fn many_updaters_become_one() {
        with_service(|service| {
            let mut object = json!({"metadata": {"labels": {"first": "x"}}});
            record_create(service, &mut object, &options("first"));
            for i in 0..20 {
                let old = object.clone();
                object["metadata"]["labels"][format!("l{i}")] = "x".into();
                record_update(
                    service,
                    &mut object,
                    &old,
                    Sub::Main,
                    &options(&format!("u{i:02}")),
                );
            }
            let list = object["metadata"]["managedFields"].as_array().unwrap();
            assert_eq!(list.len(), MAX_UPDATERS);
            assert!(list.iter().any(|e| e["manager"] == ANCIENT));
        });
    }
}
