//! BFD control packets (RFC 5880 section 4.1), without authentication.
//!
//! ```text
//!   0            1            2            3            4             8               12
//!   | vers diag  | sta PFCADM | multiplier | length     | my discrim. | your discrim. |
//!   |  1    0-8  |  0-3       |  > 0       |  >= 24     | > 0         |               |
//!   12                        16                        20                        24
//!   | desired min TX interval | required min RX         | required min echo RX    |   microseconds each
//! ```

use core::num::{NonZeroU8, NonZeroU32};

use crate::{DecodeError, Reader};

/// Octets of a control packet without authentication.
pub const CONTROL_PACKET_LEN: usize = 24;

const VERSION: u8 = 1;
const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;
const CONTROL_PLANE_INDEPENDENT: u8 = 0x08;
const AUTHENTICATION: u8 = 0x04;
const DEMAND: u8 = 0x02;
const MULTIPOINT: u8 = 0x01;

/// State of a session (RFC 5880 section 6.8.1, `bfd.SessionState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Held down by an administrator; not a failure of the path.
    AdminDown,
    /// Down, or just made.
    Down,
    /// The other side has been heard, and it has not yet heard us.
    Init,
    /// Both sides hear each other.
    Up,
}

/// Why a session left the state `Up` (RFC 5880 section 4.1 "Diag").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Diagnostic {
    /// 0: none.
    #[default]
    None,
    /// 1: nothing was heard for the detection time.
    ControlDetectionTimeExpired,
    /// 2: the echo function failed.
    EchoFunctionFailed,
    /// 3: the other side says that the session is down.
    NeighborSignaledSessionDown,
    /// 4: the forwarding plane was reset.
    ForwardingPlaneReset,
    /// 5: the path is down.
    PathDown,
    /// 6: a concatenated path is down.
    ConcatenatedPathDown,
    /// 7: an administrator holds it down.
    AdministrativelyDown,
    /// 8: a concatenated path is down in the other direction.
    ReverseConcatenatedPathDown,
    /// 9 to 31: reserved.
    Reserved(u8),
}

/// A control packet in asynchronous mode. Intervals are in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlPacket {
    /// Why the sender's session left `Up` last.
    pub diagnostic: Diagnostic,
    /// State of the sender's session.
    pub state: State,
    /// P: the sender wants an answer with F.
    pub poll: bool,
    /// F: answers a packet with P.
    pub final_: bool,
    /// C: the sender's BFD survives a restart of its control plane.
    pub control_plane_independent: bool,
    /// D: the sender wants to be left alone while the session is up.
    pub demand: bool,
    /// So many missing packets in a row mean a failure.
    pub detect_multiplier: NonZeroU8,
    /// The sender's name for the session.
    pub my_discriminator: NonZeroU32,
    /// The receiver's name for the session, 0 while unknown.
    pub your_discriminator: u32,
    /// The sender would like to send this often.
    pub desired_min_tx_us: u32,
    /// The sender can take packets this often; 0: never.
    pub required_min_rx_us: u32,
    /// The sender can return echo packets this often; 0: never.
    pub required_min_echo_rx_us: u32,
}

impl ControlPacket {
    /// Reads a packet; what follows it, up to the end of the datagram, is ignored as the RFC demands.
    ///
    /// # Errors
    /// What RFC 5880 section 6.8.6 discards without looking at a session, and packets with authentication, because
    /// there is none here.
    pub fn decode(datagram: &[u8]) -> Result<Self, DecodeError> {
        let reader = &mut Reader::new(datagram);
        let first = reader.u8("version and diagnostic")?;
        unexpected(first >> 5 == VERSION, "version", 0, first >> 5, "1")?;
        let flags = reader.u8("state and flags")?;
        unexpected(
            flags & AUTHENTICATION == 0,
            "authentication bit",
            1,
            1,
            "0 (none is configured)",
        )?;
        unexpected(flags & MULTIPOINT == 0, "multipoint bit", 1, 1, "0")?;
        let multiplier = reader.u8("detection multiplier")?;
        let detect_multiplier = NonZeroU8::new(multiplier).ok_or(DecodeError::Unexpected {
            field: "detection multiplier",
            offset: 2,
            found: 0,
            expected: "more than 0",
        })?;
        let length = reader.u8("length")?;
        unexpected(
            usize::from(length) >= CONTROL_PACKET_LEN,
            "length",
            3,
            length,
            "24 or more",
        )?;
        reader.limit(usize::from(length) - reader.offset(), "packet")?;
        let packet = Self {
            diagnostic: Diagnostic::from_number(first & 0x1f),
            state: State::from_number(flags >> 6),
            poll: flags & POLL != 0,
            final_: flags & FINAL != 0,
            control_plane_independent: flags & CONTROL_PLANE_INDEPENDENT != 0,
            demand: flags & DEMAND != 0,
            detect_multiplier,
            my_discriminator: NonZeroU32::new(reader.u32("my discriminator")?).ok_or(
                DecodeError::Unexpected {
                    field: "my discriminator",
                    offset: 4,
                    found: 0,
                    expected: "more than 0",
                },
            )?,
            your_discriminator: reader.u32("your discriminator")?,
            desired_min_tx_us: reader.u32("desired min TX interval")?,
            required_min_rx_us: reader.u32("required min RX interval")?,
            required_min_echo_rx_us: reader.u32("required min echo RX interval")?,
        };
        packet.check_discriminator()
    }

    /// "If the Your Discriminator field is zero and the State field is not Down or AdminDown, the packet MUST be
    /// discarded" (section 6.8.6).
    fn check_discriminator(self) -> Result<Self, DecodeError> {
        let named = self.your_discriminator != 0 || self.state <= State::Down;
        unexpected(
            named,
            "your discriminator",
            8,
            0,
            "more than 0 unless the state is Down or AdminDown",
        )?;
        Ok(self)
    }

    /// The 24 octets.
    #[must_use]
    pub fn encode(&self) -> [u8; CONTROL_PACKET_LEN] {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let mut octets = [0; CONTROL_PACKET_LEN];
        octets[0] = VERSION << 5 | self.diagnostic.number();
        octets[1] = self.state.number() << 6
            | flag(self.poll, POLL)
            | flag(self.final_, FINAL)
            | flag(self.control_plane_independent, CONTROL_PLANE_INDEPENDENT)
            | flag(self.demand, DEMAND);
        octets[2] = self.detect_multiplier.get();
        octets[3] = 24;
        let words = [
            self.my_discriminator.get(),
            self.your_discriminator,
            self.desired_min_tx_us,
            self.required_min_rx_us,
            self.required_min_echo_rx_us,
        ];
        for (place, word) in octets[4..].chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        octets
    }
}

fn unexpected(
    holds: bool,
    field: &'static str,
    offset: usize,
    found: u8,
    expected: &'static str,
) -> Result<(), DecodeError> {
    if holds {
        return Ok(());
    }
    Err(DecodeError::Unexpected {
        field,
        offset,
        found: found.into(),
        expected,
    })
}

impl State {
    const fn number(self) -> u8 {
        match self {
            Self::AdminDown => 0,
            Self::Down => 1,
            Self::Init => 2,
            Self::Up => 3,
        }
    }

    const fn from_number(number: u8) -> Self {
        match number & 3 {
            0 => Self::AdminDown,
            1 => Self::Down,
            2 => Self::Init,
            _ => Self::Up,
        }
    }
}

impl Diagnostic {
    /// The code on the wire, 0 to 31.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::ControlDetectionTimeExpired => 1,
            Self::EchoFunctionFailed => 2,
            Self::NeighborSignaledSessionDown => 3,
            Self::ForwardingPlaneReset => 4,
            Self::PathDown => 5,
            Self::ConcatenatedPathDown => 6,
            Self::AdministrativelyDown => 7,
            Self::ReverseConcatenatedPathDown => 8,
            Self::Reserved(number) => number & 0x1f,
        }
    }

    const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::None,
            1 => Self::ControlDetectionTimeExpired,
            2 => Self::EchoFunctionFailed,
            3 => Self::NeighborSignaledSessionDown,
            4 => Self::ForwardingPlaneReset,
            5 => Self::PathDown,
            6 => Self::ConcatenatedPathDown,
            7 => Self::AdministrativelyDown,
            8 => Self::ReverseConcatenatedPathDown,
            other => Self::Reserved(other),
        }
    }
}
