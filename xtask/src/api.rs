//! `docs/reference/api.md`: every kind and field, from the CRDs.

use core::fmt::Write as _;

use anyhow::Result;
use serde_json::Value;

use crate::crd::{self, Field, Version};
use crate::generated::Page;

const HEAD: &str = "\
# API reference

Every kind of the group `metallb.io` and every field. All kinds are namespaced, and only objects in the namespace of the
controller count. What a refused object says, `ferrolb explain REASON` explains.

Lists without another word may be empty. A *label selector* is the one of Kubernetes:

| Field | Type | Description |
|---|---|---|
| `matchLabels` | map of strings | Labels that must have exactly these values. |
| `matchExpressions[].key` | string, required | The key of the label. |
| `matchExpressions[].operator` | string, required | `In`, `NotIn`, `Exists` or `DoesNotExist`. `NotIn` and `DoesNotExist` also match objects without the label. |
| `matchExpressions[].values` | list of strings | At least one for `In` and `NotIn`, none for the others. |

All conditions of a selector must hold, and an empty one matches every object. Of a list of selectors any may match.
A *duration* is written like `90s`, `1m30s` or `500ms`.
";

/// The page.
pub(crate) const PAGE: Page = Page {
    path: "docs/reference/api.md",
    source: "crates/api/crds/",
    render,
};

fn render() -> Result<String> {
    let mut out = HEAD.to_owned();
    for version in crd::versions()? {
        write_version(&version, &mut out);
    }
    Ok(out)
}

fn write_version(version: &Version, out: &mut String) {
    let _ = write!(out, "\n## {}\n\n", version.title());
    if version.is_storage {
        let _ = write!(out, "`apiVersion: metallb.io/{}`. ", version.name);
    }
    if let Some(warning) = &version.deprecation {
        let _ = write!(out, "Deprecated: {warning}.");
    } else {
        out.push_str(version.schema["description"].as_str().unwrap_or_default());
    }
    out.push_str("\n\n| Field | Type | Default | Bounds | Description |\n|---|---|---|---|---|\n");
    for field in version.fields() {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} |",
            field.path,
            cell(&kind(&field)),
            cell(&default(&field.schema)),
            cell(&bounds(&field.schema)),
            cell(field.schema["description"].as_str().unwrap_or_default())
        );
    }
    write_rules(version, out);
    write_columns(version, out);
}

/// What the API server checks beyond types and bounds.
fn write_rules(version: &Version, out: &mut String) {
    let mut rules = Vec::new();
    for field in version.fields() {
        for rule in field.schema["x-kubernetes-validations"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let message = rule["message"].as_str().unwrap_or_default();
            rules.push(format!("- `{}`: {message}\n", field.path));
        }
    }
    if !rules.is_empty() {
        let _ = write!(
            out,
            "\nBeyond types and bounds the API server checks:\n\n{}",
            rules.concat()
        );
    }
}

fn write_columns(version: &Version, out: &mut String) {
    let shown = |wide| {
        let columns = version
            .columns
            .iter()
            .filter(move |(_, _, is_wide)| *is_wide == wide);
        columns
            .map(|(name, path, _)| format!("{name} (`{path}`)"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if !version.columns.is_empty() {
        let _ = write!(out, "\n`kubectl get` shows {}", shown(false));
        let wide = shown(true);
        let more = if wide.is_empty() {
            String::new()
        } else {
            format!("; with `-o wide` also {wide}")
        };
        let _ = writeln!(out, "{more}.");
    }
}

fn kind(field: &Field) -> String {
    let required = if field.is_required { ", required" } else { "" };
    format!("{}{required}", type_of(&field.schema))
}

fn type_of(schema: &Value) -> String {
    if crd::is_selector(schema) {
        return "label selector".to_owned();
    }
    let text = |key: &str| schema[key].as_str().unwrap_or_default();
    match (text("type"), text("format")) {
        ("array", _) => format!("list of {}", plural(&type_of(&schema["items"]))),
        ("object", _) if schema.get("additionalProperties").is_some() => "map of strings".to_owned(),
        (kind, "") => kind.to_owned(),
        (kind, format) => format!("{kind} ({format})"),
    }
}

fn plural(kind: &str) -> String {
    format!("{kind}s")
}

fn default(schema: &Value) -> String {
    schema
        .get("default")
        .map_or_else(String::new, |value| format!("`{value}`"))
}

fn bounds(schema: &Value) -> String {
    let mut parts = Vec::new();
    let number = |key: &str| schema[key].as_i64();
    match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) => parts.push(format!("{least} to {most}")),
        (Some(least), None) => parts.push(format!("at least {least}")),
        (None, Some(most)) => parts.push(format!("at most {most}")),
        (None, None) => {}
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values
            .iter()
            .filter_map(Value::as_str)
            .map(|v| format!("`{v}`"))
            .collect();
        parts.push(values.join(", "));
    }
    if let Some(least) = number("minItems") {
        parts.push(format!("at least {least} entry"));
    }
    match (number("minLength"), number("maxLength")) {
        (Some(least), Some(most)) => parts.push(format!("{least} to {most} characters")),
        (None, Some(most)) => parts.push(format!("at most {most} characters")),
        _ => {}
    }
    parts.extend(schema["pattern"].as_str().map(|pattern| format!("`{pattern}`")));
    parts.join("; ")
}

/// A text that stays within its cell.
fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_tells_type_default_and_bounds() {
        let port = json!({ "type": "integer", "default": 179, "minimum": 1, "maximum": 16384 });
        assert_eq!(
            (type_of(&port), default(&port), bounds(&port)),
            ("integer".into(), "`179`".into(), "1 to 16384".into())
        );
        let list = json!({ "type": "array", "items": { "type": "string" } });
        assert_eq!(
            (type_of(&list), bounds(&list)),
            ("list of strings".into(), String::new())
        );
        let word = json!({ "type": "string", "enum": ["a", "b"], "minLength": 1, "maxLength": 9, "pattern": "^a|b$" });
        assert_eq!(cell(&bounds(&word)), "`a`, `b`; 1 to 9 characters; `^a\\|b$`");
    }

    #[test]
    fn every_kind_has_its_section() {
        let page = render().unwrap();
        for crd in ferrolb_api::crds::all() {
            assert!(page.contains(&format!("\n## {}\n", crd.kind)), "{}", crd.kind);
        }
        assert!(page.contains("\n## BGPPeer v1beta1\n\nDeprecated: "));
        assert!(
            page.lines()
                .filter(|l| l.starts_with("| `"))
                .all(|l| l.ends_with(". |")),
            "a field has no description"
        );
    }
}
