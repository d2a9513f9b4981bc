//! BGP communities as users write them (api-and-config 3.4).

use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// A mark on routes that routers act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Community {
    /// Two halves of 16 bits, written `64512:1` (RFC 1997).
    Standard(u32),
    /// Three parts of 32 bits, written `large:64512:1:2` (RFC 8092).
    Large([u32; 3]),
}

/// Why a text is not a community.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommunityError {
    /// Neither two parts nor four, so it may be the name of an alias.
    #[error("`{0}` is not a community; write `64512:1` or `large:64512:1:2`")]
    Format(String),
    /// Two or four parts that are not those of a community.
    #[error(
        "`{0}` is not a community; `64512:1` takes numbers up to 65535, `large:64512:1:2` numbers up to 4294967295"
    )]
    Value(String),
}

impl Community {
    /// A standard community of its two halves.
    #[must_use]
    pub const fn standard(high: u16, low: u16) -> Self {
        Self::Standard((high as u32) << 16 | low as u32)
    }

    /// The three numbers that communities are ordered by; a standard one counts as its first.
    const fn triple(self) -> [u32; 3] {
        match self {
            Self::Standard(value) => [value, 0, 0],
            Self::Large(parts) => parts,
        }
    }

    /// The community that operators know by this name (RFC 1997, 7999, 8326, 9494), for hints only: the reference
    /// knows no names but aliases.
    #[must_use]
    pub fn well_known(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase().replace('_', "-");
        let low = match name.as_str() {
            "graceful-shutdown" => 0,
            "accept-own" => 1,
            "llgr-stale" => 6,
            "no-llgr" => 7,
            "blackhole" => 666,
            "no-export" => 65281,
            "no-advertise" => 65282,
            "no-export-subconfed" | "local-as" => 65283,
            "no-peer" => 65284,
            _ => return None,
        };
        Some(Self::standard(65535, low))
    }
}

impl FromStr for Community {
    type Err = CommunityError;

    fn from_str(text: &str) -> Result<Self, CommunityError> {
        let wrong = || CommunityError::Value(text.to_owned());
        let parts: Vec<&str> = text.split(':').take(5).collect();
        match parts[..] {
            [high, low] => {
                let (high, low) = (number(high).ok_or_else(wrong)?, number(low).ok_or_else(wrong)?);
                Ok(Self::standard(high, low))
            }
            ["large", a, b, c] => {
                let part = |text| number(text).ok_or_else(wrong);
                Ok(Self::Large([part(a)?, part(b)?, part(c)?]))
            }
            [_, _, _, _] => Err(wrong()),
            _ => Err(CommunityError::Format(text.to_owned())),
        }
    }
}

/// Decimal digits only; the standard library would take a sign.
fn number<T: FromStr>(text: &str) -> Option<T> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

/// As it is written in an advertisement.
impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(value) => write!(f, "{}:{}", value >> 16, value & 0xffff),
            Self::Large([a, b, c]) => write!(f, "large:{a}:{b}:{c}"),
        }
    }
}

/// As numbers; a standard one comes before the large one of the same numbers.
impl Ord for Community {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |c: &Self| (c.triple(), matches!(c, Self::Large(_)));
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Community {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl TryFrom<String> for Community {
    type Error = CommunityError;

    fn try_from(text: String) -> Result<Self, CommunityError> {
        text.parse()
    }
}

impl From<Community> for String {
    fn from(community: Community) -> Self {
        community.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Community, CommunityError> {
        text.parse()
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(parse("65535:65282"), Ok(Community::Standard(0xffff_ff02)));
        assert_eq!(parse("large:1:2:3"), Ok(Community::Large([1, 2, 3])));
        assert_eq!(parse("0064512:01"), parse("64512:1"));
    }

    #[test]
    fn another_number_of_parts_may_be_an_alias() {
        for text in ["1234", "community", "a:b:c", "", "1:2:3:4:5", "large:1:2:3:4"] {
            assert!(matches!(parse(text), Err(CommunityError::Format(_))), "{text}");
        }
    }

    #[test]
    fn wrong_numbers_and_markers_are_no_alias() {
        for text in [
            "99999999:1",
            "1:99999999",
            "11111:11aaaa",
            "larg:1:2:3",
            "1:2:3:4",
            "+1:2",
            " 1:2",
            ":",
            "large:1:2:4294967296",
            "large:1:2:",
        ] {
            assert!(matches!(parse(text), Err(CommunityError::Value(_))), "{text}");
        }
    }

    #[test]
    fn they_sort_as_numbers() {
        let mut communities = ["10:1", "large:9:0:0", "9:1", "large:589825:0:0"].map(|t| parse(t).unwrap());
        communities.sort_unstable();
        assert_eq!(
            communities.map(|c| c.to_string()),
            ["large:9:0:0", "9:1", "large:589825:0:0", "10:1"]
        );
    }

    #[test]
    fn well_known_names_have_their_registered_values() {
        assert_eq!(
            Community::well_known("NO_EXPORT").unwrap().to_string(),
            "65535:65281"
        );
        assert_eq!(
            Community::well_known("blackhole").unwrap().to_string(),
            "65535:666"
        );
        assert_eq!(Community::well_known("mine"), None);
    }

    proptest! {
        #[test]
        fn every_community_reads_back_as_it_is_written(a in any::<u32>(), b in any::<u32>(), c in any::<u32>()) {
            for community in [Community::Standard(a), Community::Large([a, b, c])] {
                prop_assert_eq!(community.to_string().parse::<Community>().unwrap(), community);
            }
        }
    }
}
