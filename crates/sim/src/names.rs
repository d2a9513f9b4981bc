//! What the node of a number is called, and where it is.

use core::net::{IpAddr, SocketAddr};

use ferrolb_gossip::Config;
use ferrolb_types::MacAddr;

/// The name of a node.
#[must_use]
pub fn name(number: usize) -> String {
    format!("node-{number}")
}

/// The address of the ring of a node, for up to 2²⁴ nodes.
#[must_use]
pub fn address(number: usize) -> SocketAddr {
    let [a, b, c] = octets(number);
    SocketAddr::new(IpAddr::from([10, a, b, c]), Config::PORT)
}

pub(crate) fn mac(number: usize) -> MacAddr {
    let [a, b, c] = octets(number);
    MacAddr([2, 0, 0, a, b, c])
}

fn octets(number: usize) -> [u8; 3] {
    let [_, octets @ ..] = u32::try_from(number).expect("a small number").to_be_bytes();
    octets
}

/// Whose [`name`] this is.
pub(crate) fn number(name: &str) -> usize {
    let digits = name.strip_prefix("node-").expect("names are made by `name`");
    digits.parse().expect("names are made by `name`")
}

/// Whose [`address`] this is; none if it is nobody's.
pub(crate) fn number_at(at: SocketAddr) -> Option<usize> {
    let IpAddr::V4(ip) = at.ip() else { return None };
    let [_, a, b, c] = ip.octets();
    let number = u32::from_be_bytes([0, a, b, c]) as usize;
    (address(number) == at).then_some(number)
}
