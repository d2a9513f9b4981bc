//! What the machine is told.

use core::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::Meta;

/// A stream, named by the machine where it opens it and by the carrier where somebody else did. The two are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(pub u64);

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A datagram came and was unwrapped ([`Envelope::open_packet`](ferrolb_wire::memberlist::Envelope::open_packet)).
    PacketReceived {
        /// From there.
        from: SocketAddr,
        /// A message or compound.
        payload: Box<[u8]>,
    },
    /// Somebody opened a stream, and its message is here and unwrapped. Answered by
    /// [`Output::AnswerStream`](crate::Output::AnswerStream) or [`Output::CloseStream`](crate::Output::CloseStream).
    StreamRequested {
        /// The carrier's name for it.
        stream: StreamId,
        /// From there.
        from: SocketAddr,
        /// The message.
        payload: Box<[u8]>,
    },
    /// A stream that was opened for the machine has brought its answer, which is unwrapped; it is closed.
    StreamAnswered {
        /// The machine's name for it.
        stream: StreamId,
        /// The message.
        payload: Box<[u8]>,
    },
    /// A stream that was to be opened for the machine brought no answer in time, or a broken one; it is closed.
    StreamFailed {
        /// The machine's name for it.
        stream: StreamId,
        /// Why, for people.
        reason: String,
    },
    /// There may be nodes at these addresses; ask those that are not known. Each gives
    /// [`Output::ReportJoined`](crate::Output::ReportJoined) or [`Output::ReportJoinFailed`](crate::Output::ReportJoinFailed),
    /// and is not asked again by itself.
    PeersFound(Vec<SocketAddr>),
    /// This node's metadata is this now.
    MetaChanged(Meta),
    /// This node is to leave: the others are told, then [`Output::ReportLeft`](crate::Output::ReportLeft) comes.
    LeaveRequested,
    /// The deadline that [`Machine::next_deadline`](crate::Machine::next_deadline) names has come, perhaps by the inputs just
    /// given. Give what has been received first: a process that was paused finds both.
    Tick,
}
