//! Datagrams and streams of rings, from what one node sends to what another hears.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use ferrolb_gossip::{Input, Output, StreamId};
use ferrolb_types::Instant;

use crate::names::{address, number_at};
use crate::network::Network;

/// What a node is going to hear.
#[derive(Debug)]
pub struct Delivery {
    /// Its number.
    pub to: usize,
    /// When.
    pub at: Instant,
    /// What.
    pub input: Input,
}

/// Streams that were opened and are not answered yet, by the name that they have for who is asked.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    open: BTreeMap<StreamId, Stream>,
    count: u64,
}

#[derive(Debug)]
struct Stream {
    from: usize,
    /// The name that it has for who asks.
    id: StreamId,
    deadline: Instant,
}

impl Streams {
    fn open(&mut self, stream: Stream) -> StreamId {
        self.count += 1;
        let id = StreamId(self.count);
        self.open.insert(id, stream);
        id
    }
}

impl Network {
    /// What comes of an output of the ring of `from`; `runs` tells whose processes are there.
    pub fn carry(
        &mut self,
        now: Instant,
        from: usize,
        output: Output,
        runs: impl Fn(usize) -> bool,
    ) -> Option<Delivery> {
        let found = |to: SocketAddr| number_at(to).filter(|to| runs(*to));
        match output {
            Output::SendPacket { to, payload, .. } => self.carry_packet(now, from, found(to)?, payload),
            Output::OpenStream {
                stream: id,
                to,
                payload,
                timeout,
            } => {
                let deadline = now + timeout;
                let stream = Stream { from, id, deadline };
                Some(self.open_stream(now, stream, found(to), payload))
            }
            Output::AnswerStream { stream, payload } => self.answer_stream(now, from, stream, payload),
            Output::CloseStream { stream } => {
                self.streams.open.remove(&stream);
                None
            }
            _ => None,
        }
    }

    fn carry_packet(&mut self, now: Instant, from: usize, to: usize, payload: Vec<u8>) -> Option<Delivery> {
        let at = now + self.datagram(from, to)?;
        let input = Input::PacketReceived {
            from: address(from),
            payload: payload.into(),
        };
        Some(Delivery { to, at, input })
    }

    fn open_stream(&mut self, now: Instant, stream: Stream, to: Option<usize>, payload: Vec<u8>) -> Delivery {
        let from = stream.from;
        let at = now + self.handshake() + self.data();
        let reached = to.filter(|to| self.carries_streams(from, *to) && at <= stream.deadline);
        let Some(to) = reached else {
            return stream.fail();
        };
        let input = Input::StreamRequested {
            stream: self.streams.open(stream),
            from: address(from),
            payload: payload.into(),
        };
        Delivery { to, at, input }
    }

    fn answer_stream(
        &mut self,
        now: Instant,
        node: usize,
        stream: StreamId,
        payload: Vec<u8>,
    ) -> Option<Delivery> {
        let stream = self.streams.open.remove(&stream)?;
        let at = now + self.data();
        if at > stream.deadline || !self.carries_streams(node, stream.from) {
            return Some(stream.fail());
        }
        let input = Input::StreamAnswered {
            stream: stream.id,
            payload: payload.into(),
        };
        let to = stream.from;
        Some(Delivery { to, at, input })
    }
}

impl Stream {
    fn fail(self) -> Delivery {
        let input = Input::StreamFailed {
            stream: self.id,
            reason: "no answer".to_owned(),
        };
        Delivery {
            to: self.from,
            at: self.deadline,
            input,
        }
    }
}
