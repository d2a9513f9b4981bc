//! Multicast Listener Discovery over Ethernet, versions 1 (RFC 2710) and 2 (RFC 3810), as far as a listener to whole groups
//! needs it: it hears queries and sends reports.
//!
//! ```text
//!   14           54                   62     63     64         66         68     70
//!   | IPv6, hop  | hop-by-hop:        | type | code | checksum | response |      | group |             query, version 1
//!   | limit 1    | 58, router alert   | 130  | 0    |          | time     |      |       | 4 bits, S, QRV 3, QQIC 8,
//!   |            |                    |      |      |          |          |      |       | n, sources …  query, version 2
//!   |            |                    | 143  | 0    |          |          | n    | n records of 20     report, version 2
//!   |            |                    | 131  | 0    |          |          |      | group |             report, version 1
//!   |            |                    | 132  | 0    |          |          |      | group |             done, version 1
//! ```

use core::net::Ipv6Addr;
use core::time::Duration;

use ferrolb_types::MacAddr;

use crate::ethernet::{self, TYPE_IPV6};
use crate::{DecodeError, EncodeError, Reader, Writer, checksum, ipv6};

/// "All MLDv2-capable routers" (RFC 3810 section 5.2.14).
pub const ALL_MLDV2_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

/// Records of one report: more do not fit into 1280 octets, which every link carries (RFC 8200 section 5).
pub const MAX_RECORDS: usize = (1280 - 40 - 8 - 8) / RECORD_LEN as usize;

const TYPE_QUERY: u8 = 130;
const TYPE_REPORT_V1: u8 = 131;
const TYPE_DONE_V1: u8 = 132;
const TYPE_REPORT_V2: u8 = 143;

/// "All MLD messages [...] are sent with a link-local IPv6 Source Address, an IPv6 Hop Limit of 1, and an IPv6 Router Alert
/// option in a Hop-by-Hop Options header" (RFC 3810 section 5).
const HOP_LIMIT: u8 = 1;
const NEXT_HEADER_HOP_BY_HOP: u8 = 0;
const OPTION_PAD1: u8 = 0;
const OPTION_ROUTER_ALERT: u8 = 5;
/// The header with the option (RFC 2711: 5, length 2, value 0 for MLD) and its padding (`PadN` of no octets).
const HOP_BY_HOP: [u8; HOP_BY_HOP_LEN as usize] =
    [ipv6::NEXT_HEADER_ICMPV6, 0, OPTION_ROUTER_ALERT, 2, 0, 0, 1, 0];

const HOP_BY_HOP_LEN: u16 = 8;

/// Where the ICMPv6 message begins in a frame of ours.
const MESSAGE_OFFSET: usize = 62;
const RECORD_LEN: u16 = 20;

/// Which version a querier speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 2710.
    One,
    /// RFC 3810.
    Two {
        /// The Robustness Variable that the querier uses (section 5.1.8); 0 if it does not say.
        robustness: u8,
        /// How often the querier asks (section 5.1.9).
        interval: Duration,
    },
}

/// A router or a switch asks who listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// To which group; to any if there is none.
    pub group: Option<Ipv6Addr>,
    /// The answer is to come within this time.
    pub max_response: Duration,
    /// What the querier speaks.
    pub version: Version,
}

impl Query {
    /// Reads an untagged frame and applies the rules of RFC 3810 sections 5.1 and 6.2; what follows the packet is padding.
    /// The sources that are asked for do not matter to who listens to all of a group.
    ///
    /// # Errors
    /// Anything but a valid Multicast Listener Query.
    pub fn decode(frame: &[u8]) -> Result<Self, DecodeError> {
        let reader = &mut Reader::new(frame);
        ethernet::Header::decode(reader, TYPE_IPV6, "0x86dd (IPv6)")?;
        let ip = decode_ip(reader)?;
        decode_hop_by_hop(reader)?;
        checksum::verify_icmpv6(&mut reader.clone(), &ip)?;
        reader.require_u8(TYPE_QUERY, "ICMPv6 type", "130 (Multicast Listener Query)")?;
        reader.u8("ICMPv6 code")?;
        reader.u16("checksum")?;
        let code = reader.u16("maximum response code")?;
        reader.u16("reserved field")?;
        let group = decode_group(reader)?;
        let version = decode_version(reader)?;
        Ok(Self {
            group,
            max_response: max_response(code, version),
            version,
        })
    }

    /// Whether `frame` may be one: it has the header with the router alert, which nothing else that is listened to has.
    #[must_use]
    pub fn is_likely(frame: &[u8]) -> bool {
        frame.get(12..14) == Some(&TYPE_IPV6.to_be_bytes()) && frame.get(20) == Some(&NEXT_HEADER_HOP_BY_HOP)
    }
}

fn decode_ip(reader: &mut Reader<'_>) -> Result<ipv6::Header, DecodeError> {
    ipv6::decode_version(reader)?;
    let payload_length = reader.u16("IPv6 payload length")?;
    reader.require_u8(
        NEXT_HEADER_HOP_BY_HOP,
        "IPv6 next header",
        "0 (hop-by-hop options)",
    )?;
    reader.require_u8(HOP_LIMIT, "IPv6 hop limit", "1 (for this link only)")?;
    let offset = reader.offset();
    let source = ipv6::decode_source(reader)?;
    if !source.is_unicast_link_local() {
        return Err(DecodeError::UnexpectedAddress {
            field: "IPv6 source",
            offset,
            found: source,
            expected: "a link-local address",
        });
    }
    let destination = reader.ipv6("IPv6 destination")?;
    reader.limit(payload_length.into(), "IPv6 payload")?;
    Ok(ipv6::Header { source, destination })
}

/// The option may stand anywhere in the header.
fn decode_hop_by_hop(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    reader.require_u8(ipv6::NEXT_HEADER_ICMPV6, "next header", "58 (ICMPv6)")?;
    let units = usize::from(reader.u8("hop-by-hop length")?);
    let offset = reader.offset();
    let options = &mut Reader::new(reader.take(units * 8 + 6, "hop-by-hop options")?);
    while options.remaining() > 0 {
        match options.u8("option type")? {
            OPTION_PAD1 => {}
            OPTION_ROUTER_ALERT => return Ok(()),
            _ => {
                let length = options.u8("option length")?;
                options.take(length.into(), "option")?;
            }
        }
    }
    Err(DecodeError::Unexpected {
        field: "hop-by-hop option",
        offset,
        found: OPTION_PAD1.into(),
        expected: "5 (router alert) among them",
    })
}

fn decode_group(reader: &mut Reader<'_>) -> Result<Option<Ipv6Addr>, DecodeError> {
    let offset = reader.offset();
    let group = reader.ipv6("group")?;
    match (group.is_unspecified(), group.is_multicast()) {
        (true, _) => Ok(None),
        (_, true) => Ok(Some(group)),
        _ => Err(DecodeError::UnexpectedAddress {
            field: "group",
            offset,
            found: group,
            expected: "a multicast or the unspecified address",
        }),
    }
}

/// By the length: 24 octets are version 1, at least 28 are version 2, others are "silently ignored" (RFC 3810 section 8.1).
fn decode_version(reader: &mut Reader<'_>) -> Result<Version, DecodeError> {
    if reader.remaining() == 0 {
        return Ok(Version::One);
    }
    let robustness = reader.u8("robustness variable")? & 7;
    let interval = query_interval(reader.u8("query interval code")?);
    reader.u16("number of sources")?;
    Ok(Version::Two { robustness, interval })
}

/// RFC 3810 section 5.1.9: seconds, beyond 7 bits with an exponent.
fn query_interval(code: u8) -> Duration {
    let seconds = if code >= 0x80 {
        let (exponent, mantissa) = (code >> 4 & 7, u64::from(code & 0x0f));
        (mantissa | 0x10) << (exponent + 3)
    } else {
        u64::from(code)
    };
    Duration::from_secs(seconds)
}

/// RFC 3810 section 5.1.3: milliseconds, beyond 15 bits with an exponent.
fn max_response(code: u16, version: Version) -> Duration {
    let is_float = version != Version::One && code >= 0x8000;
    let millis = if is_float {
        let (exponent, mantissa) = (code >> 12 & 7, u64::from(code & 0x0fff));
        (mantissa | 0x1000) << (exponent + 3)
    } else {
        u64::from(code)
    };
    Duration::from_millis(millis)
}

/// What a record of version 2 says about a group (RFC 3810 section 5.2.12). To exclude no source is to listen, to include
/// none is not to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// The answer to a query: all sources are listened to.
    ModeIsExclude = 2,
    /// Not listened to from now on.
    ChangeToInclude = 3,
    /// Listened to from now on.
    ChangeToExclude = 4,
}

/// One group in a report of version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What is said about it.
    pub kind: RecordKind,
    /// The group.
    pub group: Ipv6Addr,
}

/// What a listener says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Version 2, at most [`MAX_RECORDS`]; more are left out.
    Report(Vec<Record>),
    /// Version 1: the group is listened to.
    ReportV1(Ipv6Addr),
    /// Version 1: the group is not listened to any more.
    DoneV1(Ipv6Addr),
}

impl Message {
    /// The frame, from the interface with these addresses.
    ///
    /// # Panics
    /// Never: the buffer has the length of what is written, and the records are counted.
    #[must_use]
    pub fn encode(&self, mac: MacAddr, link_local: Ipv6Addr) -> Box<[u8]> {
        let mut bytes = vec![0; MESSAGE_OFFSET + usize::from(self.len())].into_boxed_slice();
        self.write(&mut Writer::new(&mut bytes), mac, link_local)
            .expect("the buffer has the length of the message");
        bytes
    }

    fn write(&self, writer: &mut Writer<'_>, mac: MacAddr, link_local: Ipv6Addr) -> Result<(), EncodeError> {
        let destination = self.destination();
        let ethernet = ethernet::Header {
            destination: MacAddr::of_ipv6_multicast(destination),
            source: mac,
        };
        ethernet.encode(writer, TYPE_IPV6)?;
        writer.u32(ipv6::VERSION_ONLY)?;
        writer.u16(HOP_BY_HOP_LEN + self.len())?;
        writer.u8(NEXT_HEADER_HOP_BY_HOP)?;
        writer.u8(HOP_LIMIT)?;
        writer.ipv6(link_local)?;
        writer.ipv6(destination)?;
        writer.bytes(&HOP_BY_HOP)?;
        self.write_body(writer)?;
        let sum = checksum::icmpv6(link_local, destination, &writer.written()[MESSAGE_OFFSET..]);
        writer.patch_u16(MESSAGE_OFFSET + 2, sum)
    }

    fn write_body(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let (kind, group) = match self {
            Self::Report(_) => return self.write_records(writer),
            Self::ReportV1(group) => (TYPE_REPORT_V1, group),
            Self::DoneV1(group) => (TYPE_DONE_V1, group),
        };
        writer.bytes(&[kind, 0, 0, 0, 0, 0, 0, 0])?;
        writer.ipv6(*group)
    }

    fn write_records(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let records = self.records();
        writer.bytes(&[TYPE_REPORT_V2, 0, 0, 0, 0, 0])?;
        writer.u16(self.record_count())?;
        for record in records {
            writer.bytes(&[record.kind as u8, 0, 0, 0])?;
            writer.ipv6(record.group)?;
        }
        Ok(())
    }

    fn records(&self) -> &[Record] {
        match self {
            Self::Report(records) => &records[..records.len().min(MAX_RECORDS)],
            _ => &[],
        }
    }

    fn record_count(&self) -> u16 {
        u16::try_from(self.records().len()).expect("at most 61 records")
    }

    /// Octets of the ICMPv6 message.
    fn len(&self) -> u16 {
        match self {
            Self::Report(_) => 8 + RECORD_LEN * self.record_count(),
            _ => 24,
        }
    }

    /// Version 1 reports go to the group itself, so that other listeners can save theirs (RFC 2710 section 4).
    const fn destination(&self) -> Ipv6Addr {
        match self {
            Self::Report(_) => ALL_MLDV2_ROUTERS,
            Self::ReportV1(group) => *group,
            Self::DoneV1(_) => ipv6::ALL_ROUTERS,
        }
    }
}
