//! Two sessions and the path between them, in virtual time.

use core::num::{NonZeroU8, NonZeroU32};
use core::time::Duration;

use ferrolb_bfd::{Config, ControlPacket, Diagnostic, Input, Output, Session, State};
use ferrolb_types::Instant;
use proptest::prelude::*;

const MS: Duration = Duration::from_millis(1);

/// Two ends; whether packets from each pass is decided per end.
struct Path {
    now: Instant,
    ends: [Session; 2],
    passes: [bool; 2],
    sent: [Vec<(Instant, ControlPacket)>; 2],
    changes: [Vec<(Instant, State, Diagnostic)>; 2],
}

impl Path {
    fn new(configs: [Config; 2]) -> Self {
        let discriminator = |n| NonZeroU32::new(n).expect("not zero");
        Self {
            now: Instant::ZERO,
            ends: [
                Session::new(configs[0], discriminator(10), 1),
                Session::new(configs[1], discriminator(20), 2),
            ],
            passes: [true; 2],
            sent: Default::default(),
            changes: Default::default(),
        }
    }

    fn up(configs: [Config; 2]) -> Self {
        let mut path = Self::new(configs);
        path.run(Duration::from_secs(10));
        assert_eq!(path.states(), [State::Up; 2]);
        path.changes = Default::default();
        path.sent = Default::default();
        path
    }

    fn states(&self) -> [State; 2] {
        [self.ends[0].state(), self.ends[1].state()]
    }

    fn tell(&mut self, end: usize, input: Input) {
        let mut queue = vec![(end, input)];
        while let Some((end, input)) = queue.pop() {
            let mut out = Vec::new();
            self.ends[end].handle(self.now, input, &mut out);
            for output in out {
                match output {
                    Output::SendPacket(packet) => {
                        self.sent[end].push((self.now, packet));
                        if self.passes[end] {
                            queue.push((1 - end, Input::PacketReceived(packet)));
                        }
                    }
                    Output::StateChanged { to, diagnostic, .. } => {
                        self.changes[end].push((self.now, to, diagnostic));
                    }
                }
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.ends.iter().filter_map(Session::next_deadline).min() {
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            (0..2).for_each(|end| self.tell(end, Input::Tick));
        }
        self.now = end;
    }
}

fn every(ms: u32) -> Config {
    Config::every(MS * ms)
}

fn gaps(sent: &[(Instant, ControlPacket)]) -> Vec<Duration> {
    sent.windows(2).map(|pair| pair[1].0 - pair[0].0).collect()
}

#[test]
fn both_sides_come_up_and_agree_on_the_slower_interval() {
    let mut path = Path::up([every(50), every(200)]);
    assert_eq!(
        path.ends.each_ref().map(|end| end.detection_time().unwrap()),
        [MS * 600; 2]
    );
    path.run(Duration::from_secs(20));
    for sent in &path.sent {
        assert!(
            gaps(sent).iter().all(|gap| (MS * 150..=MS * 200).contains(gap)),
            "{:?}",
            gaps(sent)
        );
        assert!(sent.iter().all(|(_, packet)| !packet.poll && !packet.final_));
    }
    assert!(path.changes.iter().all(Vec::is_empty));
}

#[test]
fn a_session_that_is_not_up_sends_once_a_second_at_most() {
    let mut path = Path::new([every(50), every(50)]);
    path.passes = [false; 2];
    path.run(Duration::from_secs(60));
    let gaps = gaps(&path.sent[0]);
    assert!(gaps.len() > 59);
    assert!(
        gaps.iter().all(|gap| (MS * 750..=MS * 1000).contains(gap)),
        "{gaps:?}"
    );
    assert!(
        path.sent[0]
            .iter()
            .all(|(_, packet)| packet.desired_min_tx_us == 1_000_000)
    );
}

#[test]
fn jitter_is_at_least_a_tenth_when_one_missing_packet_is_a_failure() {
    let one = Config {
        detect_multiplier: NonZeroU8::MIN,
        ..every(100)
    };
    let mut path = Path::up([one; 2]);
    path.run(Duration::from_secs(20));
    assert!(
        gaps(&path.sent[0])
            .iter()
            .all(|gap| (MS * 75..=MS * 90).contains(gap))
    );
    assert_eq!(path.states(), [State::Up; 2]);
}

#[test]
fn silence_is_noticed_after_three_intervals_and_not_before() {
    let mut path = Path::up([every(50); 2]);
    path.passes[1] = false;
    let last = path.now;
    path.run(MS * 99);
    assert_eq!(path.states(), [State::Up; 2]);
    path.run(MS * 51);
    let (at, to, diagnostic) = path.changes[0][0];
    assert_eq!(
        (to, diagnostic),
        (State::Down, Diagnostic::ControlDetectionTimeExpired)
    );
    assert!(at - last <= MS * 150);
    // The deaf side is told by the other, because its own direction works.
    let (_, to, diagnostic) = path.changes[1][0];
    assert_eq!(
        (to, diagnostic),
        (State::Down, Diagnostic::NeighborSignaledSessionDown)
    );
}

#[test]
fn a_healed_path_comes_up_again() {
    let mut path = Path::up([every(50); 2]);
    path.passes = [false; 2];
    path.run(Duration::from_secs(5));
    assert_eq!(path.states(), [State::Down; 2]);
    assert!(
        path.ends.iter().all(|end| end.peer_state().is_none()),
        "the peer is forgotten"
    );
    path.passes = [true; 2];
    path.run(Duration::from_secs(3));
    assert_eq!(path.states(), [State::Up; 2]);
}

#[test]
fn a_poll_is_answered_at_once_and_the_transmit_timer_stays() {
    let mut path = Path::up([every(300); 2]);
    let deadline = path.ends[0].next_deadline();
    let polled = ControlPacket {
        poll: true,
        ..path.ends[1].last_packet()
    };
    path.tell(0, Input::PacketReceived(polled));
    assert_eq!(path.sent[0].len(), 1);
    assert!(path.sent[0][0].1.final_ && !path.sent[0][0].1.poll);
    assert_eq!(path.ends[0].next_deadline(), deadline);
}

#[test]
fn packets_of_the_peer_do_not_hold_back_our_own() {
    let mut path = Path::up([every(300); 2]);
    let packet = path.ends[1].last_packet();
    for _ in 0..300 {
        path.run(MS * 10);
        path.tell(0, Input::PacketReceived(packet));
    }
    let sent = path.sent[0].len();
    assert!((10..=14).contains(&sent), "{sent} packets in 3 s");
}

#[test]
fn slower_sending_waits_for_the_answer_to_the_poll() {
    let mut path = Path::up([every(100); 2]);
    path.passes[0] = false;
    path.tell(0, Input::ConfigChanged(every(1000)));
    path.run(MS * 150);
    assert!(!path.sent[0].is_empty(), "still at the old pace");
    assert!(
        path.sent[0]
            .iter()
            .all(|(_, packet)| packet.poll && packet.desired_min_tx_us == 1_000_000)
    );
    path.passes[0] = true;
    path.run(Duration::from_secs(1));
    let polls = path.sent[0].iter().filter(|(_, packet)| packet.poll).count();
    path.run(Duration::from_secs(10));
    assert_eq!(
        path.sent[0].iter().filter(|(_, packet)| packet.poll).count(),
        polls,
        "the sequence ended"
    );
    assert!(
        path.changes.iter().all(Vec::is_empty),
        "no flap: {:?}",
        path.changes
    );
    assert_eq!(path.ends[1].detection_time(), Some(Duration::from_secs(3)));
}

#[test]
fn an_administrator_takes_it_down_without_calling_it_a_failure() {
    let mut path = Path::up([every(50); 2]);
    path.tell(0, Input::AdminDownRequested);
    path.run(Duration::from_secs(5));
    assert_eq!(path.states(), [State::AdminDown, State::Down]);
    assert_eq!(path.ends[1].peer_state(), Some(State::AdminDown));
    assert_eq!(path.changes[1][0].2, Diagnostic::NeighborSignaledSessionDown);
    path.tell(0, Input::AdminUpRequested);
    path.run(Duration::from_secs(5));
    assert_eq!(path.states(), [State::Up; 2]);
}

#[test]
fn a_passive_side_is_silent_until_it_is_spoken_to() {
    let passive = Config {
        passive: true,
        ..every(50)
    };
    let mut path = Path::new([passive; 2]);
    path.run(Duration::from_secs(10));
    assert!(path.sent.iter().all(Vec::is_empty));
    let mut path = Path::up([passive, every(50)]);
    path.passes = [false; 2];
    path.run(Duration::from_secs(5));
    path.sent = Default::default();
    path.run(Duration::from_secs(5));
    assert!(path.sent[0].is_empty(), "silent again after the peer is gone");
    assert!(!path.sent[1].is_empty());
}

#[test]
fn a_peer_that_wants_nothing_gets_nothing() {
    let mut path = Path::up([every(50); 2]);
    let quiet = ControlPacket {
        required_min_rx_us: 0,
        ..path.ends[1].last_packet()
    };
    path.passes = [false; 2];
    path.tell(0, Input::PacketReceived(quiet));
    path.run(MS * 100);
    assert!(path.sent[0].is_empty(), "{:?}", path.sent[0]);
}

#[test]
fn a_peer_in_demand_mode_gets_nothing_while_both_are_up_but_polls_and_answers_to_polls() {
    let mut path = Path::up([every(50); 2]);
    let mut demand = ControlPacket {
        demand: true,
        ..path.ends[1].last_packet()
    };
    path.passes = [false; 2];
    path.tell(0, Input::PacketReceived(demand));
    path.run(MS * 400);
    assert!(path.sent[0].is_empty(), "{:?}", path.sent[0]);
    demand.poll = true;
    path.tell(0, Input::PacketReceived(demand));
    assert!(path.sent[0].iter().all(|(_, packet)| packet.final_) && path.sent[0].len() == 1);
    path.tell(0, Input::ConfigChanged(every(100)));
    path.run(MS * 200);
    assert!(path.sent[0].len() > 1 && path.sent[0][1..].iter().all(|(_, packet)| packet.poll));
    path.sent = Default::default();
    // Then the peer is silent, and the session is not up any more.
    path.run(Duration::from_secs(3));
    assert_eq!(path.states()[0], State::Down);
    assert!(!path.sent[0].is_empty());
}

#[test]
fn a_packet_for_another_session_changes_nothing() {
    let mut path = Path::up([every(50); 2]);
    let (deadline, time) = (path.ends[0].next_deadline(), path.ends[0].detection_time());
    let other = ControlPacket {
        your_discriminator: 99,
        state: State::Down,
        desired_min_tx_us: 9_000_000,
        ..path.ends[1].last_packet()
    };
    path.tell(0, Input::PacketReceived(other));
    assert_eq!(path.ends[0].next_deadline(), deadline);
    assert_eq!(
        (path.ends[0].state(), path.ends[0].detection_time()),
        (State::Up, time)
    );
}

#[test]
fn a_lost_carrier_is_a_failure_of_the_path() {
    let mut path = Path::up([every(50); 2]);
    path.tell(0, Input::PathFailed);
    assert_eq!(path.changes[0][0].2, Diagnostic::PathDown);
}

/// The last packet that `session` would send, for tests that forge one of it.
trait LastPacket {
    fn last_packet(&self) -> ControlPacket;
}

impl LastPacket for Session {
    fn last_packet(&self) -> ControlPacket {
        ControlPacket {
            diagnostic: Diagnostic::None,
            state: self.state(),
            poll: false,
            final_: false,
            control_plane_independent: false,
            demand: false,
            detect_multiplier: Config::DETECT_MULTIPLIER,
            my_discriminator: self.local_discriminator(),
            your_discriminator: 10,
            desired_min_tx_us: 300_000,
            required_min_rx_us: 300_000,
            required_min_echo_rx_us: 0,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn with_any_configuration_both_come_up_stay_up_and_notice_silence_in_time(
        intervals in prop::array::uniform4(10..2000u32), multipliers in prop::array::uniform2(1..10u8),
    ) {
        let config = |at: usize| Config {
            desired_min_tx: MS * intervals[at],
            required_min_rx: MS * intervals[at + 2],
            detect_multiplier: NonZeroU8::new(multipliers[at]).unwrap(),
            ..Config::default()
        };
        let mut path = Path::new([config(0), config(1)]);
        path.run(Duration::from_secs(20));
        prop_assert_eq!(path.states(), [State::Up; 2]);
        path.changes = Default::default();
        path.run(Duration::from_secs(60));
        prop_assert!(path.changes.iter().all(Vec::is_empty), "{:?}", path.changes);
        let bound = path.ends[0].detection_time().unwrap();
        prop_assert_eq!(bound, MS * intervals[1].max(intervals[2]) * u32::from(multipliers[1]));
        path.passes[1] = false;
        path.run(bound);
        prop_assert_eq!(path.ends[0].state(), State::Down);
    }
}
