//! One session.

use core::num::{NonZeroU8, NonZeroU32};
use core::time::Duration;

use ferrolb_types::{Instant, SplitMix64};
use ferrolb_wire::bfd::{ControlPacket, Diagnostic, State};

use crate::Config;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The peer sent a packet for this session. Which session it is for, the carrier has found out: by
    /// [`ControlPacket::your_discriminator`], or by addresses while that is 0.
    PacketReceived(ControlPacket),
    /// The configuration is this now. A session that is up stays up; a Poll Sequence tells the peer (section 6.8.3).
    ConfigChanged(Config),
    /// An administrator, or the shutdown of this program, holds the session down; the peer is told that it is no failure.
    AdminDownRequested,
    /// Nobody holds it down any more.
    AdminUpRequested,
    /// The path has failed, as somebody else knows: carrier lost (diagnostic 5).
    PathFailed,
    /// The deadline has come.
    Tick,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this.
    SendPacket(ControlPacket),
    /// The state is another one.
    StateChanged {
        /// What it was.
        from: State,
        /// What it is.
        to: State,
        /// Why.
        diagnostic: Diagnostic,
    },
}

/// A session in asynchronous mode.
///
/// | State | peer says Down | peer says Init | peer says Up | peer says AdminDown | nothing for the detection time |
/// |---|---|---|---|---|---|
/// | Down | Init | Up | – | – | forgets the peer |
/// | Init | – | Up | Up | Down (3) | Down (1) |
/// | Up | Down (3) | – | – | Down (3) | Down (1) |
/// | AdminDown | – | – | – | – | – |
///
/// (RFC 5880 sections 6.2, 6.8.6 and 6.8.4; in brackets the diagnostic.)
#[derive(Debug)]
pub struct Session {
    config: Config,
    local_discriminator: NonZeroU32,
    state: State,
    diagnostic: Diagnostic,
    peer: Option<Peer>,
    /// A Poll Sequence is on its way (section 6.5).
    polling: bool,
    /// What is in force while a Poll Sequence has not yet told the peer otherwise (section 6.8.3).
    agreed: Intervals,
    last_sent: Option<Instant>,
    /// When to send again; none while there is nobody to send to.
    next_send: Option<Instant>,
    /// When the peer is gone.
    detection: Option<Instant>,
    random: SplitMix64,
}

/// What the last packet of the peer said.
#[derive(Clone, Copy, Debug)]
struct Peer {
    discriminator: NonZeroU32,
    state: State,
    desired_min_tx: Duration,
    required_min_rx: Duration,
    detect_multiplier: NonZeroU8,
    demand: bool,
}

/// What this side promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Intervals {
    /// We may send this often.
    tx: Duration,
    /// The peer may send this often.
    rx: Duration,
}

impl Session {
    /// A session in state Down. `local_discriminator` names it among all sessions of this system; `seed` decides the jitter.
    #[must_use]
    pub fn new(config: Config, local_discriminator: NonZeroU32, seed: u64) -> Self {
        Self {
            config,
            local_discriminator,
            state: State::Down,
            diagnostic: Diagnostic::None,
            peer: None,
            polling: false,
            agreed: Intervals {
                tx: config.desired_min_tx.max(config.slow_tx),
                rx: config.required_min_rx,
            },
            last_sent: None,
            next_send: if config.passive { None } else { Some(Instant::ZERO) },
            detection: None,
            random: SplitMix64::new(seed),
        }
    }

    /// Where the session is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Why it left the state Up last, or could not get there.
    #[must_use]
    pub const fn diagnostic(&self) -> Diagnostic {
        self.diagnostic
    }

    /// Its name in what the peer sends.
    #[must_use]
    pub const fn local_discriminator(&self) -> NonZeroU32 {
        self.local_discriminator
    }

    /// For how long the peer may be silent; none before it was heard.
    #[must_use]
    pub fn detection_time(&self) -> Option<Duration> {
        let peer = self.peer?;
        // "the value of Detect Mult received from the remote system, multiplied by the agreed transmit interval of the
        // remote system" (section 6.8.4).
        let interval = self.agreed.rx.max(peer.desired_min_tx);
        Some(interval.saturating_mul(u32::from(peer.detect_multiplier.get())))
    }

    /// Takes in `input` at `now`, which never runs backwards, and appends what is to be done to `out`.
    pub fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::PacketReceived(packet) => self.receive(now, &packet, out),
            Input::ConfigChanged(config) => self.change_config(now, config),
            Input::AdminDownRequested => self.hold_down(now, out),
            Input::AdminUpRequested => self.release(now, out),
            Input::PathFailed => self.fail(now, Diagnostic::PathDown, out),
            Input::Tick => {}
        }
        self.run_timers(now, out);
    }

    /// When to call with [`Input::Tick`], if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        [self.next_send, self.detection].into_iter().flatten().min()
    }

    fn run_timers(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.detection.is_some_and(|at| at <= now) {
            self.detection = None;
            self.lose_peer(now, out);
        }
        if self.next_send.is_some_and(|at| at <= now) {
            self.send(now, out);
        }
    }

    /// "If a period of a Detection Time passes without the receipt of a valid, authenticated packet from the remote system,
    /// this variable \[bfd.RemoteDiscr\] MUST be set to zero" (section 6.8.1).
    fn lose_peer(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.peer = None;
        self.fail(now, Diagnostic::ControlDetectionTimeExpired, out);
        if self.config.passive {
            self.next_send = None;
        }
    }

    fn fail(&mut self, now: Instant, diagnostic: Diagnostic, out: &mut Vec<Output>) {
        if matches!(self.state, State::Init | State::Up) {
            self.enter(now, State::Down, diagnostic, out);
        }
    }

    fn receive(&mut self, now: Instant, packet: &ControlPacket, out: &mut Vec<Output>) {
        let named = packet.your_discriminator;
        if named != 0 && named != self.local_discriminator.get() {
            return;
        }
        self.peer = Some(Peer {
            discriminator: packet.my_discriminator,
            state: packet.state,
            desired_min_tx: microseconds(packet.desired_min_tx_us),
            required_min_rx: microseconds(packet.required_min_rx_us),
            detect_multiplier: packet.detect_multiplier,
            demand: packet.demand,
        });
        if packet.final_ && self.polling {
            self.polling = false;
            self.agreed = self.wanted();
        }
        self.detection = self.detection_time().map(|time| now + time);
        if self.state == State::AdminDown {
            return;
        }
        self.follow(now, packet.state, out);
        self.pace(now);
        if packet.poll {
            // "a Control packet with the Final bit set MUST be transmitted as soon as practicable, without respect to the
            // transmission timer" (section 6.8.6).
            out.push(Output::SendPacket(self.packet(true)));
        }
    }

    /// The table above.
    fn follow(&mut self, now: Instant, theirs: State, out: &mut Vec<Output>) {
        use State::{AdminDown, Down, Init, Up};
        let (to, diagnostic) = match (self.state, theirs) {
            (Down, Down) => (Init, self.diagnostic),
            (Down, Init) | (Init, Init | Up) => (Up, Diagnostic::None),
            (Up, Down) | (Up | Init, AdminDown) => (Down, Diagnostic::NeighborSignaledSessionDown),
            (Down, Up | AdminDown) | (Init, Down) | (Up, Init | Up) | (AdminDown, _) => return,
        };
        self.enter(now, to, diagnostic, out);
    }

    fn enter(&mut self, now: Instant, to: State, diagnostic: Diagnostic, out: &mut Vec<Output>) {
        let from = core::mem::replace(&mut self.state, to);
        self.diagnostic = diagnostic;
        // While the session is not up the intervals may change at once; on the way up a Poll Sequence makes the new one
        // known (section 6.8.3).
        let wanted = self.wanted();
        self.polling = to == State::Up && wanted != self.agreed;
        if !self.polling {
            self.agreed = wanted;
        } else {
            // "the transmission interval \[…\] MUST NOT be increased before"; a decrease takes effect at once.
            self.agreed.tx = self.agreed.tx.min(wanted.tx);
            self.agreed.rx = self.agreed.rx.max(wanted.rx);
        }
        // The peer learns of it at once, not at the next interval.
        self.next_send = Some(now);
        out.push(Output::StateChanged { from, to, diagnostic });
    }

    fn hold_down(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.state != State::AdminDown {
            self.enter(now, State::AdminDown, Diagnostic::AdministrativelyDown, out);
        }
    }

    fn release(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.state == State::AdminDown {
            self.peer = None;
            self.detection = None;
            self.enter(now, State::Down, Diagnostic::None, out);
        }
    }

    fn change_config(&mut self, now: Instant, config: Config) {
        self.config = config;
        let wanted = self.wanted();
        if self.state != State::Up {
            self.agreed = wanted;
        } else if wanted != self.agreed {
            self.polling = true;
            self.agreed.tx = self.agreed.tx.min(wanted.tx);
            self.agreed.rx = self.agreed.rx.max(wanted.rx);
        }
        self.detection = self.detection.and(self.detection_time()).map(|time| now + time);
        if self.next_send.is_none() && !config.passive {
            self.next_send = Some(now);
        }
    }

    /// What the configuration wants in this state.
    fn wanted(&self) -> Intervals {
        let slow = match self.state {
            State::Up => Duration::ZERO,
            _ => self.config.slow_tx,
        };
        Intervals {
            tx: self.config.desired_min_tx.max(slow),
            rx: self.config.required_min_rx,
        }
    }

    fn send(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.last_sent = Some(now);
        self.next_send = None;
        if self.may_send() {
            out.push(Output::SendPacket(self.packet(false)));
            self.next_send = Some(now + self.jittered());
        }
    }

    /// A passive side waits for the peer; a peer that requires an interval of zero wants nothing, and one in Demand mode nothing
    /// but Poll Sequences while both are up (section 6.8.7).
    fn may_send(&self) -> bool {
        match self.peer {
            None => !self.config.passive || self.state == State::AdminDown,
            Some(peer) => !peer.required_min_rx.is_zero() && !self.is_left_alone(peer),
        }
    }

    fn is_left_alone(&self, peer: Peer) -> bool {
        peer.demand && !self.polling && (self.state, peer.state) == (State::Up, State::Up)
    }

    /// The peer may want packets more or less often than before: from its packet on, but measured from our last packet, so
    /// that many packets from there do not hold ours back.
    fn pace(&mut self, now: Instant) {
        if !self.may_send() {
            self.next_send = None;
            return;
        }
        let Some(sent) = self.last_sent else {
            self.next_send = self.next_send.or(Some(now));
            return;
        };
        let latest = sent + self.interval();
        match self.next_send {
            Some(at) if at <= latest => {}
            _ => self.next_send = Some(sent + self.jittered()),
        }
    }

    fn interval(&self) -> Duration {
        let theirs = self.peer.map_or(Duration::ZERO, |peer| peer.required_min_rx);
        self.agreed.tx.max(theirs)
    }

    /// "reduced by a random value of 0 to 25%"; "if bfd.DetectMult is equal to 1, the interval \[…\] MUST be no more than
    /// 90% \[…\], and no less than 75%" (section 6.8.7).
    fn jittered(&mut self) -> Duration {
        let least_cut = if self.config.detect_multiplier.get() == 1 {
            100
        } else {
            0
        };
        let cut = least_cut + self.random.below(251 - least_cut);
        self.interval() * (1000 - cut) / 1000
    }

    fn packet(&self, final_: bool) -> ControlPacket {
        let wanted = self.wanted();
        ControlPacket {
            diagnostic: self.diagnostic,
            state: self.state,
            // "a BFD Control packet MUST NOT have both" (section 6.5).
            poll: self.polling && !final_,
            final_,
            control_plane_independent: false,
            demand: false,
            detect_multiplier: self.config.detect_multiplier,
            my_discriminator: self.local_discriminator,
            your_discriminator: self.peer.map_or(0, |peer| peer.discriminator.get()),
            desired_min_tx_us: in_microseconds(wanted.tx),
            required_min_rx_us: in_microseconds(wanted.rx),
            required_min_echo_rx_us: 0,
        }
    }

    /// What the peer said last about its own session; none while it is not heard.
    #[must_use]
    pub fn peer_state(&self) -> Option<State> {
        self.peer.map(|peer| peer.state)
    }
}

fn microseconds(us: u32) -> Duration {
    Duration::from_micros(us.into())
}

fn in_microseconds(interval: Duration) -> u32 {
    u32::try_from(interval.as_micros()).unwrap_or(u32::MAX)
}
