//! Entries of pools.

use ferrolb_types::address::parse_prefix;
use ferrolb_types::{IpNet, IpRange};

/// A prefix without its first and last address, as a range; a prefix of one or two addresses stays.
pub(super) fn without_ends(text: &str) -> Option<String> {
    let net = parse_prefix(text).ok()?;
    let shrunk = match net {
        IpNet::V4(net) if net.prefix_len() < 31 => {
            let (first, last) = (u32::from(net.network()) + 1, u32::from(net.broadcast()) - 1);
            IpRange::new(
                std::net::Ipv4Addr::from(first).into(),
                std::net::Ipv4Addr::from(last).into(),
            )
        }
        IpNet::V6(net) if net.prefix_len() < 127 => {
            let (first, last) = (u128::from(net.network()) + 1, u128::from(net.broadcast()) - 1);
            IpRange::new(
                std::net::Ipv6Addr::from(first).into(),
                std::net::Ipv6Addr::from(last).into(),
            )
        }
        _ => return Some(text.to_owned()),
    };
    shrunk.ok().map(|range| range.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_prefix_are_cut() {
        for (prefix, rest) in [
            ("192.0.2.0/29", Some("192.0.2.1-192.0.2.6")),
            ("192.0.2.0/31", Some("192.0.2.0/31")),
            ("192.0.2.7/32", Some("192.0.2.7/32")),
            ("2001:db8::/126", Some("2001:db8::1-2001:db8::2")),
            ("2001:db8::/127", Some("2001:db8::/127")),
            ("web", None),
        ] {
            assert_eq!(without_ends(prefix).as_deref(), rest, "{prefix}");
        }
    }
}
