//! The two messages and their options.

use core::net::Ipv6Addr;

use ferrolb_types::MacAddr;
use ferrolb_types::address::solicited_node_group;

use crate::{DecodeError, EncodeError, Reader, Writer, ipv6};

const TYPE_SOLICITATION: u8 = 135;
const TYPE_ADVERTISEMENT: u8 = 136;

const FLAG_ROUTER: u32 = 1 << 31;
const FLAG_SOLICITED: u32 = 1 << 30;
const FLAG_OVERRIDE: u32 = 1 << 29;

const OPTION_SOURCE_LINK_LAYER: u8 = 1;
const OPTION_TARGET_LINK_LAYER: u8 = 2;
/// RFC 3971 section 5.3.2.
const OPTION_NONCE: u8 = 14;
/// Length of a link-layer option on Ethernet, in units of 8 octets (RFC 2464 section 6), and of the shortest nonce.
const OPTION_UNITS: u8 = 1;

/// Octets of a message without options.
const FIXED_LEN: u16 = 24;
const OPTION_LEN: u16 = 8;

/// A Neighbor Discovery message about one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// Type 135.
    Solicitation(Solicitation),
    /// Type 136.
    Advertisement(Advertisement),
}

/// Asks for the link-layer address of `target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solicitation {
    /// The address asked for.
    pub target: Ipv6Addr,
    /// The sender's own link-layer address; absent in duplicate address detection and often in unicast probes.
    pub source_link_layer: Option<MacAddr>,
    /// A random number by which who probes for duplicates knows its own message when it comes back (RFC 7527); a longer
    /// one than ours would be is passed over.
    pub nonce: Option<Nonce>,
}

/// The content of a nonce option of 8 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce(pub [u8; 6]);

/// Tells the link-layer address of `target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// The address told about.
    pub target: Ipv6Addr,
    /// The link-layer address; may be absent in an answer to a unicast solicitation.
    pub target_link_layer: Option<MacAddr>,
    /// R: the sender is a router.
    pub router: bool,
    /// S: an answer to a solicitation.
    pub solicited: bool,
    /// O: an existing entry is to be replaced.
    pub overrides: bool,
}

impl Message {
    /// The address that it is about.
    #[must_use]
    pub const fn target(&self) -> Ipv6Addr {
        match self {
            Self::Solicitation(s) => s.target,
            Self::Advertisement(a) => a.target,
        }
    }

    /// Octets of the encoded message.
    pub(super) const fn length(&self) -> u16 {
        match self.option() {
            Some(_) => FIXED_LEN + OPTION_LEN,
            None => FIXED_LEN,
        }
    }

    /// Type and content of the option. There is one at most: a nonce belongs to messages from the unspecified address,
    /// which must not tell a link-layer address.
    const fn option(&self) -> Option<(u8, [u8; 6])> {
        match self {
            Self::Solicitation(Solicitation {
                source_link_layer: Some(mac),
                ..
            }) => Some((OPTION_SOURCE_LINK_LAYER, mac.octets())),
            Self::Solicitation(Solicitation {
                nonce: Some(nonce), ..
            }) => Some((OPTION_NONCE, nonce.0)),
            Self::Advertisement(Advertisement {
                target_link_layer: Some(mac),
                ..
            }) => Some((OPTION_TARGET_LINK_LAYER, mac.octets())),
            _ => None,
        }
    }

    /// Writes the message with a checksum of zero.
    pub(super) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let (message_type, flags) = match self {
            Self::Solicitation(_) => (TYPE_SOLICITATION, 0),
            Self::Advertisement(a) => (TYPE_ADVERTISEMENT, a.flags()),
        };
        writer.u8(message_type)?;
        writer.u8(0)?;
        writer.u16(0)?;
        writer.u32(flags)?;
        writer.ipv6(self.target())?;
        let Some((option_type, content)) = self.option() else {
            return Ok(());
        };
        writer.u8(option_type)?;
        writer.u8(OPTION_UNITS)?;
        writer.bytes(&content)
    }

    /// Reads a message up to the end of `reader` and checks all but its checksum.
    pub(super) fn decode(reader: &mut Reader<'_>, ip: &ipv6::Header) -> Result<Self, DecodeError> {
        let type_offset = reader.offset();
        let message_type = reader.u8("ICMPv6 type")?;
        reader.require_u8(0, "ICMPv6 code", "0")?;
        reader.u16("checksum")?;
        let flags_offset = reader.offset();
        let flags = reader.u32("flags")?;
        let target = decode_target(reader)?;
        match message_type {
            TYPE_SOLICITATION => {
                let options = decode_options(reader, OPTION_SOURCE_LINK_LAYER)?;
                check_unspecified_source(ip, options.link_layer)?;
                Ok(Self::Solicitation(Solicitation {
                    target,
                    source_link_layer: options.link_layer.map(|o| o.mac),
                    nonce: options.nonce,
                }))
            }
            TYPE_ADVERTISEMENT => {
                check_solicited_flag(flags, flags_offset, ip)?;
                let option = decode_options(reader, OPTION_TARGET_LINK_LAYER)?.link_layer;
                Ok(Self::Advertisement(Advertisement {
                    target,
                    target_link_layer: option.map(|o| o.mac),
                    router: flags & FLAG_ROUTER != 0,
                    solicited: flags & FLAG_SOLICITED != 0,
                    overrides: flags & FLAG_OVERRIDE != 0,
                }))
            }
            other => Err(DecodeError::Unexpected {
                field: "ICMPv6 type",
                offset: type_offset,
                found: other.into(),
                expected: "135 (solicitation) or 136 (advertisement)",
            }),
        }
    }
}

impl Advertisement {
    const fn flags(&self) -> u32 {
        let mut flags = 0;
        if self.router {
            flags |= FLAG_ROUTER;
        }
        if self.solicited {
            flags |= FLAG_SOLICITED;
        }
        if self.overrides {
            flags |= FLAG_OVERRIDE;
        }
        flags
    }
}

/// The options that matter.
#[derive(Clone, Copy, Default)]
struct Options {
    link_layer: Option<LinkLayerOption>,
    nonce: Option<Nonce>,
}

/// A link-layer address option and where it begins.
#[derive(Clone, Copy)]
struct LinkLayerOption {
    offset: usize,
    mac: MacAddr,
}

/// "If the IP source address is the unspecified address, the IP destination address is a solicited-node multicast
/// address [and] there is no source link-layer address option" (RFC 4861 section 7.1.1).
fn check_unspecified_source(ip: &ipv6::Header, option: Option<LinkLayerOption>) -> Result<(), DecodeError> {
    if !ip.source.is_unspecified() {
        return Ok(());
    }
    if !is_solicited_node_group(ip.destination) {
        return Err(DecodeError::UnexpectedAddress {
            field: "IPv6 destination",
            offset: ipv6::DESTINATION_OFFSET,
            found: ip.destination,
            expected: "a solicited-node group, because the source is unspecified",
        });
    }
    option.map_or(Ok(()), |present| {
        Err(DecodeError::Unexpected {
            field: "option type",
            offset: present.offset,
            found: OPTION_SOURCE_LINK_LAYER.into(),
            expected: "no source link-layer address, because the source is unspecified",
        })
    })
}

fn is_solicited_node_group(addr: Ipv6Addr) -> bool {
    addr == solicited_node_group(addr)
}

/// "If the IP Destination Address is a multicast address the Solicited flag is zero" (RFC 4861 section 7.1.2).
fn check_solicited_flag(flags: u32, offset: usize, ip: &ipv6::Header) -> Result<(), DecodeError> {
    if !ip.destination.is_multicast() || flags & FLAG_SOLICITED == 0 {
        return Ok(());
    }
    Err(DecodeError::Unexpected {
        field: "solicited flag",
        offset,
        found: 1,
        expected: "0, because the destination is a group",
    })
}

fn decode_target(reader: &mut Reader<'_>) -> Result<Ipv6Addr, DecodeError> {
    let offset = reader.offset();
    let target = reader.ipv6("target address")?;
    if !target.is_multicast() {
        return Ok(target);
    }
    Err(DecodeError::UnexpectedAddress {
        field: "target address",
        offset,
        found: target,
        expected: "a unicast address",
    })
}

/// Reads all options: of each kind the first one counts, of link-layer addresses those of type `wanted`.
fn decode_options(reader: &mut Reader<'_>, wanted: u8) -> Result<Options, DecodeError> {
    let mut options = Options::default();
    while reader.remaining() > 0 {
        let offset = reader.offset();
        let option_type = reader.u8("option type")?;
        let (length_offset, units) = (reader.offset(), reader.u8("option length")?);
        let refuse = |expected| DecodeError::Unexpected {
            field: "option length",
            offset: length_offset,
            found: units.into(),
            expected,
        };
        // "All included options have a length that is greater than zero" (RFC 4861 section 7.1).
        let length = usize::from(units) * 8;
        let body_length = length.checked_sub(2).ok_or_else(|| refuse("at least 1"))?;
        let mut body = Reader::new(reader.take(body_length, "option")?);
        if option_type == OPTION_NONCE && units == OPTION_UNITS {
            options.nonce = options.nonce.or(Some(Nonce(body.array("nonce")?)));
        } else if option_type == wanted {
            if units != OPTION_UNITS {
                return Err(refuse("1 on Ethernet"));
            }
            let mac = body.mac("link-layer address")?;
            options.link_layer = options.link_layer.or(Some(LinkLayerOption { offset, mac }));
        }
    }
    Ok(options)
}
