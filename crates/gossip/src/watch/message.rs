//! The user messages of fast watching. Speakers of MetalLB ignore them.
//!
//! ```text
//!   "FLB" | 1 | length | name | BFD control packet (24)                        a packet of a session, from a ring neighbour
//!   "FLB" | 3 | length | name | BFD control packet (24)                        the same from one that only answers
//!   "FLB" | 2 | silent | serial (4) | length | watcher | length | node | for (4) | life (4)   a judgement
//! ```
//!
//! Whoever joins over a stream is told all judgements about those that somebody does not hear, in the user state of memberlist's push-pull:
//!
//! ```text
//!   "FLB" | 4 | length (2) | judgement | length (2) | judgement | …
//! ```
//!
//! `silent` is 1 when the watcher does not hear the node, and 0 when it does: it takes back what it said, or contradicts another.
//! `for` says for how many milliseconds the watcher has not heard the node; all ones, or nothing, when it never did. `serial`
//! counts within a `life` of the watcher; 0 when it is not told.
//! The name of the sender is there while it does not know the receiver's discriminator; later the packet names the session.

use core::time::Duration;

use ferrolb_bfd::ControlPacket;
use ferrolb_wire::{DecodeError, Reader};

use crate::meta::Life;

const MAGIC: &[u8; 3] = b"FLB";
const SESSION: u8 = 1;
const JUDGEMENT: u8 = 2;
const GUEST_SESSION: u8 = 3;
const STANDING: u8 = 4;
/// Judgements that one who joins is told: those of six watchers about 85 nodes that are dead at a time.
const STANDING_MAX: usize = 512;

/// One message, without memberlist's type octet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum WatchMessage<'a> {
    Session {
        /// Who sends; empty when the packet tells.
        sender: &'a str,
        /// The sender does not see the receiver as its neighbour; it only answers.
        guest: bool,
        packet: ControlPacket,
    },
    Judgement(Judgement<'a>),
}

/// What a watcher says about a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judgement<'a> {
    pub(crate) silent: bool,
    pub(crate) serial: u32,
    pub(crate) watcher: &'a str,
    pub(crate) node: &'a str,
    /// For how long the watcher has not heard it, if it ever did.
    pub(crate) silent_for: Option<Duration>,
    /// The watcher's.
    pub(crate) life: Life,
}

impl<'a> WatchMessage<'a> {
    /// None when it is a message of somebody else.
    pub(crate) fn decode(data: &'a [u8]) -> Option<Result<Self, DecodeError>> {
        let rest = data.strip_prefix(MAGIC)?;
        Some(Self::read(&mut Reader::new(rest)))
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match reader.u8("kind")? {
            kind @ (SESSION | GUEST_SESSION) => {
                let sender = read_name(reader)?;
                let packet = reader.take(reader.remaining(), "BFD packet")?;
                let packet = ControlPacket::decode(packet)?;
                Ok(Self::Session {
                    sender,
                    guest: kind == GUEST_SESSION,
                    packet,
                })
            }
            JUDGEMENT => Judgement::read(reader).map(Self::Judgement),
            other => Err(DecodeError::Unexpected {
                field: "kind",
                offset: 0,
                found: other.into(),
                expected: "1 or 3 (session) or 2 (judgement)",
            }),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut data = MAGIC.to_vec();
        match self {
            Self::Session {
                sender,
                guest,
                packet,
            } => {
                data.push(if *guest { GUEST_SESSION } else { SESSION });
                push_name(&mut data, sender);
                data.extend(packet.encode());
            }
            Self::Judgement(judgement) => {
                data.push(JUDGEMENT);
                judgement.write(&mut data);
            }
        }
        data
    }
}

impl<'a> Judgement<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            silent: reader.u8("judgement")? != 0,
            serial: reader.u32("serial")?,
            watcher: read_name(reader)?,
            node: read_name(reader)?,
            silent_for: read_time(reader),
            life: read_life(reader),
        })
    }

    fn write(&self, data: &mut Vec<u8>) {
        data.push(u8::from(self.silent));
        data.extend(self.serial.to_be_bytes());
        push_name(data, self.watcher);
        push_name(data, self.node);
        data.extend(in_milliseconds(self.silent_for).to_be_bytes());
        data.extend(self.life.0.to_be_bytes());
    }
}

/// For one that joins; empty when there is nothing to tell.
pub(crate) fn encode_standing<'a>(judgements: impl Iterator<Item = Judgement<'a>>) -> Vec<u8> {
    let mut data = Vec::new();
    for judgement in judgements.take(STANDING_MAX) {
        if data.is_empty() {
            data.extend(MAGIC);
            data.push(STANDING);
        }
        let mut octets = Vec::new();
        judgement.write(&mut octets);
        data.extend(u16::try_from(octets.len()).unwrap_or(0).to_be_bytes());
        data.extend(octets);
    }
    data
}

/// As far as it can be read; nothing when it is somebody else's.
pub(crate) fn decode_standing(data: &[u8]) -> Vec<Judgement<'_>> {
    let Some([STANDING, rest @ ..]) = data.strip_prefix(MAGIC) else {
        return Vec::new();
    };
    let mut reader = Reader::new(rest);
    let next = || {
        let length = reader.u16("length of the judgement").ok()?;
        let octets = reader.take(length.into(), "judgement").ok()?;
        Judgement::read(&mut Reader::new(octets)).ok()
    };
    core::iter::from_fn(next).take(STANDING_MAX).collect()
}

/// A name has 255 octets at most.
fn push_name(data: &mut Vec<u8>, name: &str) {
    data.push(u8::try_from(name.len()).unwrap_or(0));
    if name.len() <= usize::from(u8::MAX) {
        data.extend(name.as_bytes());
    }
}

/// All ones stand for a time that is not known.
fn in_milliseconds(time: Option<Duration>) -> u32 {
    let known = time.and_then(|time| u32::try_from(time.as_millis()).ok());
    known.unwrap_or(u32::MAX)
}

/// The first speakers that watched did not tell it.
fn read_time(reader: &mut Reader<'_>) -> Option<Duration> {
    let milliseconds = reader.u32("time of silence").ok()?;
    (milliseconds != u32::MAX).then(|| Duration::from_millis(milliseconds.into()))
}

/// Nor this.
fn read_life(reader: &mut Reader<'_>) -> Life {
    Life(reader.u32("life").unwrap_or_default())
}

fn read_name<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    let length = reader.u8("length of the name")?;
    let offset = reader.offset();
    let name = reader.take(length.into(), "name")?;
    core::str::from_utf8(name).map_err(|_| DecodeError::Unexpected {
        field: "name",
        offset,
        found: 0,
        expected: "UTF-8",
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn judgements_come_back(
            silent: bool,
            serial: u32,
            watcher in ".{0,20}",
            node in ".{0,20}",
            milliseconds: Option<u16>,
            life: u32,
        ) {
            let silent_for = milliseconds.map(|time| Duration::from_millis(time.into()));
            let judgement =
                Judgement { silent, serial, watcher: &watcher, node: &node, silent_for, life: Life(life) };
            let message = WatchMessage::Judgement(judgement);
            let data = message.encode();
            prop_assert_eq!(WatchMessage::decode(&data), Some(Ok(message)));
        }

        #[test]
        fn standing_judgements_come_back(
            told in prop::collection::vec((any::<u32>(), ".{0,20}", ".{0,20}", any::<u32>()), 0..9),
        ) {
            let judgements: Vec<Judgement<'_>> = told
                .iter()
                .map(|(serial, watcher, node, life)| Judgement {
                    silent: true, serial: *serial, watcher, node, silent_for: None, life: Life(*life),
                })
                .collect();
            let data = encode_standing(judgements.iter().copied());
            prop_assert_eq!(data.is_empty(), judgements.is_empty());
            prop_assert_eq!(decode_standing(&data), judgements);
        }

        #[test]
        fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..80)) {
            let data = [MAGIC, &octets[..]].concat();
            let standing = [&MAGIC[..], &[STANDING], &octets].concat();
            prop_assert!(decode_standing(&standing).len() <= octets.len());
            if let Some(Ok(message)) = WatchMessage::decode(&data) {
                let again = message.encode();
                prop_assert_eq!(WatchMessage::decode(&again), Some(Ok(message)));
            }
        }
    }

    #[test]
    fn a_judgement_without_a_time_or_a_life_is_one() {
        let time = Duration::from_millis(450);
        let judgement = Judgement {
            silent: true,
            serial: 7,
            watcher: "a",
            node: "b",
            silent_for: Some(time),
            life: Life(3),
        };
        let data = WatchMessage::Judgement(judgement).encode();
        for (left_out, known) in [
            (0, (Some(time), Life(3))),
            (4, (Some(time), Life(0))),
            (8, (None, Life(0))),
        ] {
            let read = WatchMessage::decode(&data[..data.len() - left_out]);
            let Some(Ok(WatchMessage::Judgement(read))) = read else {
                panic!("{read:?}");
            };
            assert_eq!((read.silent_for, read.life), known);
        }
    }

    #[test]
    fn user_states_of_others_and_what_is_cut_off_tell_nothing_wrong() {
        for other in [&b""[..], b"hello", b"FLB", b"FLB\x02\x00\x01x"] {
            assert!(decode_standing(other).is_empty(), "{other:?}");
        }
        let judgement = |serial| Judgement {
            silent: true,
            serial,
            watcher: "a",
            node: "b",
            silent_for: None,
            life: Life(3),
        };
        let data = encode_standing([1, 2].into_iter().map(judgement));
        assert_eq!(decode_standing(&data[..data.len() - 1]), [judgement(1)]);
        let many = encode_standing((0..2000).map(judgement));
        assert_eq!(decode_standing(&many).len(), STANDING_MAX);
    }

    #[test]
    fn messages_of_others_are_left_alone() {
        assert_eq!(WatchMessage::decode(b"hello"), None);
        assert!(WatchMessage::decode(b"FLB\x09").is_some_and(|message| message.is_err()));
    }
}
