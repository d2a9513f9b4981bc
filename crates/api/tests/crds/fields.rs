//! Which fields a type decodes: a deserializer that has every field a struct asks for, once.

use std::cell::RefCell;
use std::collections::BTreeMap;

use core::fmt;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// JSON types by path, like `.spec.addresses[]`.
pub(crate) fn of<T: DeserializeOwned>() -> BTreeMap<String, String> {
    let found = RefCell::default();
    T::deserialize(Probe {
        path: String::new(),
        found: &found,
    })
    .unwrap();
    found.into_inner()
}

struct Probe<'a> {
    path: String,
    found: &'a RefCell<BTreeMap<String, String>>,
}

impl Probe<'_> {
    fn note(&self, kind: &str) {
        self.found.borrow_mut().insert(self.path.clone(), kind.to_owned());
    }

    fn child(&self, step: &str) -> Self {
        Self {
            path: format!("{}{step}", self.path),
            found: self.found,
        }
    }
}

#[derive(Debug)]
struct Never(String);

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Never {}

impl Error for Never {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Never;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Never> {
        self.note("string");
        visitor.visit_str("")
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Never> {
        self.note("boolean");
        visitor.visit_bool(false)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Never> {
        self.note("integer");
        visitor.visit_i64(0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Never> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Never> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Never> {
        self.note("array");
        visitor.visit_seq(One(Some(self.child("[]"))))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Never> {
        self.note("object");
        visitor.visit_map(Fields {
            of: &self,
            names: [].iter(),
            next: None,
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Never> {
        self.note("object");
        visitor.visit_map(Fields {
            of: &self,
            names: names.iter(),
            next: None,
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Never> {
        self.note("string");
        let first: StrDeserializer<'_, Never> = variants[0].into_deserializer();
        visitor.visit_enum(first)
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple
        tuple_struct identifier ignored_any
    }
}

struct One<'a>(Option<Probe<'a>>);

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Never;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Never> {
        self.0.take().map(|probe| seed.deserialize(probe)).transpose()
    }
}

struct Fields<'a, 'b> {
    of: &'b Probe<'a>,
    names: core::slice::Iter<'static, &'static str>,
    next: Option<&'static str>,
}

impl<'de> MapAccess<'de> for Fields<'_, '_> {
    type Error = Never;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Never> {
        self.next = self.names.next().copied();
        self.next
            .map(|name| {
                let key: StrDeserializer<'_, Never> = name.into_deserializer();
                seed.deserialize(key)
            })
            .transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Never> {
        let name = self.next.take().unwrap_or_default();
        seed.deserialize(self.of.child(&format!(".{name}")))
    }
}
