//! The BGP identifier of a node (RFC 6286; bgp 2.1 item 6).

use core::net::{IpAddr, Ipv4Addr};

/// What identifies `node` to its peers: what is `configured`, else a `local` IPv4 address, else a hash of its name, which
/// a node without IPv4 has too. An IPv6 address that is configured is no identifier and passed over; zero is none either.
///
/// ```
/// use ferrolb_plan::bgp::router_id;
///
/// let local = "198.51.100.7".parse().ok();
/// assert_eq!(router_id(None, local, "n1").to_string(), "198.51.100.7");
/// assert_eq!(router_id("192.0.2.1".parse().ok(), local, "n1").to_string(), "192.0.2.1");
/// ```
#[must_use]
pub fn router_id(configured: Option<IpAddr>, local: Option<Ipv4Addr>, node: &str) -> Ipv4Addr {
    let configured = configured.and_then(|address| match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    });
    let usable = |address: &Ipv4Addr| !address.is_unspecified();
    configured
        .filter(usable)
        .or(local.filter(usable))
        .unwrap_or_else(|| Ipv4Addr::from(crc32(node.as_bytes()).to_le_bytes()))
}

/// CRC-32 with the polynomial of IEEE 802.3, reflected.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the catalogue of parametrised CRC algorithms (CRC-32/ISO-HDLC).
    #[test]
    fn the_hash_is_the_usual_crc_32() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_node_without_ipv4_is_identified_by_its_name() {
        let seen = router_id("2001:db8::1".parse().ok(), None, "123456789");
        assert_eq!(seen, Ipv4Addr::new(0x26, 0x39, 0xf4, 0xcb));
        assert_eq!(
            router_id(Some(Ipv4Addr::UNSPECIFIED.into()), None, "123456789"),
            seen
        );
    }
}
