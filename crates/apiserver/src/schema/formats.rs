//! The string formats of OpenAPI that a real server checks; others say nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use base64::Engine as _;

use crate::time;

/// Whether `text` is of `format`, or the format is one that is not checked.
pub(crate) fn fits(format: &str, text: &str) -> bool {
    match format {
        "date-time" => time::parse(text).is_some(),
        "date" => text.len() == 10 && time::parse(&format!("{text}T00:00:00Z")).is_some(),
        "duration" => text.parse::<ferrolb_api::GoDuration>().is_ok(),
        "byte" => base64::engine::general_purpose::STANDARD.decode(text).is_ok(),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => is_cidr(text),
        "mac" => is_mac(text),
        "uuid" => is_uuid(text),
        "hostname" => text.len() <= 255 && text.split('.').all(is_host_label),
        "email" => text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()),
        _ => true,
    }
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let longest = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    length.parse::<u8>().is_ok_and(|n| n <= longest)
}

/// Six, eight or twenty bytes, as Go's `net.ParseMAC` has them.
fn is_mac(text: &str) -> bool {
    let bytes: Vec<&str> = text.split([':', '-']).collect();
    let is_byte = |b: &&str| b.len() == 2 && b.bytes().all(|c| c.is_ascii_hexdigit());
    matches!(bytes.len(), 6 | 8 | 20) && bytes.iter().all(is_byte)
}

fn is_uuid(text: &str) -> bool {
    let digits = text.bytes().filter(|b| *b != b'-');
    digits.clone().count() == 32 && digits.into_iter().all(|b| b.is_ascii_hexdigit())
}

fn is_host_label(label: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(is_plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_takes_its_own_and_nothing_else() {
        for (format, good, bad) in [
            ("date-time", "2026-01-01T00:00:00Z", "2026-01-01"),
            ("date", "2026-01-01", "2026-13-01"),
            ("duration", "1h30m", "soon"),
            ("byte", "YQ==", "*"),
            ("ipv4", "192.0.2.1", "2001:db8::1"),
            ("ipv6", "2001:db8::1", "192.0.2.1"),
            ("cidr", "192.0.2.0/24", "192.0.2.0/33"),
            ("mac", "02:00:00:00:00:01", "02:00"),
            (
                "uuid",
                "6d48d5c2-9c15-49ce-8a26-574928492e1d",
                "6d48d5c2-9c15-49ce-8a26-57492849",
            ),
            ("hostname", "a.example.org", "-x"),
            ("email", "a@example.org", "a"),
        ] {
            assert!(fits(format, good), "{format}: {good}");
            assert!(!fits(format, bad), "{format}: {bad}");
        }
        assert!(fits("int32", "anything"));
    }
}
