//! One rule: its text, checked and compiled.

use kube_cel::cel::Program;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::Schema;
use super::{cost, names, types};
use crate::error::Cause;

/// Longest expression, as a bound for the parser.
const MAX_LENGTH: usize = 16 * 1024;

/// What a rule may say about the value that breaks it.
const REASONS: [&str; 4] = [
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
];

const TOO_MUCH: &str = "estimated rule cost exceeds budget by factor of more than 100x (try simplifying the rule, or adding \
    maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)";

const TOO_MUCH_TOGETHER: &str = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds \
    budget by factor of more than 100x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where \
    arrays, maps, and strings are declared)";

const CONTRIBUTED: &str =
    "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";

/// How many rules are named that make a schema too expensive.
const MOST_EXPENSIVE: usize = 4;

/// A rule as it stands in a CRD; written back in messages with the field names that the real server shows.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all(deserialize = "camelCase", serialize = "PascalCase"), default)]
pub(crate) struct RuleText {
    rule: String,
    message: String,
    message_expression: String,
    reason: Option<String>,
    field_path: String,
    optional_old_self: Option<bool>,
}

/// Where a schema stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// In the CRD.
    pub(crate) path: String,
    /// The schema above whose values cannot be followed from an old object to a new one.
    pub(crate) uncorrelatable: Option<String>,
    /// Levels from the root.
    pub(crate) depth: usize,
}

/// A rule that can be evaluated.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(super) program: Program,
    pub(super) message_program: Option<Program>,
    /// What is shown of it when it cannot be evaluated.
    pub(super) shown: String,
    /// What is said when it is broken and there is no (working) message expression.
    pub(super) message: String,
    pub(super) reason: &'static str,
    /// Names below the value, of the field at fault.
    pub(super) field: Vec<String>,
    /// Whether it speaks of `oldSelf`.
    pub(super) is_transition: bool,
    /// Whether `oldSelf` is an optional, and the rule holds for new values too.
    pub(super) optional_old: bool,
}

impl Place {
    /// The place one level down.
    pub(crate) fn below(&self, step: &str, uncorrelatable: bool) -> Self {
        let here = uncorrelatable.then(|| self.path.clone());
        Self {
            path: format!("{}.{step}", self.path),
            uncorrelatable: self.uncorrelatable.clone().or(here),
            depth: self.depth + 1,
        }
    }
}

impl Rule {
    /// Compiles a rule for values of `schema`; `path` is where it stands in the CRD.
    ///
    /// # Errors
    /// What a real server would refuse the CRD for, except for wrong types.
    pub(crate) fn compile(
        text: &RuleText,
        schema: &Schema,
        place: &Place,
        path: &str,
    ) -> Result<Self, Vec<Cause>> {
        let mut found = Vec::new();
        let program = program(text, schema, path, &mut found);
        let message_program = message_program(text, schema, path, &mut found);
        let reason = reason(text, path, &mut found);
        let field = field(text, schema, path, &mut found);
        let is_transition = program
            .as_ref()
            .is_some_and(|p| p.references().has_variable("oldSelf"));
        if let Some(above) = place.uncorrelatable.as_ref().filter(|_| is_transition) {
            let why =
                format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {above}");
            let field = format!("{path}.rule");
            found.push(Cause::invalid(field, &text.rule.as_str().into(), &why));
        }
        if program
            .as_ref()
            .is_some_and(|p| cost::is_far_too_much(p.expression(), schema))
        {
            found.push(Cause::forbidden(format!("{path}.rule"), TOO_MUCH));
        }
        match program {
            Some(program) if found.is_empty() => Ok(Self {
                program,
                message_program,
                shown: match text.message.as_str() {
                    "" => text.rule.clone(),
                    given => given.to_owned(),
                },
                message: message(text),
                reason,
                field,
                is_transition,
                optional_old: text.optional_old_self == Some(true),
            }),
            _ => Err(found),
        }
    }
}

/// What a schema as a whole, at `path`, is refused for when rules in it were `found` too expensive: each of them takes
/// more than all may take together ([`cost::is_far_too_much`]).
pub(crate) fn total(path: &str, found: &[Cause]) -> Vec<Cause> {
    let is_too_much = |cause: &&Cause| cause.message.ends_with(TOO_MUCH);
    let rules = found.iter().filter(is_too_much).take(MOST_EXPENSIVE);
    let mut causes: Vec<Cause> = rules
        .map(|cause| Cause::forbidden(cause.field.as_str(), CONTRIBUTED))
        .collect();
    if !causes.is_empty() {
        causes.push(Cause::forbidden(path, TOO_MUCH_TOGETHER));
    }
    causes
}

fn message(text: &RuleText) -> String {
    match text.message.as_str() {
        "" => format!("failed rule: {}", text.rule),
        given => given.to_owned(),
    }
}

fn program(text: &RuleText, schema: &Schema, path: &str, found: &mut Vec<Cause>) -> Option<Program> {
    let field = format!("{path}.rule");
    if text.rule.trim().is_empty() {
        found.push(Cause::required(field, "rule is not specified"));
        return None;
    }
    let checked = compiled(&text.rule, text, schema).map_err(|why| format!("compilation failed: {why}"));
    let checked = checked.and_then(|(program, is)| match is.may_be_bool {
        true => Ok(program),
        false => Err("cel expression must evaluate to a bool".to_owned()),
    });
    checked.map_err(|why| found.push(refused(field, text, &why))).ok()
}

fn message_program(text: &RuleText, schema: &Schema, path: &str, found: &mut Vec<Cause>) -> Option<Program> {
    if text.message_expression.is_empty() {
        return None;
    }
    let checked = compiled(&text.message_expression, text, schema)
        .map_err(|why| format!("messageExpression compilation failed: {why}"));
    let checked = checked.and_then(|(program, is)| match is.may_be_text {
        true => Ok(program),
        false => Err("messageExpression must evaluate to a string".to_owned()),
    });
    let field = format!("{path}.messageExpression");
    checked.map_err(|why| found.push(refused(field, text, &why))).ok()
}

/// What an expression may come to.
struct Outcome {
    may_be_bool: bool,
    may_be_text: bool,
}

fn compiled(expression: &str, text: &RuleText, schema: &Schema) -> Result<(Program, Outcome), String> {
    if expression.len() > MAX_LENGTH {
        return Err(format!("longer than {MAX_LENGTH} bytes"));
    }
    let program = Program::compile(expression).map_err(|e| e.to_string())?;
    if let Some(why) = names::unknown(program.expression(), schema) {
        return Err(format!("ERROR: {why}"));
    }
    let optional_old = text.optional_old_self == Some(true);
    let kind =
        types::of(program.expression(), schema, optional_old).map_err(|why| format!("ERROR: {why}"))?;
    let outcome = Outcome {
        may_be_bool: kind.may_be_bool(),
        may_be_text: kind.may_be_text(),
    };
    Ok((program, outcome))
}

/// Shows the whole rule, as Go writes it: fields in their order, and `<`, `>` and `&` escaped.
fn refused(field: String, text: &RuleText, why: &str) -> Cause {
    let shown = serde_json::to_string(text).unwrap_or_default();
    let escapes = [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")];
    let shown = escapes
        .iter()
        .fold(shown, |shown, (plain, escaped)| shown.replace(plain, escaped));
    Cause {
        reason: "FieldValueInvalid",
        field,
        message: format!("Invalid value: {shown}: {why}"),
    }
}

fn reason(text: &RuleText, path: &str, found: &mut Vec<Cause>) -> &'static str {
    let given = text.reason.as_deref().unwrap_or("FieldValueInvalid");
    if let Some(known) = REASONS.into_iter().find(|r| *r == given) {
        return known;
    }
    let field = format!("{path}.reason");
    found.push(Cause::not_supported(field, &given.into(), &REASONS));
    "FieldValueInvalid"
}

/// `.a.b` as names; each must be a field of the schema.
fn field(text: &RuleText, schema: &Schema, path: &str, found: &mut Vec<Cause>) -> Vec<String> {
    if text.field_path.is_empty() {
        return Vec::new();
    }
    let names = text.field_path.strip_prefix('.').map(|p| p.split('.'));
    let mut here = Some(schema);
    let names: Vec<String> = names.into_iter().flatten().map(str::to_owned).collect();
    for name in &names {
        here = here.and_then(|s| s.field(name));
    }
    if names.is_empty() || here.is_none() {
        let field = format!("{path}.fieldPath");
        let given = Value::from(text.field_path.as_str());
        found.push(Cause::invalid(field, &given, "must be a valid path"));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(rule: &Value) -> Vec<(String, String)> {
        let schema = json!({"type": "object", "properties": {
            "a": {"type": "integer"}, "m": {"type": "object", "additionalProperties": {"type": "string"}}},
            "x-kubernetes-validations": [rule]});
        let causes = Schema::structural(&schema, "s").err().unwrap_or_default();
        causes.into_iter().map(|c| (c.field, c.message)).collect()
    }

    #[test]
    fn a_rule_that_cannot_work_is_refused_with_its_field() {
        for (rule, at, says) in [
            (json!({"rule": ""}), "rule", "rule is not specified"),
            (json!({"rule": "self.a >"}), "rule", "compilation failed: ERROR"),
            (json!({"rule": "self.zz == 1"}), "rule", "undefined field 'zz'"),
            (
                json!({"rule": "other == 1"}),
                "rule",
                "undeclared reference to 'other'",
            ),
            (
                json!({"rule": "foo(self.a)"}),
                "rule",
                "undeclared reference to 'foo'",
            ),
            (
                json!({"rule": "true", "messageExpression": "self.b"}),
                "messageExpression",
                "undefined field 'b'",
            ),
            (
                json!({"rule": "true", "reason": "Nope"}),
                "reason",
                "Unsupported value: \"Nope\"",
            ),
            (
                json!({"rule": "true", "fieldPath": ".zz"}),
                "fieldPath",
                "must be a valid path",
            ),
        ] {
            let found = refused(&rule);
            assert_eq!(found.len(), 1, "{rule}: {found:?}");
            assert_eq!(found[0].0, format!("s.x-kubernetes-validations[0].{at}"));
            assert!(found[0].1.contains(says), "{rule}: {}", found[0].1);
        }
    }

    #[test]
    fn rules_of_every_kind_compile() {
        for rule in [
            "self.a > 1 && has(self.m)",
            "self.m.all(k, self.m[k].startsWith('x'))",
            "self == oldSelf",
            "'x' in self.m && self.m.exists(k, k == 'x')",
            "[1, 2].exists_one(n, n == self.a)",
            "duration('1s').getSeconds() == 1 && isIP('192.0.2.1') && sets.contains([1], [self.a])",
        ] {
            assert_eq!(refused(&json!({"rule": rule})), [], "{rule}");
        }
    }

    #[test]
    fn a_rule_that_takes_too_much_is_too_much_for_the_whole_schema() {
        let schema = json!({"type": "object", "properties": {
            "l": {"type": "array", "items": {"type": "integer"}}},
            "x-kubernetes-validations": [{"rule": "self.l.all(x, self.l.all(y, x + y > 0))"}]});
        let causes = Schema::structural(&schema, "s").unwrap_err();
        let said: Vec<(&str, bool)> = causes
            .iter()
            .map(|c| (&*c.field, c.message.contains("total")))
            .collect();
        let rule = "s.x-kubernetes-validations[0].rule";
        assert_eq!(said, [(rule, false), (rule, true), ("s", true)]);
    }

    #[test]
    fn old_values_are_asked_for_only_where_they_can_be_found() {
        let rule = json!([{"rule": "self == oldSelf"}]);
        let list = |kind: &str| {
            json!({"type": "array", "x-kubernetes-list-type": kind, "x-kubernetes-list-map-keys": ["k"],
                "items": {"type": "object", "properties": {"k": {"type": "string"}},
                    "x-kubernetes-validations": rule}})
        };
        assert!(Schema::structural(&list("map"), "s").is_ok());
        let causes = Schema::structural(&list("atomic"), "s").unwrap_err();
        assert!(
            causes[0].message.ends_with("portion of the schema within s"),
            "{causes:?}"
        );
    }
}
