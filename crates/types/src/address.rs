//! IP addresses as the reference reads them: Go's literal syntax, prefixes with host bits cleared, ranges that
//! become their minimal cover of prefixes (api-and-config 3.2).

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

/// The family of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum IpFamily {
    /// Internet Protocol version 4.
    #[serde(rename = "IPv4")]
    V4,
    /// Internet Protocol version 6.
    #[serde(rename = "IPv6")]
    V6,
}

impl IpFamily {
    /// The family of `addr`; an IPv4-mapped IPv6 address must have been made canonical before.
    #[must_use]
    pub const fn of(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// Bits in an address: 32 or 128.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// The other family.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }
}

impl fmt::Display for IpFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Why a text is not an address, prefix or range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not an address literal.
    #[error("`{0}` is not an IP address; write one like `192.0.2.1` or `2001:db8::1`")]
    Address(String),
    /// Not `address/length`.
    #[error("`{0}` is not a prefix; write one like `192.0.2.0/24` or `2001:db8::/64`")]
    Prefix(String),
    /// The two ends of a range are of different families.
    #[error("range `{0}` begins and ends in different families; give each family a range of its own")]
    MixedFamilies(String),
    /// A range ends before it begins.
    #[error("range `{0}` ends before it begins; write the lower address first")]
    Reversed(String),
}

/// Parses an address literal by Go's rules: IPv4 without leading zeros, IPv6 without zone; an IPv4-mapped IPv6
/// address is the IPv4 address that it holds. No surrounding space.
///
/// # Errors
/// [`AddressError::Address`] with the text.
pub fn parse_address(text: &str) -> Result<IpAddr, AddressError> {
    // The standard library's parser agrees with Go's on leading zeros, zones and spaces.
    let addr: IpAddr = text.parse().map_err(|_| AddressError::Address(text.to_owned()))?;
    Ok(addr.to_canonical())
}

/// Parses `address/length` and clears the host bits. A bare address, a zone or a length out of range is refused.
///
/// # Errors
/// [`AddressError::Prefix`] with the text.
pub fn parse_prefix(text: &str) -> Result<IpNet, AddressError> {
    let refuse = || AddressError::Prefix(text.to_owned());
    let (addr, length) = text.split_once('/').ok_or_else(refuse)?;
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let length: u8 = digits.then(|| length.parse().ok()).flatten().ok_or_else(refuse)?;
    let literal: IpAddr = addr.parse().map_err(|_| refuse())?;
    let net = IpNet::new(literal, length).map_err(|_| refuse())?.trunc();
    unmap(net).ok_or_else(refuse)
}

/// `::ffff:a.b.c.d/96+n` is the IPv4 prefix of length `n`; a shorter mapped prefix spans both families' notations and is
/// refused.
fn unmap(net: IpNet) -> Option<IpNet> {
    let IpNet::V6(v6) = net else { return Some(net) };
    match v6.addr().to_ipv4_mapped() {
        None => Some(net),
        Some(v4) => {
            let length = v6.prefix_len().checked_sub(96)?;
            Ipv4Net::new(v4, length).ok().map(IpNet::V4)
        }
    }
}

/// An inclusive run of addresses of one family, `first <= last`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpRange {
    first: IpAddr,
    last: IpAddr,
}

impl IpRange {
    /// The range from `first` to `last`.
    ///
    /// # Errors
    /// [`AddressError::MixedFamilies`] or [`AddressError::Reversed`].
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, AddressError> {
        let text = || format!("{first}-{last}");
        if IpFamily::of(first) != IpFamily::of(last) {
            return Err(AddressError::MixedFamilies(text()));
        }
        if first > last {
            return Err(AddressError::Reversed(text()));
        }
        Ok(Self { first, last })
    }

    /// The lowest address.
    #[must_use]
    pub const fn first(&self) -> IpAddr {
        self.first
    }

    /// The highest address.
    #[must_use]
    pub const fn last(&self) -> IpAddr {
        self.last
    }

    /// The family of both ends.
    #[must_use]
    pub const fn family(&self) -> IpFamily {
        IpFamily::of(self.first)
    }

    /// Whether `addr` lies in the range.
    #[must_use]
    pub fn contains(&self, addr: IpAddr) -> bool {
        IpFamily::of(addr) == self.family() && self.first <= addr && addr <= self.last
    }

    /// The minimal list of prefixes that covers exactly this range, ascending.
    #[must_use]
    pub fn prefixes(&self) -> Vec<IpNet> {
        let family = self.family();
        let (mut at, last) = (bits_of(self.first), bits_of(self.last));
        let mut out = Vec::new();
        loop {
            let host_bits = largest_block(at, last, family);
            let block = prefix(family, at, family.bits() - host_bits);
            out.extend(block);
            let size = 1u128.checked_shl(host_bits.into());
            match size.and_then(|s| at.checked_add(s)) {
                Some(next) if next <= last => at = next,
                _ => return out,
            }
        }
    }
}

/// Host bits of the largest aligned block that begins at `at` and ends no later than `last`.
fn largest_block(at: u128, last: u128, family: IpFamily) -> u8 {
    let limit = u32::from(family.bits());
    let aligned = at.trailing_zeros().min(limit);
    let room = match (last - at).checked_add(1) {
        Some(count) => count.ilog2(),
        None => 128,
    };
    u8::try_from(aligned.min(room).min(limit)).unwrap_or(128)
}

/// The address as a number, IPv4 in the low 32 bits.
#[must_use]
pub const fn bits_of(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(v4) => v4.to_bits() as u128,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// The address of `family` with these bits; for IPv4 only the low 32 count.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the high bits of an IPv4 number are zero by definition"
)]
pub const fn addr_of(family: IpFamily, bits: u128) -> IpAddr {
    match family {
        IpFamily::V4 => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
        IpFamily::V6 => IpAddr::V6(Ipv6Addr::from_bits(bits)),
    }
}

fn prefix(family: IpFamily, bits: u128, length: u8) -> Option<IpNet> {
    match addr_of(family, bits) {
        IpAddr::V4(v4) => Ipv4Net::new(v4, length).ok().map(IpNet::V4),
        IpAddr::V6(v6) => Ipv6Net::new(v6, length).ok().map(IpNet::V6),
    }
}

impl From<IpNet> for IpRange {
    fn from(net: IpNet) -> Self {
        Self {
            first: net.network(),
            last: net.broadcast(),
        }
    }
}

/// Reads `first - last`, with or without spaces around the dash, or a prefix.
impl FromStr for IpRange {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((first, last)) = text.split_once('-') else {
            return parse_prefix(text).map(Self::from);
        };
        let (first, last) = (parse_address(first.trim())?, parse_address(last.trim())?);
        Self::new(first, last)
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl fmt::Debug for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The solicited-node multicast group of `addr`: `ff02::1:ff` and its low 24 bits (RFC 4291 section 2.7.1).
#[must_use]
pub const fn solicited_node_group(addr: Ipv6Addr) -> Ipv6Addr {
    let o = addr.octets();
    Ipv6Addr::from_octets([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, o[13], o[14], o[15]])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cover(text: &str) -> Vec<String> {
        text.parse::<IpRange>()
            .unwrap()
            .prefixes()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn literals_follow_go() {
        assert_eq!(
            parse_address("::ffff:192.0.2.1").unwrap(),
            "192.0.2.1".parse::<IpAddr>().unwrap()
        );
        for text in [
            "192.0.2.01",
            "192.0.2",
            " 192.0.2.1",
            "fe80::1%eth0",
            "",
            "1.2.3.4/32",
        ] {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn prefixes_clear_host_bits_and_need_a_length() {
        assert_eq!(
            parse_prefix("10.20.30.40/24").unwrap().to_string(),
            "10.20.30.0/24"
        );
        assert_eq!(
            parse_prefix("::ffff:10.0.0.0/104").unwrap().to_string(),
            "10.0.0.0/8"
        );
        for text in [
            "10.0.0.1",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            " 10.0.0.0/8",
            "fe80::%eth0/64",
            "10.0.0.0/",
        ] {
            assert!(parse_prefix(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_become_their_minimal_cover() {
        assert_eq!(cover("192.0.2.0-192.0.2.255"), ["192.0.2.0/24"]);
        assert_eq!(cover("192.0.2.1-192.0.2.1"), ["192.0.2.1/32"]);
        assert_eq!(
            cover("192.0.2.1 - 192.0.2.6"),
            ["192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/31", "192.0.2.6/32"]
        );
        assert_eq!(cover("0.0.0.0-255.255.255.255"), ["0.0.0.0/0"]);
        assert_eq!(cover("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), ["::/0"]);
    }

    #[test]
    fn ranges_of_two_families_or_backwards_are_refused() {
        assert!(matches!(
            "1.2.3.4-fc00::1".parse::<IpRange>(),
            Err(AddressError::MixedFamilies(_))
        ));
        assert!(matches!(
            "1.2.3.4-1.2.3.3".parse::<IpRange>(),
            Err(AddressError::Reversed(_))
        ));
        assert!(matches!(
            "1.2.3.4-".parse::<IpRange>(),
            Err(AddressError::Address(_))
        ));
    }

    #[test]
    fn solicited_node_group_takes_the_low_24_bits() {
        let group = solicited_node_group("2001:db8::aabb:ccdd".parse().unwrap());
        assert_eq!(group.to_string(), "ff02::1:ffbb:ccdd");
    }

    proptest! {
        #[test]
        fn a_cover_is_gapless_ascending_and_exact(a in any::<u32>(), b in any::<u32>()) {
            let (first, last) = (a.min(b), a.max(b));
            let range = IpRange::new(Ipv4Addr::from(first).into(), Ipv4Addr::from(last).into()).unwrap();
            let mut next = u128::from(first);
            for net in range.prefixes() {
                prop_assert_eq!(bits_of(net.network()), next);
                next = bits_of(net.broadcast()) + 1;
            }
            prop_assert_eq!(next, u128::from(last) + 1);
        }

        #[test]
        fn addresses_and_prefixes_print_what_they_parse(v4 in any::<u32>(), v6 in any::<u128>(), length in 0_u8..=128) {
            for addr in [IpAddr::from(Ipv4Addr::from(v4)), addr_of(IpFamily::V6, v6)] {
                let addr = addr.to_canonical();
                prop_assert_eq!(parse_address(&addr.to_string()).unwrap(), addr);
                let length = if addr.is_ipv4() { length / 4 } else { length };
                let net = IpNet::new(addr, length).unwrap().trunc();
                prop_assert_eq!(parse_prefix(&net.to_string()).unwrap(), net);
            }
        }

        #[test]
        fn ranges_print_what_they_parse(a in any::<u128>(), b in any::<u128>()) {
            let (first, last) = (addr_of(IpFamily::V6, a.min(b)), addr_of(IpFamily::V6, a.max(b)));
            prop_assume!(first.to_canonical() == first && last.to_canonical() == last);
            let range = IpRange::new(first, last).unwrap();
            prop_assert_eq!(range.to_string().parse::<IpRange>().unwrap(), range);
        }
    }
}
