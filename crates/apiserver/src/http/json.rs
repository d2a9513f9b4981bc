//! JSON as it came: the value, and which fields its text names twice (of which the last one counts).

use core::cell::RefCell;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// At most so many fields are named.
const MAX_NAMED: usize = 100;

/// A body that was read.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// What it says.
    pub(crate) value: Value,
    /// Paths of fields that stand there twice.
    pub(crate) twice: Vec<String>,
}

impl From<Value> for Parsed {
    fn from(value: Value) -> Self {
        Self {
            value,
            twice: Vec::new(),
        }
    }
}

/// Reads one JSON value.
///
/// # Errors
/// What the parser says.
pub(crate) fn parse(bytes: &[u8]) -> Result<Parsed, serde_json::Error> {
    let twice = RefCell::default();
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let node = Node {
        step: Step::Root,
        twice: &twice,
    };
    let value = node.deserialize(&mut text)?;
    text.end()?;
    Ok(Parsed {
        value,
        twice: twice.into_inner(),
    })
}

/// Where a value stands; a text is made of it only when it has to be told.
#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Field(&'a Step<'a>, &'a str),
    Item(&'a Step<'a>, usize),
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => f.write_str(name),
            Self::Field(above, name) => write!(f, "{above}.{name}"),
            Self::Item(above, index) => write!(f, "{above}[{index}]"),
        }
    }
}

#[derive(Clone, Copy)]
struct Node<'a> {
    step: Step<'a>,
    twice: &'a RefCell<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, text: D) -> Result<Value, D::Error> {
        text.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let step = Step::Item(&self.step, list.len());
            match items.next_element_seed(Node { step, ..self })? {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let step = Step::Field(&self.step, &name);
            let value = fields.next_value_seed(Node { step, ..self })?;
            let mut twice = self.twice.borrow_mut();
            if map.contains_key(&name) && twice.len() < MAX_NAMED {
                twice.push(step.to_string());
            }
            drop(twice);
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_that_stands_there_twice_is_named_and_the_last_one_counts() {
        let text = r#"{"a": [{"b": 1, "b": {"c": -2}}], "d": "\u00e9", "d": null, "e": 1.5}"#;
        let parsed = parse(text.as_bytes()).unwrap();
        assert_eq!(
            parsed.value,
            json!({"a": [{"b": {"c": -2}}], "d": null, "e": 1.5})
        );
        assert_eq!(parsed.twice, ["a[0].b", "d"]);
    }

    #[test]
    fn what_is_no_json_or_goes_on_is_refused() {
        assert!(parse(b"{\"a\":").is_err());
        assert!(parse(b"{} {}").is_err());
        assert!(parse("[".repeat(10_000).as_bytes()).is_err());
    }
}
