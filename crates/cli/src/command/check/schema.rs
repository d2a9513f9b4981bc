//! What an API server would say about the objects as such: fields that their schema does not know, values outside it.
//!
//! The embedded API server is asked, on a dry run. What the plan says about the same field is said better there, and not
//! repeated.

use std::collections::BTreeSet;

use ferrolb_api::{Problem, Reason, Severity, reason};
use ferrolb_apiserver::{ApiError, ApiServer, Cause, Options};
use serde_json::{Value, json};

use crate::command::findings::Finding;
use crate::command::input::Input;

/// Findings beside `known`.
pub(super) fn review(input: &Input, known: &[Finding], strict: bool) -> anyhow::Result<Vec<Finding>> {
    let server = ApiServer::new(Options::default())?;
    let mut places = input.places();
    let (mut found, mut namespaces) = (Vec::new(), BTreeSet::new());
    for object in input.written() {
        let object = as_new(object);
        if let Some(namespace) = object["metadata"]["namespace"].as_str()
            && namespaces.insert(namespace.to_owned())
        {
            make_namespace(&server, namespace);
        }
        let (warnings, error) = server.review(object.clone());
        let mut problems: Vec<Problem> = warnings.iter().filter_map(|w| unknown(&object, w)).collect();
        problems.extend(error.iter().flat_map(|e| refused(&object, e)));
        for mut problem in problems {
            problem.quote(&object);
            if known.iter().any(|f| is_said(&f.problem, &problem)) {
                continue;
            }
            if strict {
                problem.severity = Severity::Error;
            }
            let place = places.of(&problem);
            found.push(Finding {
                problem,
                place,
                nodes: Vec::new(),
            });
        }
    }
    Ok(found)
}

/// Without what only a server writes, so that objects of a cluster's dump are reviewed too.
fn as_new(mut object: Value) -> Value {
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in [
            "creationTimestamp",
            "generation",
            "managedFields",
            "resourceVersion",
            "uid",
        ] {
            meta.remove(field);
        }
    }
    object
}

/// A namespace that is not there would hide what is wrong with the objects in it.
fn make_namespace(server: &ApiServer, name: &str) {
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    let _is_there_or_cannot_be = server.create(namespace);
}

/// `unknown field "spec.x"` of a warning.
fn unknown(object: &Value, warning: &str) -> Option<Problem> {
    let field = warning.strip_prefix("unknown field \"")?.strip_suffix('"')?;
    let message =
        "there is no such field, so it has no effect; correct its spelling or indentation, or remove it";
    let mut problem = problem(object, field, reason::UNKNOWN_FIELD, message.to_owned());
    problem.severity = Severity::Warning;
    Some(problem)
}

/// What keeps the API server from taking the object. Kinds that it does not know are others' business, and so are the
/// values of built-in kinds: addresses and ports that the cluster gives mean nothing here.
fn refused(object: &Value, error: &ApiError) -> Vec<Problem> {
    let own = object["apiVersion"]
        .as_str()
        .is_some_and(|v| v.starts_with("metallb.io/"));
    let causes = error.details.as_ref().map_or(&[][..], |d| &d.causes);
    match error.code {
        // Without a field it only says that there may be more once the others are mended.
        422 if own => {
            let of_fields = causes.iter().filter(|c| c.field != "<nil>");
            of_fields.map(|c| of_cause(object, c)).collect()
        }
        400 if error.message.contains("cannot be handled as a") => {
            vec![problem(object, "", reason::INVALID_FIELD, error.message.clone())]
        }
        _ => Vec::new(),
    }
}

fn of_cause(object: &Value, cause: &Cause) -> Problem {
    let reason = match cause.reason {
        "FieldValueTypeInvalid" => reason::INVALID_FIELD,
        "FieldValueRequired" => reason::MISSING_FIELD,
        _ => reason::INVALID_VALUE,
    };
    let message = format!("the API server refuses this: {}", cause.message);
    problem(object, &cause.field, reason, message)
}

fn problem(object: &Value, field: &str, reason: Reason, message: String) -> Problem {
    let text = |pointer| {
        let text = object.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    Problem {
        severity: Severity::Error,
        kind: text("/kind").into(),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
        field: field.to_owned(),
        value: None,
        reason: reason.word().into(),
        message,
    }
}

/// Whether `said` is about the same field, or about one in it or around it as an error is.
fn is_said(said: &Problem, new: &Problem) -> bool {
    let object = |p: &Problem| (p.kind.clone(), p.namespace.clone(), p.name.clone());
    let (a, b) = (&*said.field, &*new.field);
    let refused = said.severity == Severity::Error && new.severity == Severity::Error;
    object(said) == object(new) && (a == b || refused && (a.starts_with(b) || b.starts_with(a)))
}
