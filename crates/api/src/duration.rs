//! Durations as Go writes them, which is how users know them from other Kubernetes objects.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A signed span of time in nanoseconds, written like `90s`, `1m30s` or `1.5h`.
///
/// ```
/// use ferrolb_api::GoDuration;
///
/// let hold: GoDuration = "1.5m".parse()?;
/// assert_eq!(hold.to_string(), "1m30s");
/// # Ok::<(), ferrolb_api::DurationError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GoDuration(i64);

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// No numbers with units.
    #[error("`{0}` is not a duration; write numbers with units, like `90s`, `1m30s` or `500ms`")]
    Syntax(String),
    /// A number without a unit.
    #[error("`{0}` lacks a unit; write for example `{0}s`")]
    MissingUnit(String),
    /// A unit that there is not.
    #[error("`{text}` has the unknown unit `{unit}`; use `h`, `m`, `s`, `ms`, `us` or `ns`")]
    UnknownUnit {
        /// The whole text.
        text: String,
        /// What stands where a unit should.
        unit: String,
    },
    /// More than 292 years.
    #[error("`{0}` is longer than a duration can be")]
    Overflow(String),
}

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
/// Nanoseconds of the most negative value.
const LIMIT: u64 = 1 << 63;

impl GoDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of whole nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The span in nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds, cut towards zero.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0 / 1_000_000_000
    }

    /// The span as an unsigned one; negative spans are zero.
    #[must_use]
    pub const fn clamped(self) -> Duration {
        if self.0 < 0 {
            Duration::ZERO
        } else {
            Duration::from_nanos(self.0.unsigned_abs())
        }
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    /// A sign, then numbers with an optional fraction, each followed by its unit; or just `0`.
    fn from_str(text: &str) -> Result<Self, DurationError> {
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Ok(Self::ZERO);
        }
        if rest.is_empty() {
            return Err(DurationError::Syntax(text.to_owned()));
        }
        let overflow = || DurationError::Overflow(text.to_owned());
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (part, after) = part(rest, text)?;
            total = total
                .checked_add(part)
                .filter(|t| *t <= LIMIT)
                .ok_or_else(overflow)?;
            rest = after;
        }
        let signed = if negative {
            0_i64.checked_sub_unsigned(total)
        } else {
            i64::try_from(total).ok()
        };
        signed.map(Self).ok_or_else(overflow)
    }
}

/// Reads one number and its unit, as nanoseconds, and gives what follows.
fn part<'a>(from: &'a str, text: &str) -> Result<(u64, &'a str), DurationError> {
    let (whole, rest) = split_digits(from);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => split_digits(after),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Syntax(text.to_owned()));
    }
    let end = rest
        .find(|c: char| c == '.' || c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let unit = match unit {
        "" => return Err(DurationError::MissingUnit(text.to_owned())),
        "ns" => 1,
        "us" | "µs" | "μs" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        other => {
            let (text, unit) = (text.to_owned(), other.to_owned());
            return Err(DurationError::UnknownUnit { text, unit });
        }
    };
    let overflow = || DurationError::Overflow(text.to_owned());
    let whole = if whole.is_empty() {
        0
    } else {
        whole.parse::<u64>().map_err(|_| overflow())?
    };
    let nanos = whole
        .checked_mul(unit)
        .and_then(|n| n.checked_add(fraction_of(fraction, unit)));
    nanos
        .filter(|n| *n <= LIMIT)
        .map(|n| (n, rest))
        .ok_or_else(overflow)
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// `0.digits` of a unit, cut to nanoseconds; digits beyond the eighteenth cannot matter.
fn fraction_of(digits: &str, unit: u64) -> u64 {
    let digits = &digits[..digits.len().min(18)];
    let value: u128 = digits.parse().unwrap_or(0);
    let scale = 10_u128.pow(u32::try_from(digits.len()).unwrap_or(0));
    u64::try_from(value * u128::from(unit) / scale).unwrap_or(0)
}

/// Go's canonical form: hours, minutes and seconds from a second on (`1m0.5s`), one smaller unit below (`1.5ms`).
impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanos {
            0 => f.write_str("0s"),
            1..MICROSECOND => write!(f, "{nanos}ns"),
            MICROSECOND..MILLISECOND => with_fraction(f, nanos, MICROSECOND, "µs"),
            MILLISECOND..SECOND => with_fraction(f, nanos, MILLISECOND, "ms"),
            _ => {
                if nanos >= HOUR {
                    write!(f, "{}h", nanos / HOUR)?;
                }
                if nanos >= MINUTE {
                    write!(f, "{}m", nanos % HOUR / MINUTE)?;
                }
                with_fraction(f, nanos % MINUTE, SECOND, "s")
            }
        }
    }
}

fn with_fraction(f: &mut fmt::Formatter<'_>, nanos: u64, unit: u64, name: &str) -> fmt::Result {
    write!(f, "{}", nanos / unit)?;
    if !nanos.is_multiple_of(unit) {
        let width = unit.ilog10() as usize;
        let digits = format!("{:0width$}", nanos % unit);
        write!(f, ".{}", digits.trim_end_matches('0'))?;
    }
    f.write_str(name)
}

impl TryFrom<String> for GoDuration {
    type Error = DurationError;

    fn try_from(text: String) -> Result<Self, DurationError> {
        text.parse()
    }
}

impl From<GoDuration> for String {
    fn from(duration: GoDuration) -> Self {
        duration.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nanos(text: &str) -> i64 {
        text.parse::<GoDuration>().unwrap().as_nanos()
    }

    #[test]
    fn texts_are_read_as_go_reads_them() {
        for (text, expected) in [
            ("0", 0),
            ("0s", 0),
            ("90s", 90_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("-2.9s", -2_900_000_000),
            ("+5ms", 5_000_000),
            ("1us1µs1μs1ns", 3_001),
            ("-9223372036854775808ns", i64::MIN),
            ("9223372036.854775807s", i64::MAX),
            ("0000001s", 1_000_000_000),
        ] {
            assert_eq!(nanos(text), expected, "{text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "",
            "-",
            "3",
            "s",
            ".s",
            "1x",
            "ninety",
            " 1s",
            "1s ",
            "1 s",
            "--1s",
            "1e3s",
            "9223372036854775808ns",
        ] {
            assert!(text.parse::<GoDuration>().is_err(), "{text}");
        }
        assert_eq!(
            "3".parse::<GoDuration>(),
            Err(DurationError::MissingUnit("3".into()))
        );
        assert!(matches!(
            "3000000h".parse::<GoDuration>(),
            Err(DurationError::Overflow(_))
        ));
    }

    #[test]
    fn texts_are_written_as_go_writes_them() {
        for (text, canonical) in [
            ("60s", "1m0s"),
            ("3600s", "1h0m0s"),
            ("1.5s", "1.5s"),
            ("1500us", "1.5ms"),
            ("1500ns", "1.5µs"),
            ("999ns", "999ns"),
            ("-61.25s", "-1m1.25s"),
            ("0h", "0s"),
        ] {
            assert_eq!(
                text.parse::<GoDuration>().unwrap().to_string(),
                canonical,
                "{text}"
            );
        }
        assert_eq!(
            GoDuration::from_nanos(i64::MIN).to_string(),
            "-2562047h47m16.854775808s"
        );
    }

    proptest! {
        #[test]
        fn every_duration_reads_back_as_it_is_written(n in any::<i64>(), shift in 0_u32..63) {
            let duration = GoDuration::from_nanos(n >> shift);
            prop_assert_eq!(duration.to_string().parse::<GoDuration>().unwrap(), duration);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-+]?([0-9.]{0,20}(ns|us|µs|ms|s|m|h|x)?){0,3}") {
            let _ = text.parse::<GoDuration>();
        }
    }
}
