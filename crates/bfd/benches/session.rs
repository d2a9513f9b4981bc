//! A session that is up.
//!
//! | What | Budget |
//! |---|---|
//! | a packet of the peer, or a packet to it | 1 µs: 100 sessions of 10 ms have 20,000 of them a second, 2 % of a core |

use core::num::NonZeroU32;
use core::time::Duration;

use divan::{Bencher, black_box};
use ferrolb_bfd::{Config, ControlPacket, Input, Output, Session, State};
use ferrolb_types::Instant;

const INTERVAL: Duration = Duration::from_millis(10);

fn main() {
    divan::main();
}

/// Many more than a handshake and its Poll Sequences take.
const TURNS: u32 = 100;

/// A session that is up, and what its peer says again and again.
fn up() -> (Session, ControlPacket) {
    let config = Config::every(INTERVAL);
    let [mut ours, mut theirs] = [1, 2].map(|seed| Session::new(config, NonZeroU32::MIN, seed));
    for turn in 0..TURNS {
        let now = Instant::ZERO + INTERVAL * turn;
        let due = packets(&mut ours, now, Input::Tick);
        let mut said = [
            hear(&mut theirs, now, &due),
            packets(&mut theirs, now, Input::Tick),
        ]
        .concat();
        // Until a Poll and its answer are through.
        while !said.is_empty() {
            let answers = hear(&mut ours, now, &said);
            let steady = said
                .iter()
                .find(|packet| packet.state == State::Up && !packet.poll && !packet.final_);
            if let Some(packet) = steady.filter(|_| ours.state() == State::Up) {
                return (ours, *packet);
            }
            said = hear(&mut theirs, now, &answers);
        }
    }
    panic!("the session is not up after {TURNS} turns");
}

/// What a session says to what it hears.
fn hear(session: &mut Session, now: Instant, heard: &[ControlPacket]) -> Vec<ControlPacket> {
    let answers = heard
        .iter()
        .flat_map(|packet| packets(session, now, Input::PacketReceived(*packet)));
    answers.collect()
}

fn packets(session: &mut Session, now: Instant, input: Input) -> Vec<ControlPacket> {
    let mut out = Vec::new();
    session.handle(now, input, &mut out);
    let sent = out.into_iter().filter_map(|output| match output {
        Output::SendPacket(packet) => Some(packet),
        _ => None,
    });
    sent.collect()
}

#[divan::bench]
fn packet_received(bencher: Bencher<'_, '_>) {
    let (mut session, packet) = up();
    let (now, mut out) = (Instant::from_millis(60_000), Vec::with_capacity(4));
    bencher.bench_local(|| {
        out.clear();
        session.handle(now, Input::PacketReceived(black_box(packet)), &mut out);
        assert_eq!(session.state(), State::Up);
    });
}

/// The deadline at which a packet is due; the peer was heard just before.
#[divan::bench]
fn packet_sent(bencher: Bencher<'_, '_>) {
    let (mut session, packet) = up();
    let (mut now, mut out) = (Instant::from_millis(60_000), Vec::with_capacity(4));
    bencher.bench_local(|| {
        out.clear();
        now += INTERVAL;
        session.handle(now, Input::PacketReceived(packet), &mut out);
        session.handle(now, Input::Tick, &mut out);
        assert!(!out.is_empty() && session.state() == State::Up);
    });
}
