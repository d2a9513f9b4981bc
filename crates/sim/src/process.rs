//! A process: it runs, stands still or is dead, and has a clock of its own.

use core::time::Duration;

use ferrolb_types::Instant;

/// What a process runs.
pub trait Program {
    /// What happens to it.
    type Input;
    /// What it does.
    type Output;
    /// What it is told when its deadline has come.
    const TICK: Self::Input;

    /// Something happens when its clock shows `now`.
    fn handle(&mut self, now: Instant, input: Self::Input, out: &mut Vec<Self::Output>);

    /// When it wants to be told [`TICK`](Self::TICK), by its clock.
    fn next_deadline(&self) -> Option<Instant>;

    /// Whether it has ended by itself.
    fn has_ended(&self) -> bool {
        false
    }
}

/// A ring alone, without the rest of a speaker.
impl Program for ferrolb_gossip::Machine {
    type Input = ferrolb_gossip::Input;
    type Output = ferrolb_gossip::Output;
    const TICK: Self::Input = ferrolb_gossip::Input::Tick;

    fn handle(&mut self, now: Instant, input: Self::Input, out: &mut Vec<Self::Output>) {
        self.handle(now, input, out);
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.next_deadline()
    }
}

/// A running program, and what the world knows of it. Times are the world's.
#[derive(Debug)]
pub struct Process<P: Program> {
    /// What it runs.
    pub program: P,
    is_running: bool,
    /// What its clock is ahead of the world's.
    ahead: Duration,
    standstill: Option<Standstill<P::Input>>,
    wakes_at: Option<Instant>,
}

/// What waits for a process until it goes on.
#[derive(Debug)]
struct Standstill<I> {
    received: Vec<I>,
    has_overslept: bool,
}

impl<P: Program> Process<P> {
    /// One that has just started, with the world's time.
    pub const fn new(program: P) -> Self {
        Self {
            program,
            is_running: true,
            ahead: Duration::ZERO,
            standstill: None,
            wakes_at: None,
        }
    }

    /// Whether it is there, though perhaps it stands still.
    pub const fn is_running(&self) -> bool {
        self.is_running
    }

    /// Whether it is there and goes on.
    pub const fn is_awake(&self) -> bool {
        self.is_running && self.standstill.is_none()
    }

    /// What its clock shows.
    pub fn clock(&self, now: Instant) -> Instant {
        now + self.ahead
    }

    /// It is dead.
    pub const fn kill(&mut self) {
        self.is_running = false;
    }

    /// It stands still until it is told to [`resume`](Self::resume).
    pub fn pause(&mut self) {
        self.standstill.get_or_insert(Standstill {
            received: Vec::new(),
            has_overslept: false,
        });
    }

    /// Its clock jumps ahead.
    pub fn jump(&mut self, time: Duration) {
        self.ahead += time;
    }

    /// Something happens to it; if it stands still, that waits.
    pub fn tell(&mut self, now: Instant, input: P::Input, out: &mut Vec<P::Output>) {
        if !self.is_running {
            return;
        }
        if let Some(Standstill { received, .. }) = &mut self.standstill {
            return received.push(input);
        }
        self.program.handle(now + self.ahead, input, out);
        self.is_running = !self.program.has_ended();
    }

    /// It goes on, and this is what happens to it at once: what was received meanwhile comes before the clock.
    pub fn resume(&mut self) -> Vec<P::Input> {
        let Some(standstill) = self.standstill.take() else {
            return Vec::new();
        };
        let mut inputs = standstill.received;
        inputs.extend(standstill.has_overslept.then_some(P::TICK));
        inputs
    }

    /// When it has to be woken, if that is earlier than when it was going to be.
    pub fn next_wake(&mut self, now: Instant) -> Option<Instant> {
        if !self.is_awake() {
            return None;
        }
        let since_start = self.program.next_deadline()? - Instant::ZERO;
        let at = (Instant::ZERO + since_start.saturating_sub(self.ahead)).max(now);
        let is_earlier = self.wakes_at.is_none_or(|wakes_at| at < wakes_at);
        is_earlier.then(|| *self.wakes_at.insert(at))
    }

    /// Whether its deadline has come, now that it is woken, and can be told to it.
    pub fn wakes(&mut self, now: Instant) -> bool {
        let is_due = self.wakes_at.take_if(|at| *at <= now).is_some();
        match &mut self.standstill {
            Some(standstill) => {
                standstill.has_overslept |= is_due;
                false
            }
            None => is_due,
        }
    }
}
