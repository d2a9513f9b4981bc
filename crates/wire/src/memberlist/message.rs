//! What datagrams carry.

use core::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::kind;
use super::msgpack::{
    Writer, read_boolean, read_bounded, read_map, read_raw, read_text, read_u16, read_uint,
};
use super::{META_MAX, NAME_MAX};
use crate::{DecodeError, Reader};

/// A message of a datagram, borrowing from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Are you there?
    Ping(Ping<'a>),
    /// Ask somebody else whether it is there, for me.
    IndirectPing(IndirectPing<'a>),
    /// I am, or the one that you asked about is.
    Ack(Ack<'a>),
    /// The one that you asked about has not answered me.
    Nack {
        /// That of the question.
        sequence: u32,
    },
    /// Somebody believes that a node has failed.
    Suspect(Claim<'a>),
    /// A node is there, with these properties.
    Alive(Alive<'a>),
    /// A node has failed, or has left when it says so itself.
    Dead(Claim<'a>),
    /// Of no concern to memberlist.
    User(&'a [u8]),
}

/// Where to answer to, where a message tells that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// Address and port.
    pub address: SocketAddr,
    /// Name; empty when not told.
    pub node: &'a str,
}

/// A question whether a node is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping<'a> {
    /// Comes back with the answer.
    pub sequence: u32,
    /// Who is meant; empty in old versions. Another node at this address does not answer.
    pub node: &'a str,
    /// Who asks; the address of the datagram when absent.
    pub source: Option<Source<'a>>,
}

/// A question to ask somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndirectPing<'a> {
    /// Comes back with the answer.
    pub sequence: u32,
    /// Where the node in question is.
    pub target: SocketAddr,
    /// Its name.
    pub node: &'a str,
    /// Whether to tell when it does not answer.
    pub nack: bool,
    /// Who asks; the address of the datagram when absent.
    pub source: Option<Source<'a>>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack<'a> {
    /// That of the question.
    pub sequence: u32,
    /// What the answering node adds; unused here.
    pub payload: &'a [u8],
}

/// That a node has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Up to which incarnation of the node the claim is valid.
    pub incarnation: u32,
    /// Who is meant.
    pub node: &'a str,
    /// Who says so.
    pub from: &'a str,
}

/// Protocol versions of a node: the range that it understands, and the one that it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Versions {
    /// Lowest protocol version understood.
    pub protocol_min: u8,
    /// Highest protocol version understood.
    pub protocol_max: u8,
    /// Protocol version spoken.
    pub protocol: u8,
    /// Lowest version of the application's messages understood.
    pub delegate_min: u8,
    /// Highest version of the application's messages understood.
    pub delegate_max: u8,
    /// Version of the application's messages spoken.
    pub delegate: u8,
}

impl Versions {
    /// What memberlist 0.5 sends by default: understands 1 to 5, speaks 2.
    pub const CURRENT: Self = Self {
        protocol_min: 1,
        protocol_max: 5,
        protocol: 2,
        delegate_min: 0,
        delegate_max: 0,
        delegate: 0,
    };

    pub(super) const fn octets(self) -> [u8; 6] {
        [
            self.protocol_min,
            self.protocol_max,
            self.protocol,
            self.delegate_min,
            self.delegate_max,
            self.delegate,
        ]
    }

    pub(super) const fn from_octets(octets: [u8; 6]) -> Self {
        Self {
            protocol_min: octets[0],
            protocol_max: octets[1],
            protocol: octets[2],
            delegate_min: octets[3],
            delegate_max: octets[4],
            delegate: octets[5],
        }
    }
}

/// That a node is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alive<'a> {
    /// Which life of the node this is about; only the node itself makes it larger.
    pub incarnation: u32,
    /// Its name.
    pub node: &'a str,
    /// Where it is.
    pub address: SocketAddr,
    /// Its metadata.
    pub meta: &'a [u8],
    /// What it speaks; absent in very old versions.
    pub versions: Option<Versions>,
}

impl<'a> Message<'a> {
    /// Reads a message from its type octet on; octets after it are ignored, as memberlist does.
    ///
    /// # Errors
    /// What is not such a message. Types that belong to streams and wrappings are refused too.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let reader = &mut Reader::new(bytes);
        match reader.u8("message type")? {
            kind::PING => Ping::read(reader).map(Self::Ping),
            kind::INDIRECT_PING => IndirectPing::read(reader).map(Self::IndirectPing),
            kind::ACK => Ack::read(reader).map(Self::Ack),
            kind::NACK => read_nack(reader),
            kind::SUSPECT => Claim::read(reader).map(Self::Suspect),
            kind::ALIVE => Alive::read(reader).map(Self::Alive),
            kind::DEAD => Claim::read(reader).map(Self::Dead),
            kind::USER => Ok(Self::User(&bytes[1..])),
            other => Err(DecodeError::Unexpected {
                field: "message type",
                offset: 0,
                found: other.into(),
                expected: "one of a datagram (0 to 5, 8, 11)",
            }),
        }
    }

    /// The octets, from the type on.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ping(ping) => ping.encode(),
            Self::IndirectPing(ping) => ping.encode(),
            Self::Ack(ack) => ack.encode(),
            Self::Nack { sequence } => {
                let mut writer = Writer::message(kind::NACK);
                writer.map(1);
                writer.uint("SeqNo", *sequence);
                writer.0
            }
            Self::Suspect(claim) => claim.encode(kind::SUSPECT),
            Self::Alive(alive) => alive.encode(),
            Self::Dead(claim) => claim.encode(kind::DEAD),
            Self::User(data) => {
                let mut bytes = Vec::with_capacity(1 + data.len());
                bytes.push(kind::USER);
                bytes.extend_from_slice(data);
                bytes
            }
        }
    }
}

/// The three fields that tell who asks.
#[derive(Default)]
struct SourceFields<'a> {
    ip: Option<IpAddr>,
    port: u16,
    node: &'a str,
}

impl<'a> SourceFields<'a> {
    fn read(&mut self, key: &[u8], reader: &mut Reader<'a>) -> Result<bool, DecodeError> {
        match key {
            b"SourceAddr" => self.ip = read_ip(reader, "SourceAddr")?,
            b"SourcePort" => self.port = read_u16(reader, "SourcePort")?,
            b"SourceNode" => self.node = read_name(reader, "SourceNode")?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(self) -> Option<Source<'a>> {
        let address = SocketAddr::new(self.ip?, self.port);
        (self.port != 0).then_some(Source {
            address,
            node: self.node,
        })
    }
}

impl<'a> Ping<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (mut sequence, mut node, mut source) = (0, "", SourceFields::default());
        read_map(reader, "ping", |key, reader| {
            match key {
                b"SeqNo" => sequence = read_uint(reader, "SeqNo")?,
                b"Node" => node = read_name(reader, "Node")?,
                _ => return source.read(key, reader),
            }
            Ok(true)
        })?;
        Ok(Self {
            sequence,
            node,
            source: source.finish(),
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::message(kind::PING);
        writer.map(2 + source_fields(self.source));
        writer.octets("Node", self.node.as_bytes());
        writer.uint("SeqNo", self.sequence);
        write_source(&mut writer, self.source);
        writer.0
    }
}

impl<'a> IndirectPing<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (mut sequence, mut node, mut nack) = (0, "", false);
        let (mut ip, mut port, mut source) = (None, 0, SourceFields::default());
        read_map(reader, "indirect ping", |key, reader| {
            match key {
                b"SeqNo" => sequence = read_uint(reader, "SeqNo")?,
                b"Target" => ip = read_ip(reader, "Target")?,
                b"Port" => port = read_u16(reader, "Port")?,
                b"Node" => node = read_name(reader, "Node")?,
                b"Nack" => nack = read_boolean(reader, "Nack")?,
                _ => return source.read(key, reader),
            }
            Ok(true)
        })?;
        Ok(Self {
            sequence,
            target: SocketAddr::new(required(ip, "Target", reader)?, port),
            node,
            nack,
            source: source.finish(),
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::message(kind::INDIRECT_PING);
        writer.map(5 + source_fields(self.source));
        writer.boolean("Nack", self.nack);
        writer.octets("Node", self.node.as_bytes());
        writer.uint("Port", self.target.port().into());
        writer.uint("SeqNo", self.sequence);
        write_source(&mut writer, self.source);
        write_ip(&mut writer, "Target", self.target.ip());
        writer.0
    }
}

impl<'a> Ack<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (mut sequence, mut payload) = (0, &[][..]);
        read_map(reader, "ack", |key, reader| {
            match key {
                b"SeqNo" => sequence = read_uint(reader, "SeqNo")?,
                b"Payload" => payload = read_raw(reader, "Payload")?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { sequence, payload })
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::message(kind::ACK);
        writer.map(2);
        match self.payload {
            [] => writer.nil("Payload"),
            payload => writer.octets("Payload", payload),
        }
        writer.uint("SeqNo", self.sequence);
        writer.0
    }
}

fn read_nack<'a>(reader: &mut Reader<'a>) -> Result<Message<'a>, DecodeError> {
    let mut sequence = 0;
    read_map(reader, "nack", |key, reader| {
        let known = key == b"SeqNo";
        if known {
            sequence = read_uint(reader, "SeqNo")?;
        }
        Ok(known)
    })?;
    Ok(Message::Nack { sequence })
}

impl<'a> Claim<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (mut incarnation, mut node, mut from) = (0, "", "");
        read_map(reader, "claim", |key, reader| {
            match key {
                b"Incarnation" => incarnation = read_uint(reader, "Incarnation")?,
                b"Node" => node = read_name(reader, "Node")?,
                b"From" => from = read_name(reader, "From")?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            incarnation,
            node,
            from,
        })
    }

    fn encode(&self, kind: u8) -> Vec<u8> {
        let mut writer = Writer::message(kind);
        writer.map(3);
        writer.octets("From", self.from.as_bytes());
        writer.uint("Incarnation", self.incarnation);
        writer.octets("Node", self.node.as_bytes());
        writer.0
    }
}

impl<'a> Alive<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (mut incarnation, mut node, mut meta) = (0, "", &[][..]);
        let (mut ip, mut port, mut versions) = (None, 0, None);
        read_map(reader, "alive", |key, reader| {
            match key {
                b"Incarnation" => incarnation = read_uint(reader, "Incarnation")?,
                b"Node" => node = read_name(reader, "Node")?,
                b"Addr" => ip = read_ip(reader, "Addr")?,
                b"Port" => port = read_u16(reader, "Port")?,
                b"Meta" => meta = read_meta(reader)?,
                b"Vsn" => versions = read_versions(reader)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            incarnation,
            node,
            address: SocketAddr::new(required(ip, "Addr", reader)?, port),
            meta,
            versions,
        })
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::message(kind::ALIVE);
        writer.map(if self.versions.is_some() { 6 } else { 5 });
        write_ip(&mut writer, "Addr", self.address.ip());
        writer.uint("Incarnation", self.incarnation);
        writer.octets("Meta", self.meta);
        writer.octets("Node", self.node.as_bytes());
        writer.uint("Port", self.address.port().into());
        if let Some(versions) = self.versions {
            writer.octets("Vsn", &versions.octets());
        }
        writer.0
    }
}

fn source_fields(source: Option<Source<'_>>) -> u8 {
    match source {
        None => 0,
        Some(Source { node: "", .. }) => 2,
        Some(_) => 3,
    }
}

fn write_source(writer: &mut Writer, source: Option<Source<'_>>) {
    let Some(source) = source else { return };
    write_ip(writer, "SourceAddr", source.address.ip());
    if !source.node.is_empty() {
        writer.octets("SourceNode", source.node.as_bytes());
    }
    writer.uint("SourcePort", source.address.port().into());
}

pub(super) fn write_ip(writer: &mut Writer, key: &str, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => writer.octets(key, &ip.octets()),
        IpAddr::V6(ip) => writer.octets(key, &ip.octets()),
    }
}

/// Four octets, or sixteen; an IPv4 address may come in either form. Nothing when it is empty.
pub(super) fn read_ip(reader: &mut Reader<'_>, field: &'static str) -> Result<Option<IpAddr>, DecodeError> {
    let offset = reader.offset();
    let octets = read_raw(reader, field)?;
    match octets.len() {
        0 => Ok(None),
        4 => Ok(<[u8; 4]>::try_from(octets).ok().map(IpAddr::from)),
        16 => Ok(<[u8; 16]>::try_from(octets)
            .ok()
            .map(|octets| Ipv6Addr::from(octets).to_canonical())),
        other => Err(DecodeError::Unexpected {
            field,
            offset,
            found: u32::try_from(other).unwrap_or(u32::MAX),
            expected: "4 or 16 octets",
        }),
    }
}

pub(super) fn required<T>(
    value: Option<T>,
    field: &'static str,
    reader: &Reader<'_>,
) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Truncated {
        field,
        offset: reader.offset(),
        missing: 4,
    })
}

pub(super) fn read_name<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a str, DecodeError> {
    read_text(reader, field, NAME_MAX, "255 octets at most")
}

pub(super) fn read_meta<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    read_bounded(reader, "Meta", META_MAX, "512 octets at most")
}

pub(super) fn read_versions(reader: &mut Reader<'_>) -> Result<Option<Versions>, DecodeError> {
    let octets = read_bounded(reader, "Vsn", 6, "6 octets")?;
    Ok(<[u8; 6]>::try_from(octets).ok().map(Versions::from_octets))
}
