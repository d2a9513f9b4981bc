//! The state that two nodes exchange over a stream.

use core::net::SocketAddr;

use super::message::{Versions, read_ip, read_meta, read_name, read_versions, required, write_ip};
use super::msgpack::{Writer, read_boolean, read_map, read_u16, read_uint};
use super::{NODES_MAX, STREAM_MAX, kind};
use crate::{DecodeError, Reader};

/// What a node believes about another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeState {
    /// 0: it is there.
    Alive,
    /// 1: it did not answer, and still may.
    Suspect,
    /// 2: it has failed.
    Dead,
    /// 3: it said goodbye.
    Left,
}

impl NodeState {
    const fn number(self) -> u32 {
        match self {
            Self::Alive => 0,
            Self::Suspect => 1,
            Self::Dead => 2,
            Self::Left => 3,
        }
    }
}

/// All that a node knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushPull<'a> {
    /// Whether the sender joins with this.
    pub join: bool,
    /// Every node that the sender knows, itself included.
    pub nodes: Vec<PushPullNode<'a>>,
    /// What the application adds; unused here.
    pub user_state: &'a [u8],
}

/// One node of a [`PushPull`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushPullNode<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it is.
    pub address: SocketAddr,
    /// Its metadata.
    pub meta: &'a [u8],
    /// Which life of it this is about.
    pub incarnation: u32,
    /// What the sender believes.
    pub state: NodeState,
    /// What it speaks.
    pub versions: Option<Versions>,
}

impl<'a> PushPull<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (mut join, mut count, mut user_length) = (false, 0, 0);
        read_map(reader, "push/pull", |key, reader| {
            match key {
                b"Nodes" => count = read_count(reader, "Nodes", NODES_MAX, "16384 at most")?,
                b"UserStateLen" => {
                    user_length = read_count(reader, "UserStateLen", STREAM_MAX, "8388608 at most")?;
                }
                b"Join" => join = read_boolean(reader, "Join")?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        // No more room is reserved than the octets at hand can fill: a node has twenty at least.
        let mut nodes = Vec::with_capacity(count.min(reader.remaining() / 20));
        for _ in 0..count {
            nodes.push(PushPullNode::read(reader)?);
        }
        Ok(Self {
            join,
            nodes,
            user_state: reader.take(user_length, "user state")?,
        })
    }

    /// The octets, from the type on.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::message(kind::PUSH_PULL);
        writer.map(3);
        writer.boolean("Join", self.join);
        writer.uint("Nodes", u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        writer.uint(
            "UserStateLen",
            u32::try_from(self.user_state.len()).unwrap_or(u32::MAX),
        );
        self.nodes.iter().for_each(|node| node.write(&mut writer));
        writer.0.extend_from_slice(self.user_state);
        writer.0
    }
}

impl<'a> PushPullNode<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (mut name, mut ip, mut port, mut meta) = ("", None, 0, &[][..]);
        let (mut incarnation, mut state, mut versions) = (0, NodeState::Alive, None);
        read_map(reader, "node", |key, reader| {
            match key {
                b"Name" => name = read_name(reader, "Name")?,
                b"Addr" => ip = read_ip(reader, "Addr")?,
                b"Port" => port = read_u16(reader, "Port")?,
                b"Meta" => meta = read_meta(reader)?,
                b"Incarnation" => incarnation = read_uint(reader, "Incarnation")?,
                b"State" => state = read_state(reader)?,
                b"Vsn" => versions = read_versions(reader)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            name,
            address: SocketAddr::new(required(ip, "Addr", reader)?, port),
            meta,
            incarnation,
            state,
            versions,
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.map(if self.versions.is_some() { 7 } else { 6 });
        write_ip(writer, "Addr", self.address.ip());
        writer.uint("Incarnation", self.incarnation);
        writer.octets("Meta", self.meta);
        writer.octets("Name", self.name.as_bytes());
        writer.uint("Port", self.address.port().into());
        writer.uint("State", self.state.number());
        if let Some(versions) = self.versions {
            writer.octets("Vsn", &versions.octets());
        }
    }
}

fn read_count(
    reader: &mut Reader<'_>,
    field: &'static str,
    max: usize,
    expected: &'static str,
) -> Result<usize, DecodeError> {
    let offset = reader.offset();
    let found = read_uint(reader, field)?;
    usize::try_from(found)
        .ok()
        .filter(|count| *count <= max)
        .ok_or(DecodeError::Unexpected {
            field,
            offset,
            found,
            expected,
        })
}

fn read_state(reader: &mut Reader<'_>) -> Result<NodeState, DecodeError> {
    let offset = reader.offset();
    match read_uint(reader, "State")? {
        0 => Ok(NodeState::Alive),
        1 => Ok(NodeState::Suspect),
        2 => Ok(NodeState::Dead),
        3 => Ok(NodeState::Left),
        found => Err(DecodeError::Unexpected {
            field: "State",
            offset,
            found,
            expected: "0 (alive) to 3 (left)",
        }),
    }
}
