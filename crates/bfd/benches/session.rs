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

/// A session that is up, and what its peer says again and again.
fn up() -> (Session, ControlPacket) {
    let config = Config::every(INTERVAL);
    let (mut ours, mut theirs) = (
        Session::new(config, NonZeroU32::MIN, 1),
        Session::new(config, NonZeroU32::MIN, 2),
    );
    let (mut now, mut said) = (Instant::ZERO, Vec::new());
    loop {
        let mut last = None;
        for turn in 0..2 {
            let (sender, receiver) = if turn == 0 {
                (&mut theirs, &mut ours)
            } else {
                (&mut ours, &mut theirs)
            };
            sender.handle(now, Input::Tick, &mut said);
            for output in core::mem::take(&mut said) {
                if let Output::SendPacket(packet) = output {
                    receiver.handle(now, Input::PacketReceived(packet), &mut said);
                    last = (turn == 0).then_some(packet).or(last);
                }
            }
            said.clear();
        }
        match last {
            Some(packet) if ours.state() == State::Up && packet.state == State::Up && !packet.poll => {
                return (
                    ours,
                    ControlPacket {
                        final_: false,
                        ..packet
                    },
                );
            }
            _ => now += INTERVAL,
        }
    }
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
