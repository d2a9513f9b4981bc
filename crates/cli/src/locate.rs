//! Where in a manifest a field stands: the line of `spec.addresses[0]`.
//!
//! Positions are sought only for documents with a problem, by reading those again with their spans.

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// A document with the lines of its keys and items.
#[derive(Debug)]
pub(crate) struct Map(Option<Tree>);

#[derive(Debug)]
enum Tree {
    Fields(Vec<(String, usize, Tree)>),
    Items(Vec<(usize, Tree)>),
    Leaf,
}

impl Map {
    /// Reads one document; lines are counted from 1.
    pub(crate) fn of(document: &str) -> Self {
        Self(serde_saphyr::from_str(document).ok())
    }

    /// The line of the field at `path`, or of the nearest one around it.
    pub(crate) fn line(&self, path: &str) -> Option<usize> {
        let mut tree = self.0.as_ref()?;
        let mut rest = path;
        let mut line = None;
        while let Some((at, child, after)) = tree.step(rest) {
            line = Some(at);
            tree = child;
            rest = after;
        }
        line
    }
}

impl Tree {
    /// The part of `path` that leads one level down, and what is left of it.
    fn step<'p>(&self, path: &'p str) -> Option<(usize, &Self, &'p str)> {
        match self {
            Self::Fields(fields) => {
                // A key may contain dots, as labels do: the longest that fits is meant.
                let fits = |(key, ..): &&(String, usize, Self)| rest_after(path, key).is_some();
                let (key, line, child) = fields.iter().filter(fits).max_by_key(|(key, ..)| key.len())?;
                Some((*line, child, rest_after(path, key)?))
            }
            Self::Items(items) => {
                let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
                let (line, child) = items.get(index.parse::<usize>().ok()?)?;
                Some((*line, child, rest.strip_prefix('.').unwrap_or(rest)))
            }
            Self::Leaf => None,
        }
    }
}

fn rest_after<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(key).filter(|_| !key.is_empty())?;
    if rest.is_empty() || rest.starts_with('[') {
        return Some(rest);
    }
    rest.strip_prefix('.')
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            fields.push((line_of(&key), map.next_value()?, key.value));
        }
        let field = |(line, tree, key)| (key, line, tree);
        Ok(Tree::Fields(fields.into_iter().map(field).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Tree>>()? {
            items.push((line_of(&item), item.value));
        }
        Ok(Tree::Items(items))
    }

    fn visit_unit<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_none<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf)
    }
}

fn line_of<T>(spanned: &Spanned<T>) -> usize {
    usize::try_from(spanned.referenced.line()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "\
kind: IPAddressPool
metadata:
  name: a
  labels:
    example.com/zone: b
spec:
  addresses:
    - 192.0.2.0/24
    - 192.0.2.300/24
";

    #[test]
    fn a_field_is_found_where_its_key_stands_and_an_item_where_it_begins() {
        let map = Map::of(POOL);
        for (path, line) in [
            ("kind", 1),
            ("metadata.labels.example.com/zone", 5),
            ("spec.addresses", 7),
            ("spec.addresses[1]", 9),
        ] {
            assert_eq!(map.line(path), Some(line), "{path}");
        }
    }

    #[test]
    fn what_is_missing_is_looked_for_around_it() {
        let map = Map::of(POOL);
        assert_eq!(map.line("spec.addresses[7]"), Some(7));
        assert_eq!(map.line("spec.autoAssign"), Some(6));
        assert_eq!(map.line("status"), None);
        assert_eq!(Map::of("a: [").line("a"), None);
    }

    #[test]
    fn json_has_lines_too() {
        let map = Map::of("{\n  \"spec\": {\n    \"addresses\": [\n      \"x\"\n    ]\n  }\n}\n");
        assert_eq!(map.line("spec.addresses[0]"), Some(4));
    }
}
