//! What two servers must say alike.

use ferrolb_tests_cluster::Answer;
use serde_json::{Value, json};

/// What must be alike: status and reason, every cause with its words (in any order, since the real server walks over its
/// fields in any), the stored object, the warnings.
pub(crate) fn essence(answer: Answer) -> Value {
    let mut warnings = answer.warnings;
    warnings.sort();
    let body = &answer.body;
    if body["kind"] != "Status" {
        let items = body["items"].as_array().map(Vec::len);
        return json!({
            "code": answer.code, "warnings": warnings, "spec": body["spec"], "status": body["status"],
            "generation": body["metadata"]["generation"], "items": items,
        });
    }
    let causes = body["details"]["causes"].as_array().cloned().unwrap_or_default();
    let mut causes: Vec<String> = causes.iter().map(cause).collect();
    causes.sort();
    let details = ["name", "group", "kind"].map(|key| body["details"][key].clone());
    let message = match causes.is_empty() {
        true => body["message"].as_str().map(without_body),
        // It is made of the causes.
        false => None,
    };
    json!({
        "code": answer.code, "reason": body["reason"], "details": details, "causes": causes, "warnings": warnings,
        "message": message,
    })
}

/// A patched object is shown whole, with times and ids that no two servers share.
fn cause(cause: &Value) -> String {
    let message = cause["message"].as_str().unwrap_or_default();
    let message = match (cause["field"] == "patch", message.rsplit_once("}\": ")) {
        (true, Some((_, why))) => why,
        _ => message,
    };
    format!("{} {}: {message}", cause["reason"], cause["field"])
}

/// Parsers complain each in their own words, and then show the body.
fn without_body(message: &str) -> &str {
    let end = ["json parse error", " in '{"]
        .into_iter()
        .filter_map(|mark| message.find(mark))
        .min();
    &message[..end.unwrap_or(message.len())]
}
