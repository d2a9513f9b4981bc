//! The part of JSONPath that printer columns use: fields, indices, `[*]` and `[?(@.field=="value")]`.

use serde_json::Value;

/// The first value that a path leads to.
pub(super) fn first<'a>(path: &str, object: &'a Value) -> Option<&'a Value> {
    let mut found = vec![object];
    let mut rest = path.trim().trim_start_matches('$');
    while !rest.is_empty() {
        let (step, after) = step(rest)?;
        found = found.into_iter().flat_map(|v| step.from(v)).collect();
        rest = after;
    }
    found.into_iter().find(|v| !v.is_null())
}

enum Step<'p> {
    Field(String),
    Index(i64),
    All,
    Where { field: &'p str, equals: &'p str },
}

/// Splits off the first step; `None` for a path that is not understood.
fn step(path: &str) -> Option<(Step<'_>, &str)> {
    if let Some(inner) = path.strip_prefix('[') {
        let (inside, after) = inner.split_once(']')?;
        return Some((bracket(inside)?, after));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let (name, after) = name(path);
    match name.as_str() {
        "" => None,
        "*" => Some((Step::All, after)),
        _ => Some((Step::Field(name), after)),
    }
}

/// A field's name; `\.` is a dot in it.
fn name(path: &str) -> (String, &str) {
    let mut name = String::new();
    let mut chars = path.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '.' | '[' => return (name, &path[at..]),
            '\\' => name.extend(chars.next().map(|(_, c)| c)),
            c => name.push(c),
        }
    }
    (name, "")
}

fn bracket(inside: &str) -> Option<Step<'_>> {
    if inside == "*" {
        return Some(Step::All);
    }
    if let Some(filter) = inside.strip_prefix("?(").and_then(|f| f.strip_suffix(')')) {
        let (field, value) = filter.split_once("==")?;
        let field = field.trim().strip_prefix("@.")?;
        return Some(Step::Where {
            field,
            equals: value.trim().trim_matches(['"', '\'']),
        });
    }
    if inside.starts_with(['"', '\'']) {
        return Some(Step::Field(inside.trim_matches(['"', '\'']).to_owned()));
    }
    inside.parse().ok().map(Step::Index)
}

impl Step<'_> {
    fn from<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        match (self, value) {
            (Self::Field(name), Value::Object(map)) => map.get(name).into_iter().collect(),
            (Self::Index(at), Value::Array(list)) => {
                let at = if *at < 0 {
                    at + i64::try_from(list.len()).unwrap_or(0)
                } else {
                    *at
                };
                usize::try_from(at)
                    .ok()
                    .and_then(|i| list.get(i))
                    .into_iter()
                    .collect()
            }
            (Self::All, Value::Array(list)) => list.iter().collect(),
            (Self::All, Value::Object(map)) => map.values().collect(),
            (Self::Where { field, equals }, Value::Array(list)) => {
                list.iter().filter(|item| item[*field] == **equals).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_of_printer_columns_lead_to_values() {
        let object = json!({"spec": {"addresses": ["a", "b"], "x.y": 1}, "status": {"conditions": [
            {"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]}});
        let found = |path: &str| first(path, &object).cloned();
        assert_eq!(found(".spec.addresses"), Some(json!(["a", "b"])));
        assert_eq!(found(".spec.addresses[1]"), Some(json!("b")));
        assert_eq!(found(".spec.addresses[-1]"), Some(json!("b")));
        assert_eq!(found(".spec.addresses[*]"), Some(json!("a")));
        assert_eq!(
            found(".status.conditions[?(@.type==\"Other\")].status"),
            Some(json!("False"))
        );
        assert_eq!(found(".spec['x.y']"), Some(json!(1)));
        assert_eq!(found(".spec.x\\.y"), Some(json!(1)));
    }

    #[test]
    fn a_path_that_leads_nowhere_or_is_none_gives_nothing() {
        let object = json!({"a": {"b": null}});
        for path in [".a.b", ".x.y", ".a[0]", "..", "[", ".a[?(x)]", ".a["] {
            assert_eq!(first(path, &object), None, "{path}");
        }
    }
}
