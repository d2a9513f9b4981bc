//! Text that never prints.

use core::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A password or another secret. Neither debugging output nor a decoding error shows it; serialising does.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Redacted(Box<str>);

impl Redacted {
    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to hide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Redacted {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<retracted>")
    }
}

impl<'de> Deserialize<'de> for Redacted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOnly)
    }
}

/// serde's own errors quote the value, so whatever a user could write without quotes is refused by hand.
struct TextOnly;

impl TextOnly {
    fn refuse<E: de::Error>() -> Result<Redacted, E> {
        Err(E::custom("a secret must be text; put it in quotes"))
    }
}

impl<'de> Visitor<'de> for TextOnly {
    type Value = Redacted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Redacted, E> {
        Ok(Redacted(text.into()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Redacted, E> {
        Ok(Redacted::default())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Redacted, E> {
        Self::refuse()
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Redacted, E> {
        Self::refuse()
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Redacted, E> {
        Self::refuse()
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Redacted, E> {
        Self::refuse()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_is_taken_and_null_is_empty() {
        let read = |v| serde_json::from_value::<Redacted>(v).unwrap();
        assert_eq!(read(json!("hunter2")).expose(), "hunter2");
        assert!(read(json!(null)).is_empty());
    }

    #[test]
    fn nothing_that_was_written_shows_in_output_or_errors() {
        assert_eq!(format!("{:?}", Redacted::from("hunter2")), "<retracted>");
        for value in [
            json!(20_041_912),
            json!(-20_041_912),
            json!(20_041_912.5),
            json!([20_041_912]),
        ] {
            let error = serde_json::from_value::<Redacted>(value).unwrap_err().to_string();
            assert!(!error.contains("20041912"), "{error}");
        }
    }
}
