//! What the definitions refuse by themselves, with no webhook in reach (docs/design/0010): never more than the resolver,
//! and of each id as much as is said here. The rows are those of the resolver's own tests.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

/// The rows alone: the resolver is tested where it is.
macro_rules! tables {
    ($($name:ident),* $(,)?) => {
        /// The rows of all tables of this page.
        pub(crate) fn rows() -> Vec<super::Row> {
            [$($name()),*].into_iter().flatten().collect()
        }
    };
}

#[expect(dead_code, reason = "some of it is for the resolver's own tests")]
#[path = "../../../api/tests/refusals/tables/mod.rs"]
mod tables;

use std::collections::BTreeMap;

use ferrolb_apiserver::{ApiServer, Options};
use serde_json::Value;

use crate::tables::{Row, rows};

/// How many of the rows of an id an API server refuses with nothing but the definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Share {
    All,
    Some,
}
use Share::{All, Some as Part};

/// Ids of which rows are refused; of those that are not here, none is.
///
/// A rule about the items of a list may cost the same few steps whatever they are, since the lists and texts of the
/// reference's schema have no bounds: it cannot read addresses, ranges and communities, nor compare items with each other.
const REFUSED: &[(&str, Share)] = &[
    ("A-08", All),
    ("A-09", All),
    ("A-10", All),
    // Not below 0: the reference takes that where no pool has IPv6.
    ("A-11", Part),
    ("A-14", All),
    ("A-15", All),
    ("A-16", All),
    ("B-02", All),
    ("B-03", All),
    ("B-04", All),
    ("B-05", All),
    ("B-06", All),
    // An empty value.
    ("C-01", Part),
    ("L-05", All),
    ("L-06", All),
    ("L-07", All),
    ("L-09", All),
    ("M-13", All),
    ("M-14", All),
    ("N-01", All),
    ("N-02", All),
    ("N-03", All),
    ("N-04", All),
    ("N-05", All),
    ("N-06", All),
    ("N-07", All),
    // Not beyond `65535s`: the reference takes that.
    ("N-08", Part),
    ("N-09", All),
    ("N-10", All),
    ("N-11", All),
    ("N-12", All),
    ("N-16", All),
    ("N-17", All),
    // One names a profile that is bad in itself.
    ("N-21", Part),
    ("N-23", All),
    ("P-02", All),
    // What is too short, or ends in a slash.
    ("P-03", Part),
    // What begins with a dash.
    ("P-05", Part),
    // What ends with one.
    ("P-06", Part),
    ("P-12", All),
    // Not keys and values of labels.
    ("P-13", Part),
    // One has a pool that is bad in itself.
    ("P-16", Part),
    ("W-02", All),
];

/// Fields that an API server refuses, by the name of their object.
fn refused(server: &ApiServer, row: &Row) -> Vec<(String, String)> {
    let documents = row.manifests.split("---\n").filter(|d| !d.is_empty());
    let objects = documents.map(|d| serde_saphyr::from_str::<Value>(d).unwrap());
    objects
        .flat_map(|object| refused_fields(server, object))
        .collect()
}

fn refused_fields(server: &ApiServer, mut object: Value) -> Vec<(String, String)> {
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    let version = object["apiVersion"].as_str().unwrap();
    if !version.starts_with("metallb.io/") || name.is_empty() {
        return Vec::new();
    }
    object["metadata"]["namespace"] = "metallb-system".into();
    let (_, error) = server.review(object);
    let causes = error.and_then(|e| e.details).map(|d| d.causes);
    let fields = causes.into_iter().flatten().map(|c| c.field);
    fields.map(|field| (name.clone(), field)).collect()
}

/// Objects and fields with an error.
fn errors(row: &Row) -> Vec<(&str, &str)> {
    let errors = row.problems.iter().filter(|p| !p.starts_with("warning: "));
    errors
        .map(|problem| {
            let mut words = problem.split(' ');
            (words.next().unwrap(), words.next().unwrap())
        })
        .collect()
}

/// Whether one path leads to the other.
fn meet(a: &str, b: &str) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

#[test]
fn the_definitions_refuse_nothing_that_the_resolver_accepts() {
    let server = ApiServer::new(Options::default()).unwrap();
    for row in rows() {
        let errors = errors(&row);
        for (name, field) in refused(&server, &row) {
            assert!(
                errors.iter().any(|(of, _)| *of == name),
                "{}: {name} {field} is refused, {}",
                row.ids,
                row.manifests
            );
        }
    }
}

#[test]
fn of_every_id_the_definitions_refuse_as_much_as_is_listed() {
    let server = ApiServer::new(Options::default()).unwrap();
    let mut shares: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in rows() {
        let (id, errors) = (row.ids.split(' ').next().unwrap(), errors(&row));
        if !id.contains('-') || errors.is_empty() {
            continue;
        }
        let is_refused = refused(&server, &row)
            .iter()
            .any(|(name, field)| errors.iter().any(|(of, at)| of == name && meet(at, field)));
        let (hits, all) = shares.entry(id).or_default();
        *hits += usize::from(is_refused);
        *all += 1;
    }
    let found: Vec<(&str, Share)> = shares
        .into_iter()
        .filter(|(_, (hits, _))| *hits > 0)
        .map(|(id, (hits, all))| (id, if hits == all { All } else { Part }))
        .collect();
    assert_eq!(found, REFUSED);
}
