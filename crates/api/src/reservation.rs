//! Addresses that are kept for a Service while it does not exist: annotation [`RESERVATIONS`] of an IPAddressPool.
//!
//! The controller writes it, and an administrator may: to reserve addresses ahead of time, or to give some back.
//!
//! ```
//! use ferrolb_api::Reservations;
//!
//! let text = r#"{"shop/front": ["192.0.2.10", "2001:db8::10"]}"#;
//! let reservations: Reservations = text.parse()?;
//! assert_eq!(reservations.to_string(), r#"{"shop/front":["192.0.2.10","2001:db8::10"]}"#);
//! # Ok::<(), ferrolb_api::ReservationError>(())
//! ```
//!
//! [`RESERVATIONS`]: crate::annotations::RESERVATIONS

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;
use std::collections::BTreeMap;

use ferrolb_types::address::parse_address;
use ferrolb_types::{AddressError, IpFamily, NamespaceName};
use serde::{Deserialize, Serialize};

/// Whom addresses are reserved for: the Services of one namespace that carry this name in `ferrolb.io/reserve-as`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReservationKey {
    /// The Service's namespace: a name means nothing in another one.
    pub namespace: NamespaceName,
    /// The value of the annotation.
    pub name: Box<str>,
}

/// The reservations of one pool, at most [`Reservations::MOST`]: under each key one address, or one of each family.
/// Services of several names may share an address, so it may stand under several keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservations(BTreeMap<ReservationKey, Vec<IpAddr>>);

/// Why a text is not a name to reserve under, or a list of reservations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    /// A name has other characters, or too many.
    #[error(
        "`{0}` is no name to reserve under; write up to 63 lower case letters, digits, `-` and `.`, beginning and ending with a letter or digit"
    )]
    Name(Box<str>),
    /// A key is not `namespace/name`.
    #[error("`{0}` is no key of a reservation; write `namespace/name`")]
    Key(Box<str>),
    /// Not JSON of this shape.
    #[error(
        "not a list of reservations ({0}); write JSON like `{{\"namespace/name\": [\"192.0.2.10\"]}}`, or remove the annotation to give everything back"
    )]
    Json(String),
    /// An address is none.
    #[error("under `{key}`: {cause}")]
    Address {
        /// The key.
        key: Box<str>,
        /// What is wrong with the address.
        cause: AddressError,
    },
    /// None, or two of one family, or more.
    #[error("under `{0}` there must be one address, or one of each family")]
    Count(Box<str>),
    /// More than can be kept.
    #[error("{0} reservations are more than the {most} that a pool can keep", most = Reservations::MOST)]
    TooMany(usize),
}

impl ReservationKey {
    /// The key for a name as a Service of `namespace` writes it.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(namespace: NamespaceName, name: &str) -> Result<Self, ReservationError> {
        if !is_name(name) {
            let shown: String = name.chars().take(80).collect();
            return Err(ReservationError::Name(shown.into()));
        }
        let name = name.into();
        Ok(Self { namespace, name })
    }
}

impl FromStr for ReservationKey {
    type Err = ReservationError;

    fn from_str(text: &str) -> Result<Self, ReservationError> {
        match text.split_once('/') {
            Some((namespace, name)) if is_name(namespace) && is_name(name) => Ok(Self {
                namespace: NamespaceName::new(namespace),
                name: name.into(),
            }),
            _ => Err(ReservationError::Key(
                text.chars().take(160).collect::<String>().into(),
            )),
        }
    }
}

impl fmt::Display for ReservationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Letters, digits, `-` and `.` as in names of objects; 63 of them are a label's length and keep the annotation small.
fn is_name(text: &str) -> bool {
    let is_end = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.iter().all(|c| is_end(c) || matches!(c, b'-' | b'.'))
        && bytes.first().is_some_and(is_end)
        && bytes.last().is_some_and(is_end)
}

impl Reservations {
    /// So many take at most 200 KiB; the API server allows 256 KiB for all annotations of an object.
    pub const MOST: usize = 1_000;

    /// The list of these entries, each of one address or one of each family, whose order means nothing.
    #[must_use]
    pub fn new(mut entries: BTreeMap<ReservationKey, Vec<IpAddr>>) -> Self {
        entries
            .values_mut()
            .for_each(|addresses| addresses.sort_unstable());
        Self(entries)
    }

    /// All entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&ReservationKey, &[IpAddr])> {
        self.0.iter().map(|(key, addresses)| (key, addresses.as_slice()))
    }

    /// What is reserved under `key`.
    #[must_use]
    pub fn get(&self, key: &ReservationKey) -> Option<&[IpAddr]> {
        self.0.get(key).map(Vec::as_slice)
    }

    /// Whether nothing is reserved.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn check(self) -> Result<Self, ReservationError> {
        if self.0.len() > Self::MOST {
            return Err(ReservationError::TooMany(self.0.len()));
        }
        for (key, addresses) in &self.0 {
            let fits = match addresses.as_slice() {
                [_] => true,
                [a, b] => IpFamily::of(*a) != IpFamily::of(*b),
                _ => false,
            };
            if !fits {
                return Err(ReservationError::Count(key.to_string().into()));
            }
        }
        Ok(self)
    }
}

impl FromStr for Reservations {
    type Err = ReservationError;

    fn from_str(text: &str) -> Result<Self, ReservationError> {
        let raw: BTreeMap<String, Vec<String>> =
            serde_json::from_str(text).map_err(|error| ReservationError::Json(error.to_string()))?;
        let entry = |(key, texts): (String, Vec<String>)| {
            let cause = |cause| ReservationError::Address {
                key: key.as_str().into(),
                cause,
            };
            let addresses = texts.iter().map(|text| parse_address(text).map_err(cause));
            Ok((key.parse()?, addresses.collect::<Result<_, _>>()?))
        };
        Self::new(raw.into_iter().map(entry).collect::<Result<_, _>>()?).check()
    }
}

/// As the annotation holds it.
impl fmt::Display for Reservations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_text: BTreeMap<String, &Vec<IpAddr>> =
            self.0.iter().map(|(key, a)| (key.to_string(), a)).collect();
        f.write_str(&serde_json::to_string(&by_text).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> ReservationError {
        text.parse::<Reservations>().expect_err(text)
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "{}",
            r#"{"a/b":["192.0.2.1"],"a/c-d.e":["192.0.2.2","2001:db8::1"]}"#,
            r#"{"a/b":["192.0.2.1"],"a/c":["192.0.2.1","2001:db8::1"]}"#,
        ] {
            let read: Reservations = text.parse().expect(text);
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn malformed_lists_are_refused_with_the_place() {
        assert!(matches!(error("web"), ReservationError::Json(_)));
        assert!(matches!(
            error(r#"{"web":["192.0.2.1"]}"#),
            ReservationError::Key(_)
        ));
        assert!(matches!(
            error(r#"{"a/B":["192.0.2.1"]}"#),
            ReservationError::Key(_)
        ));
        assert!(matches!(
            error(r#"{"a/b":["192.0.2"]}"#),
            ReservationError::Address { .. }
        ));
        assert!(matches!(error(r#"{"a/b":[]}"#), ReservationError::Count(_)));
        assert!(matches!(
            error(r#"{"a/b":["192.0.2.1","192.0.2.2"]}"#),
            ReservationError::Count(_)
        ));
    }

    #[test]
    fn the_list_is_bounded_and_its_text_fits_into_an_object() {
        let entry = |n: usize| {
            let key = format!("{}/{:0>63}", "n".repeat(63), n);
            (
                key.parse().expect("a key"),
                vec![IpAddr::from((n as u128).to_be_bytes())],
            )
        };
        let full = Reservations::new((0..Reservations::MOST).map(entry).collect());
        let text = full.to_string();
        assert!(text.len() < 200 * 1024, "{}", text.len());
        assert_eq!(text.parse(), Ok(full));
        let over = Reservations::new((0..=Reservations::MOST).map(entry).collect());
        assert_eq!(
            error(&over.to_string()),
            ReservationError::TooMany(Reservations::MOST + 1)
        );
    }

    #[test]
    fn names_are_those_of_objects() {
        let key = |name| ReservationKey::new("shop".into(), name);
        assert_eq!(
            key("web-1.eu").map(|key| key.to_string()),
            Ok("shop/web-1.eu".to_owned())
        );
        for name in ["", "-web", "web.", "Web", "a b", "a/b", &"x".repeat(64)] {
            assert!(key(name).is_err(), "{name}");
        }
    }
}
