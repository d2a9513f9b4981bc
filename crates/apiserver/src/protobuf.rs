//! Bodies in Kubernetes' protobuf encoding, which typed clients such as `kubectl create` send for built-in kinds.
//!
//! Only read, never written: answers are JSON, which every client accepts. The field numbers are in
//! `assets/core-protobuf.json`, taken from the published `.proto` interface definitions of Kubernetes 1.35: per message,
//! a number leads to `name:type`. Types: `s` text, `b` truth value, `i` integer, `x` bytes, `T`/`U` time, `I` integer
//! or text, `Q` quantity, `J` embedded JSON, else a message; `[` before it means repeated, `{` a map with text keys,
//! `^` that its fields stand in the parent itself.

use std::collections::HashMap;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// Stands before every object.
const MAGIC: &[u8] = b"k8s\0";

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 64;

const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

/// Why bytes are no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// The four bytes `k8s\0` are missing.
    #[error("the body does not begin with the prefix of Kubernetes protobuf")]
    Prefix,
    /// A field ends after its message.
    #[error("the message ends inside a field")]
    Truncated,
    /// A kind that has no table.
    #[error("kind `{kind}` in version `{api_version}` cannot be read from protobuf; send JSON")]
    Kind {
        /// As in the envelope.
        api_version: String,
        /// As in the envelope.
        kind: String,
    },
    /// More than [`MAX_DEPTH`] levels.
    #[error("the message is nested too deeply")]
    Depth,
    /// A wire type that protobuf no longer has.
    #[error("wire type {0} is not known")]
    WireType(u64),
}

/// Reads one object.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    let mut rest = bytes.strip_prefix(MAGIC).ok_or(DecodeError::Prefix)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    while let Some((number, field)) = next_field(&mut rest)? {
        match (number, field) {
            (1, Field::Bytes(mut meta)) => {
                while let Some((number, field)) = next_field(&mut meta)? {
                    match number {
                        1 => api_version = text(field),
                        2 => kind = text(field),
                        _ => {}
                    }
                }
            }
            (2, Field::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let message = message_of(&api_version, &kind).ok_or_else(|| DecodeError::Kind {
        api_version: api_version.clone(),
        kind: kind.clone(),
    })?;
    let mut object = message_value(raw, message, 0)?;
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

/// One message: number to name and type.
type Message = HashMap<u64, (String, String)>;

fn messages() -> &'static HashMap<String, Message> {
    static ALL: OnceLock<HashMap<String, Message>> = OnceLock::new();
    ALL.get_or_init(|| {
        let raw: HashMap<String, HashMap<String, String>> =
            serde_json::from_str(include_str!("../assets/core-protobuf.json"))
                .expect("the bundled field numbers parse");
        raw.into_iter()
            .map(|(name, fields)| (name, message(fields)))
            .collect()
    })
}

fn message(fields: HashMap<String, String>) -> Message {
    fields
        .into_iter()
        .filter_map(|(number, field)| {
            let (name, kind) = field.split_once(':')?;
            Some((number.parse().ok()?, (name.to_owned(), kind.to_owned())))
        })
        .collect()
}

/// The message of a kind: its package is named after the first word of the group.
fn message_of(api_version: &str, kind: &str) -> Option<&'static Message> {
    if kind == "DeleteOptions" {
        return messages().get(DELETE_OPTIONS);
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("core", api_version));
    let package = group.split('.').next().unwrap_or_default();
    messages().get(&format!("io.k8s.api.{package}.{version}.{kind}"))
}

/// A field as it is on the wire.
#[derive(Clone, Copy)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a fixed size, which no Kubernetes type uses.
    Skipped,
}

fn next_field<'a>(rest: &mut &'a [u8]) -> Result<Option<(u64, Field<'a>)>, DecodeError> {
    if rest.is_empty() {
        return Ok(None);
    }
    let tag = varint(rest)?;
    let field = match tag & 7 {
        0 => Field::Number(varint(rest)?),
        1 => take(rest, 8).map(|_| Field::Skipped)?,
        2 => {
            let length = usize::try_from(varint(rest)?).map_err(|_| DecodeError::Truncated)?;
            Field::Bytes(take(rest, length)?)
        }
        5 => take(rest, 4).map(|_| Field::Skipped)?,
        other => return Err(DecodeError::WireType(other)),
    };
    Ok(Some((tag >> 3, field)))
}

fn varint(rest: &mut &[u8]) -> Result<u64, DecodeError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, tail) = rest.split_first().ok_or(DecodeError::Truncated)?;
        *rest = tail;
        value |= u64::from(first & 0x7F) << shift;
        if first & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(DecodeError::Truncated)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], DecodeError> {
    let (taken, tail) = rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
    *rest = tail;
    Ok(taken)
}

fn text(field: Field<'_>) -> String {
    match field {
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Field::Number(_) | Field::Skipped => String::new(),
    }
}

fn message_value(
    mut rest: &[u8],
    message: &Message,
    depth: usize,
) -> Result<Map<String, Value>, DecodeError> {
    if depth > MAX_DEPTH {
        return Err(DecodeError::Depth);
    }
    let mut map = Map::new();
    while let Some((number, field)) = next_field(&mut rest)? {
        if let Some((name, kind)) = message.get(&number) {
            add(&mut map, name, kind, field, depth)?;
        }
    }
    Ok(map)
}

fn add(
    map: &mut Map<String, Value>,
    name: &str,
    kind: &str,
    field: Field<'_>,
    depth: usize,
) -> Result<(), DecodeError> {
    if let Some(kind) = kind.strip_prefix('^') {
        if let Value::Object(fields) = value(kind, field, depth)? {
            map.extend(fields);
        }
    } else if let Some(kind) = kind.strip_prefix('[') {
        let item = value(kind, field, depth)?;
        let list = map.entry(name).or_insert_with(|| json!([]));
        if let Value::Array(items) = list {
            items.push(item);
        }
    } else if let Some(kind) = kind.strip_prefix('{') {
        let (key, item) = entry(kind, field, depth)?;
        crate::object::object_at(map, name).insert(key, item);
    } else {
        let value = value(kind, field, depth)?;
        // The encoding writes empty text for what JSON leaves out.
        if !value.is_null() && value != "" {
            map.insert(name.to_owned(), value);
        }
    }
    Ok(())
}

/// A map is a list of entries with the key as field 1 and the value as field 2.
fn entry(kind: &str, field: Field<'_>, depth: usize) -> Result<(String, Value), DecodeError> {
    let Field::Bytes(mut rest) = field else {
        return Ok((String::new(), Value::Null));
    };
    let (mut key, mut item) = (String::new(), value(kind, Field::Bytes(&[]), depth)?);
    while let Some((number, field)) = next_field(&mut rest)? {
        match number {
            1 => key = text(field),
            2 => item = value(kind, field, depth)?,
            _ => {}
        }
    }
    Ok((key, item))
}

fn value(kind: &str, field: Field<'_>, depth: usize) -> Result<Value, DecodeError> {
    Ok(match (kind, field) {
        ("s", field) => text(field).into(),
        ("b", Field::Number(n)) => (n != 0).into(),
        // Negative integers are written as 64-bit two's complement.
        ("i", Field::Number(n)) => n.cast_signed().into(),
        ("x", Field::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        ("T", Field::Bytes(bytes)) => time(bytes, "%Y-%m-%dT%H:%M:%SZ")?,
        ("U", Field::Bytes(bytes)) => time(bytes, "%Y-%m-%dT%H:%M:%S%.6fZ")?,
        ("I", Field::Bytes(bytes)) => int_or_text(bytes)?,
        ("Q", Field::Bytes(mut bytes)) => {
            next_field(&mut bytes)?.map_or(Value::Null, |(_, field)| text(field).into())
        }
        ("J", Field::Bytes(mut bytes)) => match next_field(&mut bytes)? {
            Some((_, Field::Bytes(json))) => serde_json::from_slice(json).unwrap_or(Value::Null),
            _ => Value::Null,
        },
        (name, Field::Bytes(bytes)) => match messages().get(name) {
            Some(message) => Value::Object(message_value(bytes, message, depth + 1)?),
            None => Value::Null,
        },
        _ => Value::Null,
    })
}

/// Seconds as field 1 and nanoseconds as field 2; empty means unset.
fn time(mut bytes: &[u8], format: &str) -> Result<Value, DecodeError> {
    let (mut seconds, mut nanos) = (None, 0);
    while let Some((number, field)) = next_field(&mut bytes)? {
        match (number, field) {
            (1, Field::Number(n)) => seconds = Some(n.cast_signed()),
            (2, Field::Number(n)) => nanos = i32::try_from(n).unwrap_or(0),
            _ => {}
        }
    }
    let time = seconds.and_then(|s| Timestamp::new(s, nanos).ok());
    Ok(time.map_or(Value::Null, |t| t.strftime(format).to_string().into()))
}

fn int_or_text(mut bytes: &[u8]) -> Result<Value, DecodeError> {
    let (mut is_text, mut number_value, mut text_value) = (false, 0, String::new());
    while let Some((number, field)) = next_field(&mut bytes)? {
        match (number, field) {
            (1, Field::Number(n)) => is_text = n == 1,
            (2, Field::Number(n)) => number_value = n.cast_signed(),
            (3, field) => text_value = text(field),
            _ => {}
        }
    }
    Ok(if is_text {
        text_value.into()
    } else {
        number_value.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        bytes.extend_from_slice(content);
        bytes
    }

    fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [
            bytes_field(1, api_version.as_bytes()),
            bytes_field(2, kind.as_bytes()),
        ]
        .concat();
        [MAGIC.to_vec(), bytes_field(1, &meta), bytes_field(2, raw)].concat()
    }

    #[test]
    fn a_service_is_read_with_its_ports_and_selector() {
        let target = [vec![0x08, 0], vec![0x10, 0x90, 0x3F]].concat();
        let port = [bytes_field(1, b"http"), vec![0x18, 80], bytes_field(4, &target)].concat();
        let selector = [bytes_field(1, b"app"), bytes_field(2, b"web")].concat();
        let spec = [
            bytes_field(1, &port),
            bytes_field(2, &selector),
            bytes_field(3, b""),
        ]
        .concat();
        let meta = [bytes_field(1, b"web"), bytes_field(2, b""), bytes_field(8, b"")].concat();
        let raw = [bytes_field(1, &meta), bytes_field(2, &spec)].concat();
        let object = decode(&envelope("v1", "Service", &raw)).unwrap();
        assert_eq!(
            object,
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}], "selector": {"app": "web"}}})
        );
    }

    #[test]
    fn what_is_no_object_is_refused_and_nothing_panics() {
        assert_eq!(decode(b"{}"), Err(DecodeError::Prefix));
        assert!(matches!(
            decode(&envelope("v1", "Nothing", b"")),
            Err(DecodeError::Kind { .. })
        ));
        let good = envelope("v1", "Service", &bytes_field(1, &bytes_field(1, b"web")));
        for end in 4..good.len() {
            // A shorter one is an error or an object with less in it.
            let _result = decode(&good[..end]);
        }
        assert_eq!(decode(b"k8s\0\x0b"), Err(DecodeError::WireType(3)));
    }
}
