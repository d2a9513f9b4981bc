//! An object before the rules of its kind.

use std::sync::Arc;

use kube_cel::cel::objects::OptionalValue;
use kube_cel::cel::{Context, ExecutionError, Value as Cel};
use serde_json::{Value, json};

use super::super::{Schema, join, json_type, lists};
use super::compile::Rule;
use super::value::cel;
use super::{cost, with_functions};
use crate::error::Cause;

/// Longest message that an expression may make, as on a real server.
const MAX_MESSAGE: usize = 5 * 1024;

/// What a real server says about a text that begins like no quantity.
const NO_QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// What the rules say.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Rules that do not hold.
    pub(crate) broken: Vec<Cause>,
    /// Rules that do not hold and did not before, for a value that is as it was: told, and let through.
    pub(crate) ratcheted: Vec<String>,
}

/// Evaluates every rule of a schema on an object, or on its change from `old`.
pub(crate) fn evaluate(object: &Value, old: Option<&Value>, schema: &Schema) -> Verdict {
    let size = cost::size_of(object).max(old.map_or(0, cost::size_of));
    with_functions(|functions| {
        let mut walk = Walk {
            functions,
            size,
            left: cost::BUDGET,
            verdict: Verdict::default(),
        };
        walk.value(object, old, schema, "");
        walk.verdict
    })
}

struct Walk<'a> {
    functions: &'a Context<'static>,
    /// Items of the largest collection in the object.
    size: u64,
    /// Steps that rules may still take.
    left: u64,
    verdict: Verdict,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, old: Option<&Value>, schema: &Schema, path: &str) {
        if !schema.has_rules || (value.is_null() && !schema.nullable) {
            return;
        }
        self.rules(value, old, schema, path);
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    if let Some(field) = schema.field(name) {
                        let old = old.and_then(|o| o.get(name));
                        self.value(value, old, field, &join(path, name));
                    }
                }
            }
            Value::Array(items) => {
                let Some(item) = schema.item() else { return };
                for (i, value) in items.iter().enumerate() {
                    let old = lists::correlated(value, old, schema);
                    self.value(value, old, item, &format!("{path}[{i}]"));
                }
            }
            _ => {}
        }
    }

    fn rules(&mut self, value: &Value, old: Option<&Value>, schema: &Schema, path: &str) {
        let concerns = |rule: &&Arc<Rule>| !rule.is_transition || old.is_some() || rule.optional_old;
        let mut rules = schema.rules.iter().filter(concerns).peekable();
        if rules.peek().is_none() {
            return;
        }
        let mut scope = self.functions.new_inner_scope();
        let seen = |v: &Value| cel(&head_only(v, path), Some(schema));
        scope.add_variable_from_value("self", seen(value));
        let old_seen = old.map(seen);
        for rule in rules {
            if !self.pay(rule) {
                let why = "validation failed due to running out of cost budget, no further validation rules will be run";
                self.verdict.broken.push(Cause::invalid(path, &Value::Null, why));
                self.left = 0;
                return;
            }
            if let Some(old) = old_value(rule, old_seen.as_ref()) {
                scope.add_variable_from_value("oldSelf", old);
            }
            if let Some(cause) = broken(rule, &scope, value, path) {
                match old == Some(value) && !rule.is_transition {
                    true => self
                        .verdict
                        .ratcheted
                        .push(format!("{}: {}", cause.field, cause.message)),
                    false => self.verdict.broken.push(cause),
                }
            }
        }
    }

    fn pay(&mut self, rule: &Rule) -> bool {
        let message = rule.message_program.as_ref();
        let programs = [Some(&rule.program), message];
        let steps = programs
            .into_iter()
            .flatten()
            .map(|p| cost::steps(p.expression(), self.size))
            .fold(0, u64::saturating_add);
        let left = self.left.checked_sub(steps);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

/// Of an object's metadata rules see the names alone.
fn head_only(value: &Value, path: &str) -> Value {
    let mut value = value.clone();
    if path.is_empty()
        && let Some(metadata) = value.get_mut("metadata")
    {
        *metadata = json!({"name": metadata["name"], "generateName": metadata["generateName"]});
        if let Some(map) = metadata.as_object_mut() {
            map.retain(|_, v| !v.is_null());
        }
    }
    value
}

fn old_value(rule: &Rule, old: Option<&Cel>) -> Option<Cel> {
    if !rule.optional_old {
        return old.cloned();
    }
    let optional = old.cloned().map_or_else(OptionalValue::none, OptionalValue::of);
    Some(Cel::Opaque(Arc::new(optional)))
}

/// What is wrong, if the rule does not hold or cannot be evaluated.
fn broken(rule: &Rule, scope: &Context<'_>, value: &Value, path: &str) -> Option<Cause> {
    match rule.program.execute(scope) {
        Ok(Cel::Bool(true)) => None,
        Ok(Cel::Bool(false)) => Some(refusal(rule, &message(rule, scope), value, path)),
        Ok(_) => Some(failure(rule, "the rule is no truth value", value, path)),
        Err(error) => Some(failure(rule, &in_words(&error), value, path)),
    }
}

fn message(rule: &Rule, scope: &Context<'_>) -> String {
    let given = rule.message_program.as_ref().map(|p| p.execute(scope));
    match given {
        Some(Ok(Cel::String(text))) if is_message(&text) => text.trim().to_owned(),
        _ => rule.message.clone(),
    }
}

fn is_message(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\n') && text.len() <= MAX_MESSAGE
}

fn refusal(rule: &Rule, message: &str, value: &Value, path: &str) -> Cause {
    let field = rule
        .field
        .iter()
        .fold(path.to_owned(), |path, name| join(&path, name));
    let is_plain = !value.is_object() && !value.is_array();
    let message = match rule.reason {
        "FieldValueRequired" => format!("Required value: {message}"),
        "FieldValueForbidden" => format!("Forbidden: {message}"),
        "FieldValueDuplicate" if is_plain => format!("Duplicate value: {value}"),
        "FieldValueDuplicate" => "Duplicate value".to_owned(),
        _ if is_plain => format!("Invalid value: {value}: {message}"),
        _ => format!("Invalid value: {message}"),
    };
    Cause {
        reason: rule.reason,
        field,
        message,
    }
}

fn failure(rule: &Rule, why: &str, value: &Value, path: &str) -> Cause {
    let shown = Value::from(json_type(value));
    Cause::invalid(path, &shown, &format!("{why} evaluating rule: {}", rule.shown))
}

/// The words of the real server's interpreter, where they are known.
fn in_words(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::IndexOutOfBounds(Cel::Int(index)) => format!("index out of bounds: {index}"),
        ExecutionError::DivisionByZero(_) => "division by zero".to_owned(),
        ExecutionError::RemainderByZero(_) => "modulus by zero".to_owned(),
        ExecutionError::Overflow(_, Cel::Int(_), _) => "integer overflow".to_owned(),
        ExecutionError::FunctionError { function, message }
            if function == "quantity" && message.starts_with("no numeric value") =>
        {
            NO_QUANTITY.to_owned()
        }
        ExecutionError::FunctionError { function, .. } if function == "duration" => {
            "type conversion error from 'string' to 'google.protobuf.Duration'".to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(schema: &Value, new: &Value, old: Option<&Value>) -> Verdict {
        evaluate(new, old, &Schema::structural(schema, "").unwrap())
    }

    fn said(schema: &Value, new: &Value, old: Option<&Value>) -> Vec<String> {
        let broken = verdict(schema, new, old).broken.into_iter();
        broken
            .map(|c| format!("{} {}: {}", c.reason, c.field, c.message))
            .collect()
    }

    fn object(fields: &Value) -> Value {
        json!({"type": "object", "properties": fields})
    }

    #[test]
    fn a_broken_rule_is_told_as_the_real_server_does() {
        let schema = object(&json!({
            "i": {"type": "integer", "x-kubernetes-validations": [{"rule": "self < 5"}]},
            "s": {"type": "string", "x-kubernetes-validations": [
                {"rule": "self.startsWith('a')", "messageExpression": "'got ' + self"}]},
            "l": {"type": "array", "items": {"type": "string"}, "x-kubernetes-validations": [
                {"rule": "self.size() < 2", "message": "few", "reason": "FieldValueForbidden"}]},
            "o": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
                "x-kubernetes-validations": [
                    {"rule": "self.a > 1", "message": "a > 1", "fieldPath": ".a", "reason": "FieldValueRequired"},
                    {"rule": "has(self.b)", "message": "need b"}]},
        }));
        let new = json!({"i": 7, "s": "bcd", "l": ["a", "b"], "o": {"a": 1}});
        assert_eq!(
            said(&schema, &new, None),
            [
                "FieldValueInvalid i: Invalid value: 7: failed rule: self < 5",
                "FieldValueForbidden l: Forbidden: few",
                "FieldValueRequired o.a: Required value: a > 1",
                "FieldValueInvalid o: Invalid value: need b",
                "FieldValueInvalid s: Invalid value: \"bcd\": got bcd",
            ]
        );
        assert_eq!(
            said(&schema, &json!({"o": {"b": ""}}), None),
            ["FieldValueInvalid o: Invalid value: \"object\": no such key: a evaluating rule: a > 1"]
        );
    }

    #[test]
    fn a_transition_rule_needs_both_values() {
        let schema = object(&json!({"a": {"type": "string", "x-kubernetes-validations": [
            {"rule": "self == oldSelf", "message": "fixed"}]}}));
        let (one, two) = (json!({"a": "1"}), json!({"a": "2"}));
        assert_eq!(said(&schema, &one, None), [""; 0]);
        assert_eq!(said(&schema, &one, Some(&json!({}))), [""; 0]);
        assert_eq!(said(&schema, &json!({}), Some(&one)), [""; 0]);
        assert_eq!(
            said(&schema, &two, Some(&one)),
            ["FieldValueInvalid a: Invalid value: \"2\": fixed"]
        );
    }

    #[test]
    fn an_optional_old_value_can_be_asked_for_at_creation() {
        let schema = object(&json!({"a": {"type": "string", "x-kubernetes-validations": [
            {"rule": "oldSelf.hasValue() ? oldSelf.value() == self : self == 'first'", "optionalOldSelf": true}]}}));
        let (first, other) = (json!({"a": "first"}), json!({"a": "other"}));
        assert_eq!(said(&schema, &first, None), [""; 0]);
        assert_eq!(said(&schema, &other, None).len(), 1);
        assert_eq!(said(&schema, &other, Some(&first)).len(), 1);
        assert_eq!(said(&schema, &other, Some(&other)), [""; 0]);
    }

    #[test]
    fn items_of_a_map_list_are_followed_by_their_keys() {
        let schema = object(
            &json!({"items": {"type": "array", "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["k"], "items": {"type": "object", "properties": {
                "k": {"type": "string"},
                "v": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed"}]}}}}}),
        );
        let old = json!({"items": [{"k": "a", "v": "1"}, {"k": "b", "v": "2"}]});
        let moved = json!({"items": [{"k": "b", "v": "2"}, {"k": "a", "v": "1"}, {"k": "c", "v": "9"}]});
        assert_eq!(said(&schema, &moved, Some(&old)), [""; 0]);
        let changed = json!({"items": [{"k": "b", "v": "3"}, {"k": "a", "v": "1"}]});
        assert_eq!(
            said(&schema, &changed, Some(&old)),
            ["FieldValueInvalid items[0].v: Invalid value: \"3\": fixed"]
        );
    }

    #[test]
    fn an_unchanged_value_is_let_through_with_a_warning() {
        let schema = object(
            &json!({"spec": {"type": "object", "properties": {"b": {"type": "string"}},
            "x-kubernetes-validations": [{"rule": "self.b != 'x'", "message": "no x"}]}}),
        );
        let old = json!({"spec": {"b": "x"}});
        let found = verdict(&schema, &old, Some(&old));
        assert!(found.broken.is_empty());
        assert_eq!(found.ratcheted, ["spec: Invalid value: no x"]);
    }

    #[test]
    fn durations_and_times_of_a_format_are_values_of_their_own() {
        let schema = object(&json!({
            "d": {"type": "string", "format": "duration", "x-kubernetes-validations": [
                {"rule": "self.getSeconds() == 90"}]},
            "t": {"type": "string", "format": "date-time", "x-kubernetes-validations": [
                {"rule": "self > timestamp('2026-01-01T00:00:00Z')"}]},
            "text": {"type": "string", "x-kubernetes-validations": [
                {"rule": "duration(self).getSeconds() >= 1 && duration(self).getMilliseconds() % 1000 == 0"}]},
            "a-b": {"type": "integer"}}));
        let good = json!({"d": "1m30s", "t": "2026-02-01T00:00:00Z", "text": "1h"});
        assert_eq!(said(&schema, &good, None), [""; 0]);
        let bad = json!({"d": "1m", "t": "2025-02-01T00:00:00Z", "text": "1500ms"});
        assert_eq!(said(&schema, &bad, None).len(), 3);
        assert!(said(&schema, &json!({"text": "soon"}), None)[0].contains("type conversion error"));
    }

    #[test]
    fn a_rule_that_fails_says_why_in_the_words_of_the_real_server() {
        let fields = json!({"i": {"type": "integer"}, "s": {"type": "string"},
            "l": {"type": "array", "items": {"type": "integer"}}});
        let new = json!({"i": 0, "s": "x", "l": []});
        for (rule, why) in [
            ("1 / self.i > 0", "division by zero"),
            ("1 % self.i > 0", "modulus by zero"),
            ("9223372036854775807 + 1 > self.i", "integer overflow"),
            ("self.l[0] == 1", "index out of bounds: 0"),
            ("quantity(self.s).isInteger()", NO_QUANTITY),
        ] {
            let mut schema = object(&fields);
            schema["x-kubernetes-validations"] = json!([{"rule": rule}]);
            let told = format!("Invalid value: \"object\": {why} evaluating rule: {rule}");
            let [said] = said(&schema, &new, None).try_into().unwrap();
            assert!(said.ends_with(&told), "{said}");
        }
    }

    #[test]
    fn a_text_is_measured_in_characters() {
        let schema = object(&json!({"s": {"type": "string", "x-kubernetes-validations": [
            {"rule": "self.size() == 2 && size(self) == 2", "message": "two"}]}}));
        assert_eq!(said(&schema, &json!({"s": "äö"}), None), [""; 0]);
        assert_eq!(said(&schema, &json!({"s": "ä"}), None).len(), 1);
    }

    #[test]
    fn rules_that_would_take_too_long_are_not_begun() {
        let schema = object(
            &json!({"l": {"type": "array", "maxItems": 900, "items": {"type": "integer"},
            "x-kubernetes-validations": [
                {"rule": "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))"}, {"rule": "self.size() < 0"}]}}),
        );
        let few = json!({"l": [1, 2, 3]});
        assert_eq!(said(&schema, &few, None).len(), 1);
        let many = json!({"l": (0..900).collect::<Vec<_>>()});
        let found = said(&schema, &many, None);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("running out of cost budget"), "{found:?}");
    }
}
