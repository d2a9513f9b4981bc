//! What the machine asks for.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use ferrolb_types::Instant;

use crate::{Member, StreamId};

/// One thing to do, or to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Wrap `payload` ([`Envelope::seal_packet`](ferrolb_wire::memberlist::Envelope::seal_packet)) and send it.
    SendPacket {
        /// To there.
        to: SocketAddr,
        /// Whether the receiver understands a CRC.
        checksum: bool,
        /// A message or compound.
        payload: Vec<u8>,
    },
    /// Open a stream, send `payload` wrapped, and read one message.
    OpenStream {
        /// Its name, for the answer.
        stream: StreamId,
        /// To there.
        to: SocketAddr,
        /// The message.
        payload: Vec<u8>,
        /// For all of it.
        timeout: Duration,
    },
    /// Send `payload` wrapped on a stream of somebody else, and close it.
    AnswerStream {
        /// The carrier's name for it.
        stream: StreamId,
        /// The message.
        payload: Vec<u8>,
    },
    /// Close a stream of somebody else without an answer.
    CloseStream {
        /// The carrier's name for it.
        stream: StreamId,
    },
    /// A node is there that was not: it is a candidate from now on.
    ReportMemberJoined(Member),
    /// The metadata or address of a node that is there changed, perhaps of this one.
    ReportMemberChanged(Member),
    /// A node is not there any more; also when it was out for elections before.
    ReportMemberGone {
        /// Its name.
        name: Arc<str>,
        /// Whether it said goodbye; else it has failed.
        left: bool,
        /// When it gave the last sign of life, as far as known: of one that has failed, when it began to be suspected, of one
        /// that was out for elections before, what was told then.
        last_heard: Option<Instant>,
    },
    /// Two watchers do not hear a node, or one does not and no other says that it does, and nobody reaches it for them: it is no
    /// candidate until [`Output::ReportElectionIn`], or until it joins again. This node itself may be meant: others do not hear it.
    ReportElectionOut {
        /// Its name.
        name: Arc<str>,
        /// When one of its watchers heard it last, if any of them ever did.
        last_heard: Option<Instant>,
    },
    /// A node that was out for elections is heard again.
    ReportElectionIn {
        /// Its name.
        name: Arc<str>,
    },
    /// One of the watchers of a node, perhaps this one, does not hear it any more, or does again. One alone decides nothing while
    /// another contradicts.
    ReportJudged {
        /// The name of the node.
        name: Arc<str>,
        /// The name of the watcher.
        watcher: Arc<str>,
        /// Whether it does not hear it.
        silent: bool,
    },
    /// No other node is heard any more, though none has said goodbye: they have all failed, or this one is cut off.
    ReportUnheard,
    /// Another node is heard again.
    ReportHeard,
    /// A node with a name that another address has wants to join, and is refused. At most once a minute for each name.
    ReportConflict {
        /// The name.
        name: Arc<str>,
        /// Where the known node is.
        known: SocketAddr,
        /// Where the other one is.
        other: SocketAddr,
    },
    /// An address of [`Input::PeersFound`](crate::Input::PeersFound) answered, and what it knows is known here now.
    ReportJoined {
        /// The address.
        address: SocketAddr,
        /// How many nodes it knows.
        nodes: usize,
    },
    /// An address of [`Input::PeersFound`](crate::Input::PeersFound) did not answer, or refused.
    ReportJoinFailed {
        /// The address.
        address: SocketAddr,
        /// Why, for people.
        reason: String,
    },
    /// A node is a member, by streams or by what others tell, and has not answered any of six datagrams: its port may be closed
    /// for UDP.
    ReportPacketsLost {
        /// Where it is.
        address: SocketAddr,
    },
    /// A node of which [`Output::ReportPacketsLost`] was told answers datagrams.
    ReportPacketsAnswered {
        /// Where it is.
        address: SocketAddr,
    },
    /// So many changes wait to be sent on; told every
    /// [`queue_check_interval`](crate::Config::queue_check_interval) while there are any.
    ReportQueue {
        /// Messages.
        length: usize,
    },
    /// The others know that this node leaves, or have had time enough to. Nothing is done after it.
    ReportLeft,
}
