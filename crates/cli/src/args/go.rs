//! Values as Go's package `flag` reads them (operations 6.1).

use core::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser as _, ValueParser};
use ferrolb_api::GoDuration;
use std::path::PathBuf;

/// `--flag`, `--flag=true`, `--flag=false` and what else `strconv.ParseBool` takes.
pub(super) fn bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

/// A boolean of a flag that has no effect, kept as it was written.
pub(super) fn bool_text(text: &str) -> Result<String, String> {
    bool(text).map(|_| text.to_owned())
}

/// A port in any base that `strconv.ParseInt` takes: `7472`, `0x1d30`, `0o16460`, `0b1`, `016460`.
pub(super) fn port(text: &str) -> Result<u16, String> {
    let wrong = || "write a number from 0 to 65535".to_owned();
    let lower = text.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &*lower),
    };
    u16::from_str_radix(digits, base).map_err(|_| wrong())
}

/// A positive `time.Duration`, like `1m30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let duration: GoDuration = text.parse().map_err(|_| "write a duration like 15s".to_owned())?;
    match u64::try_from(duration.as_nanos()) {
        Ok(nanos) if nanos > 0 => Ok(Duration::from_nanos(nanos)),
        _ => Err("write a duration above 0, like 15s".to_owned()),
    }
}

/// A path that may be empty, which means none.
pub(super) fn path() -> ValueParser {
    OsStringValueParser::new().map(PathBuf::from).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_those_of_go() {
        for text in ["1", "t", "T", "TRUE", "true", "True"] {
            assert_eq!(bool(text), Ok(true), "{text}");
        }
        for text in ["0", "f", "F", "FALSE", "false", "False"] {
            assert_eq!(bool(text), Ok(false), "{text}");
        }
        for text in ["", "yes", "on", "tRue", "2"] {
            assert!(bool(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_those_of_go_and_above_zero() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for text in ["", "15", "0s", "-1s", "soon"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ports_are_read_in_the_bases_of_go() {
        for text in ["7472", "0x1d30", "0X1D30", "0o16460", "016460", "0b1110100110000"] {
            assert_eq!(port(text), Ok(7472), "{text}");
        }
        assert_eq!(port("0"), Ok(0));
        for text in ["", "65536", "-1", "0x", "08", "web", "7472 "] {
            assert!(port(text).is_err(), "{text}");
        }
    }
}
