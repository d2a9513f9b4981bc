//! Autonomous system numbers.

use core::fmt;

use serde::{Deserialize, Serialize};

/// An AS number of four bytes (RFC 6793); never 0, which no AS has (RFC 7607).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Asn(core::num::NonZeroU32);

impl Asn {
    /// The AS number `number`, unless it is 0.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match core::num::NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl From<Asn> for u32 {
    fn from(asn: Asn) -> Self {
        asn.get()
    }
}

impl TryFrom<u32> for Asn {
    type Error = core::num::TryFromIntError;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        number.try_into().map(Self)
    }
}

/// The plain notation of RFC 5396: one decimal number.
impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AS{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_as_number() {
        assert_eq!(Asn::new(0), None);
        assert_eq!(Asn::new(u32::MAX).map(Asn::get), Some(u32::MAX));
        assert!(serde_json::from_str::<Asn>("0").is_err());
        assert_eq!(serde_json::from_str::<Asn>("64512").unwrap().to_string(), "64512");
    }
}
