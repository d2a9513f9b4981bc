//! The fields of an object of others, with a record of what nobody asked for.

use serde_json::{Map, Value};

use super::Out;

/// Fields that are taken one by one; what is left at the end is told.
pub(super) struct Fields {
    left: Map<String, Value>,
    path: String,
}

impl Fields {
    /// The fields of `value` at `path`; what is no map is told and counts as empty.
    pub(super) fn of(value: Value, path: impl Into<String>, out: &mut Out<'_>) -> Self {
        let path = path.into();
        let left = match value {
            Value::Object(left) => left,
            Value::Null => Map::new(),
            _ => {
                out.error(&*path, "this is no map");
                Map::new()
            }
        };
        Self { left, path }
    }

    /// Path of a field.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// The value, whatever it is; null counts as absent.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.left.remove(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, key: &str, out: &mut Out<'_>) -> Option<String> {
        match self.take(key)? {
            Value::String(text) => Some(text),
            // YAML takes an unquoted 10 for a number, and the programs that read these files do not mind.
            other @ (Value::Number(_) | Value::Bool(_)) => Some(other.to_string()),
            _ => self.wrong(key, "a text", out),
        }
    }

    pub(super) fn number(&mut self, key: &str, out: &mut Out<'_>) -> Option<i64> {
        match self.take(key)?.as_i64() {
            Some(number) => Some(number),
            None => self.wrong(key, "a whole number", out),
        }
    }

    pub(super) fn boolean(&mut self, key: &str, out: &mut Out<'_>) -> Option<bool> {
        match self.take(key)? {
            Value::Bool(value) => Some(value),
            _ => self.wrong(key, "true or false", out),
        }
    }

    /// The items of a list; none if it is absent.
    pub(super) fn list(&mut self, key: &str, out: &mut Out<'_>) -> Vec<Value> {
        match self.take(key) {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => self.wrong(key, "a list", out).unwrap_or_default(),
        }
    }

    /// The items of a list that are texts.
    pub(super) fn texts(&mut self, key: &str, out: &mut Out<'_>) -> Vec<String> {
        let path = self.path(key);
        let mut texts = Vec::new();
        for (index, item) in self.list(key, out).into_iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text),
                _ => out.error(format!("{path}[{index}]"), "this is no text"),
            }
        }
        texts
    }

    /// The fields of each item of a list.
    pub(super) fn items(&mut self, key: &str, out: &mut Out<'_>) -> Vec<Self> {
        let path = self.path(key);
        let items = self.list(key, out).into_iter().enumerate();
        items
            .map(|(index, item)| Self::of(item, format!("{path}[{index}]"), out))
            .collect()
    }

    /// The fields of a map inside; none if it is absent.
    pub(super) fn inner(&mut self, key: &str, out: &mut Out<'_>) -> Option<Self> {
        let value = self.take(key)?;
        Some(Self::of(value, self.path(key), out))
    }

    /// Everything that is left, by key.
    pub(super) fn drain(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.left)
    }

    /// Tells what nobody asked for.
    pub(super) fn finish(mut self, out: &mut Out<'_>) {
        for (key, value) in self.drain() {
            if !value.is_null() {
                out.note(self.path(&key), "this has no counterpart and is left out");
            }
        }
    }

    fn wrong<T>(&self, key: &str, wanted: &str, out: &mut Out<'_>) -> Option<T> {
        out.error(self.path(key), format!("this is not {wanted}"));
        None
    }
}
