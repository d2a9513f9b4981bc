//! A BFD session whose peer, administrator and clock do what the octets tell.

#[path = "script.rs"]
mod script;

use core::num::{NonZeroU8, NonZeroU32};
use core::time::Duration;

use ferrolb_bfd::{Config, ControlPacket, Diagnostic, Input, Output, Session, State};
use ferrolb_types::Instant;

use script::Script;

/// One input asks for less.
const MOST_OUTPUTS: usize = 8;

/// Panics where something does not hold.
pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let (mut now, mut out) = (Instant::ZERO, Vec::new());
    let mut session = Session::new(config(&mut script), NonZeroU32::MIN, 1);
    while let Some(number) = script.next() {
        now += Duration::from_millis(script.next().unwrap_or(0).into());
        let mut state = session.state();
        if let Some(input) = input(number, &mut script) {
            session.handle(now, input, &mut out);
        }
        assert!(out.len() <= MOST_OUTPUTS, "{} outputs", out.len());
        for output in out.drain(..) {
            match output {
                Output::StateChanged { from, to, .. } => {
                    assert!(
                        from == state && to != state,
                        "{from:?} to {to:?} in state {state:?}"
                    );
                    state = to;
                }
                Output::SendPacket(packet) => {
                    assert_eq!(
                        ControlPacket::decode(&packet.encode()),
                        Ok(packet),
                        "what is sent can be read"
                    );
                    assert_eq!(packet.my_discriminator, NonZeroU32::MIN);
                    assert!(!(packet.poll && packet.final_), "a packet asks and answers");
                }
            }
        }
        assert_eq!(session.state(), state, "every change is told");
    }
}

fn config(script: &mut Script<'_>) -> Config {
    let mut interval = || Duration::from_millis(u64::from(script.below(100)) + 1);
    Config {
        desired_min_tx: interval(),
        required_min_rx: interval(),
        slow_tx: interval(),
        detect_multiplier: multiplier(script),
        passive: script.below(2) == 1,
    }
}

fn multiplier(script: &mut Script<'_>) -> NonZeroU8 {
    NonZeroU8::new(script.below(5)).unwrap_or(NonZeroU8::MIN)
}

fn input(number: u8, script: &mut Script<'_>) -> Option<Input> {
    Some(match number % 16 {
        0 => Input::AdminDownRequested,
        1 => Input::AdminUpRequested,
        2 => Input::PathFailed,
        3 => Input::ConfigChanged(config(script)),
        4 | 5 => Input::PacketReceived(ControlPacket::decode(script.octets()).ok()?),
        6..=10 => Input::PacketReceived(packet(script)),
        _ => Input::Tick,
    })
}

/// A packet that fits the session, more or less.
fn packet(script: &mut Script<'_>) -> ControlPacket {
    let states = [State::AdminDown, State::Down, State::Init, State::Up];
    let flags = script.below(16);
    ControlPacket {
        diagnostic: Diagnostic::None,
        state: states[usize::from(script.below(4))],
        poll: flags & 1 != 0,
        final_: flags & 2 != 0,
        control_plane_independent: flags & 4 != 0,
        demand: flags & 8 != 0,
        detect_multiplier: multiplier(script),
        my_discriminator: NonZeroU32::new(script.below(3).into()).unwrap_or(NonZeroU32::MIN),
        your_discriminator: script.below(2).into(),
        desired_min_tx_us: u32::from(script.below(100)) * 1000,
        required_min_rx_us: u32::from(script.below(100)) * 1000,
        required_min_echo_rx_us: 0,
    }
}
