//! The Internet checksum of ICMPv6 (RFC 1071, RFC 8200 section 8.1).

use core::net::Ipv6Addr;

use crate::ipv6::{self, NEXT_HEADER_ICMPV6};
use crate::{DecodeError, Reader};

/// The ICMPv6 checksum of `message` sent from `source` to `destination`, as it goes into a message whose checksum
/// field is zero. Over a received message with its checksum in place, the result is 0.
#[must_use]
pub fn icmpv6(source: Ipv6Addr, destination: Ipv6Addr, message: &[u8]) -> u16 {
    // Longer messages than an IPv6 payload can hold do not occur; saturation only keeps the conversion total.
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let sum = sum(&source.octets())
        + sum(&destination.octets())
        + sum(&length.to_be_bytes())
        + u64::from(NEXT_HEADER_ICMPV6)
        + sum(message);
    !fold(sum)
}

/// Whether the rest of `reader` is the ICMPv6 message that was sent as `ip` says.
pub(crate) fn verify_icmpv6(reader: &mut Reader<'_>, ip: &ipv6::Header) -> Result<(), DecodeError> {
    let offset = reader.offset() + 2;
    let message = reader.take(reader.remaining(), "ICMPv6 message")?;
    let difference = icmpv6(ip.source, ip.destination, message);
    if difference == 0 {
        return Ok(());
    }
    let mut content = Reader::new(message);
    content.u16("type and code")?;
    let found = content.u16("checksum")?;
    Err(DecodeError::Checksum {
        offset,
        found,
        expected: ones_complement_sum(found, difference),
    })
}

/// The sum over the wrong message is `!difference`; a checksum larger by `difference` would have made it all ones.
const fn ones_complement_sum(a: u16, b: u16) -> u16 {
    let (sum, carry) = a.overflowing_add(b);
    sum.wrapping_add(carry as u16)
}

/// The sum of the 16-bit words; an odd last octet counts as the high half of a word.
fn sum(octets: &[u8]) -> u64 {
    let words = octets.chunks_exact(2);
    let last = words.remainder().first().map_or(0, |&high| u64::from(high) << 8);
    let whole: u64 = words.map(|w| u64::from(u16::from_be_bytes([w[0], w[1]]))).sum();
    whole + last
}

#[expect(clippy::cast_possible_truncation, reason = "the loop ends with 16 bits")]
const fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_summed_as_in_the_example_of_rfc_1071() {
        // RFC 1071 section 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2 after folding.
        assert_eq!(
            fold(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])),
            0xddf2
        );
    }

    #[test]
    fn an_odd_octet_is_padded_on_the_right() {
        assert_eq!(fold(sum(&[0x12])), 0x1200);
    }
}
