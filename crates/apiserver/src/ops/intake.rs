//! What comes in: of the right type, without unknown fields, with the defaults of its schema.

use serde_json::Value;

use super::FieldValidation;
use crate::error::{ApiError, Cause};
use crate::kinds::Resource;
use crate::object::{meta_str, root_mut};
use crate::schema::{self, Origin};

/// Reads a body as an object of `resource`. The answer is the object and warnings for the client.
///
/// `twice` are the fields that the text of the body names twice.
pub(crate) fn read(
    resource: &Resource,
    mut body: Value,
    twice: &[String],
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), ApiError> {
    type_meta(resource, &mut body)?;
    let Some(schema) = resource.schema() else {
        return Ok((body, Vec::new()));
    };
    if resource.origin() == Origin::BuiltIn
        && let Some(why) = schema::decode_error(&body, schema)
    {
        return Err(unhandled(resource, &why));
    }
    let unknown = schema::prune(&mut body, schema, resource.origin());
    let warnings = report(resource, twice, &unknown, validation)?;
    if resource.origin() == Origin::Custom {
        schema::apply_defaults(&mut body, schema);
    }
    Ok((body, warnings))
}

/// `apiVersion` and `kind` are those of the URL, or left out.
fn type_meta(resource: &Resource, body: &mut Value) -> Result<(), ApiError> {
    if !body.is_object() {
        let message = format!(
            "the object provided is unrecognized (must be of type {}): it is no JSON object",
            resource.kind
        );
        return Err(ApiError::bad_request(message));
    }
    let expected = resource.api_version();
    let kind = body["kind"].as_str().unwrap_or_default();
    let version = body["apiVersion"].as_str().unwrap_or_default();
    if resource.is_custom() {
        return custom_type_meta(resource, body, kind, version, &expected);
    }
    let version_fits = version.is_empty() || version == expected;
    if !version_fits || (!kind.is_empty() && kind != &*resource.kind) {
        let message = format!(
            "{kind} in version {version:?} cannot be handled as a {}: the API version and kind in the data \
             ({version}, {kind}) do not match those of the URL ({expected}, {})",
            resource.kind, resource.kind
        );
        return Err(ApiError::bad_request(message));
    }
    let map = root_mut(body);
    map.insert("apiVersion".to_owned(), expected.into());
    map.insert("kind".to_owned(), (*resource.kind).into());
    Ok(())
}

/// The same for a kind of a CRD, which says other things about it.
fn custom_type_meta(
    resource: &Resource,
    body: &Value,
    kind: &str,
    version: &str,
    expected: &str,
) -> Result<(), ApiError> {
    if kind.is_empty() || version.is_empty() {
        let field = if kind.is_empty() { "Kind" } else { "apiVersion" };
        let message = format!(
            "the object provided is unrecognized (must be of type {}): Object '{field}' is missing in '{body}'",
            resource.kind
        );
        return Err(ApiError::bad_request(message));
    }
    if version != expected {
        let message = format!(
            "the API version in the data ({version}) does not match the expected API version ({expected})"
        );
        return Err(ApiError::bad_request(message));
    }
    if kind != &*resource.kind {
        let why = format!("must be {}", resource.kind);
        let cause = Cause::invalid("kind", &kind.into(), &why);
        let name = meta_str(body, "name");
        return Err(ApiError::invalid(&resource.group, kind, name, vec![cause]));
    }
    Ok(())
}

fn unhandled(resource: &Resource, why: &str) -> ApiError {
    ApiError::bad_request(format!(
        "{kind} in version {version:?} cannot be handled as a {kind}: {why}",
        kind = resource.kind,
        version = resource.version
    ))
}

fn report(
    resource: &Resource,
    twice: &[String],
    unknown: &[String],
    validation: FieldValidation,
) -> Result<Vec<String>, ApiError> {
    let twice = twice.iter().map(|path| format!("duplicate field {path:?}"));
    let unknown = unknown.iter().map(|path| format!("unknown field {path:?}"));
    let named: Vec<String> = twice.chain(unknown).collect();
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(named),
        FieldValidation::Strict if named.is_empty() => Ok(named),
        FieldValidation::Strict => {
            let why = format!("strict decoding error: {}", named.join(", "));
            Err(unhandled(resource, &why))
        }
    }
}

/// What is wrong with the metadata of a new object.
pub(super) fn name_causes(resource: &Resource, object: &Value) -> Vec<Cause> {
    let name = meta_str(object, "name");
    let mut causes = Vec::new();
    if name.is_empty() {
        causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    } else if let Some(why) = resource.rules.check_name(name) {
        causes.push(Cause::invalid("metadata.name", &Value::from(name), &why));
    }
    causes
}
