//! Times as Go writes them.

use core::time::Duration;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3600 * 1_000_000_000),
];

/// Reads a sum of decimal numbers with units, such as `1m30s` or `1.5h`, or `0`. Nothing for what is no such text, is
/// negative, or is longer than 292 years.
pub(crate) fn parse_go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos = 0u64;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(number_end);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        nanos = nanos.checked_add(scaled(number, *scale)?)?;
        rest = after;
    }
    i64::try_from(nanos).ok().map(|_| Duration::from_nanos(nanos))
}

fn scaled(number: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut part = scale;
    let mut nanos = whole.checked_mul(scale)?;
    for digit in fraction.bytes() {
        part /= 10;
        nanos = nanos.checked_add(u64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?) * part)?;
    }
    Some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_go_reads_them() {
        let ms = |text| parse_go_duration(text).map(|time| time.as_millis());
        assert_eq!(ms("200ms"), Some(200));
        assert_eq!(ms("1m30s"), Some(90_000));
        assert_eq!(ms("1.5s"), Some(1_500));
        assert_eq!(ms(".5s"), Some(500));
        assert_eq!(ms("0"), Some(0));
        assert_eq!(ms("+2h"), Some(7_200_000));
        for wrong in ["", "1", "s", "-1s", "1x", "1s2", ".s", "1..5s", "9999999h"] {
            assert_eq!(ms(wrong), None, "`{wrong}`");
        }
    }
}
