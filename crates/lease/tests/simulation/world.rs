//! The world that the candidates live in.

use core::time::Duration;
use std::collections::BTreeMap;

use ferrolb_lease::{Claim, Config, Election, Input, Lease, Output, Record, Request};
use ferrolb_types::{Instant, SplitMix64};

use crate::clock::{SLOWEST, Skewed};

const CANDIDATES: usize = 4;
const MS: Duration = Duration::from_millis(1);

struct Process {
    election: Election,
    clock: Skewed,
    /// Told while it is stopped; heard when it goes on.
    inbox: Vec<(u64, Input)>,
    resumes: Option<Instant>,
    /// The request that it waits for an answer to.
    asked: u64,
    wake: u64,
    has_left: bool,
}

enum Step {
    Wake {
        process: usize,
        wake: u64,
    },
    Arrive {
        process: usize,
        asked: u64,
        request: Request,
    },
    Hear {
        process: usize,
        asked: u64,
        input: Input,
    },
    Watch {
        process: usize,
    },
    Resume {
        process: usize,
    },
    Accept {
        writer: Box<str>,
    },
    Fault,
}

/// Processes, the store, and everything that is on its way.
pub(crate) struct World {
    random: SplitMix64,
    now: Instant,
    steps: BTreeMap<(Instant, u64), Step>,
    count: u64,
    stored: Option<Lease>,
    version: u64,
    processes: Vec<Process>,
    pub(crate) is_faulty: bool,
    pub(crate) led: BTreeMap<usize, u32>,
    pub(crate) accepted: u32,
    /// Stops of a process that could have had a write under way, until after the Lease had expired.
    pub(crate) overslept: u32,
    /// Writes that landed while the process that sent them was stopped.
    pub(crate) accepted_meanwhile: u32,
}

/// Nobody's request, for what a watch shows.
const UNASKED: u64 = u64::MAX;

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut world = Self {
            random: SplitMix64::new(seed),
            now: Instant::ZERO,
            steps: BTreeMap::new(),
            count: 0,
            stored: None,
            version: 0,
            processes: Vec::new(),
            is_faulty: true,
            led: BTreeMap::new(),
            accepted: 0,
            overslept: 0,
            accepted_meanwhile: 0,
        };
        for process in 0..CANDIDATES {
            let fresh = world.process(process);
            world.processes.push(fresh);
            world.wake(process);
        }
        world.at(MS * 5_000, Step::Fault);
        world
    }

    /// A process that has just started, with a name that nobody had before.
    fn process(&mut self, number: usize) -> Process {
        self.count += 1;
        let identity = format!("p{number}-{}", self.count);
        Process {
            election: Election::new(Config::default(), identity, self.random.next_u64()),
            clock: Skewed::any(&mut self.random),
            inbox: Vec::new(),
            resumes: None,
            asked: 0,
            wake: 0,
            has_left: false,
        }
    }

    fn at(&mut self, delay: Duration, step: Step) {
        self.at_time(self.now + delay, step);
    }

    fn at_time(&mut self, at: Instant, step: Step) {
        self.count += 1;
        self.steps.insert((at, self.count), step);
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.below(100) < percent
    }

    /// How long a message takes; none: it is lost.
    fn transit(&mut self) -> Option<Duration> {
        if !self.is_faulty {
            return Some(MS * self.random.below(20));
        }
        match self.random.below(100) {
            0..15 => None,
            15..30 => Some(MS * self.random.below(20_000)),
            _ => Some(MS * self.random.below(200)),
        }
    }

    fn wake(&mut self, process: usize) {
        let subject = &mut self.processes[process];
        subject.wake += 1;
        let wake = subject.wake;
        if let Some(local) = subject.election.next_deadline() {
            let at = subject.clock.truth(local).max(self.now);
            self.at_time(at, Step::Wake { process, wake });
        }
    }

    fn feed(&mut self, process: usize, input: Input) {
        let mut out = Vec::new();
        let now = self.processes[process].clock.local(self.now);
        self.processes[process].election.handle(now, input, &mut out);
        for output in out {
            self.carry_out(process, output);
        }
        if !self.processes[process].has_left {
            self.wake(process);
        }
    }

    fn carry_out(&mut self, process: usize, output: Output) {
        match output {
            Output::Send { request, within } => self.send(process, request, within),
            Output::Lead => *self.led.entry(process).or_default() += 1,
            Output::End => self.processes[process].has_left = true,
            Output::LeadUnelected => panic!("nothing is denied here"),
            Output::MayWriteUntil(_) | Output::Stop(_) | Output::NoteHolder(_) => {}
        }
    }

    fn send(&mut self, process: usize, request: Request, within: Duration) {
        self.count += 1;
        let asked = self.count;
        self.processes[process].asked = asked;
        if let Some(delay) = self.transit() {
            self.at(
                delay,
                Step::Arrive {
                    process,
                    asked,
                    request,
                },
            );
        }
        let clock = self.processes[process].clock;
        let late = clock.truth(clock.local(self.now) + within);
        let input = Input::Failed;
        self.at_time(
            late,
            Step::Hear {
                process,
                asked,
                input,
            },
        );
    }

    fn arrive(&mut self, process: usize, asked: u64, request: Request) {
        let input = match request {
            Request::Get => Input::Read(self.stored.clone()),
            Request::Create(_) if self.stored.is_some() => Input::Conflict,
            Request::Create(claim) => self.store(claim),
            Request::Update { version, claim } => match &self.stored {
                None => Input::Read(None),
                Some(lease) if lease.version == version => self.store(claim),
                Some(_) => Input::Conflict,
            },
        };
        // A server in trouble may have stored and say that it has not.
        let input = if self.is_faulty && self.chance(3) {
            Input::Failed
        } else {
            input
        };
        if let Some(delay) = self.transit() {
            self.at(
                delay,
                Step::Hear {
                    process,
                    asked,
                    input,
                },
            );
        }
    }

    fn store(&mut self, claim: Claim) -> Input {
        self.version += 1;
        let renewed = self.version.to_string().into_boxed_str();
        let lease = Lease {
            version: renewed.clone(),
            record: Record {
                holder: claim.holder,
                duration: claim.duration,
                acquired: claim.acquired.unwrap_or_else(|| renewed.clone()),
                renewed,
                transitions: claim.transitions,
            },
        };
        self.stored = Some(lease.clone());
        for process in 0..self.processes.len() {
            if let Some(delay) = self.transit() {
                self.at(delay, Step::Watch { process });
            }
        }
        Input::Written(lease)
    }

    /// What a process hears while it is stopped it hears when it goes on.
    fn hear(&mut self, process: usize, asked: u64, input: Input) {
        let subject = &mut self.processes[process];
        if subject.has_left {
            return;
        }
        if subject.resumes.is_some() {
            subject.inbox.push((asked, input));
        } else if asked == UNASKED || subject.asked == asked {
            if asked != UNASKED {
                subject.asked = 0;
            }
            self.feed(process, input);
        }
    }

    fn resume(&mut self, process: usize) {
        if self.processes[process].resumes.is_none_or(|at| at > self.now) {
            return;
        }
        self.processes[process].resumes = None;
        let mut inbox = core::mem::take(&mut self.processes[process].inbox);
        // Whatever is ready first is polled first.
        let ready = inbox.len().max(1);
        let start = self.random.below(u32::try_from(ready).expect("few")) as usize;
        let start = start.min(inbox.len());
        inbox.rotate_left(start);
        if self.chance(50) {
            self.feed(process, Input::Tick);
        }
        for (asked, input) in inbox {
            self.hear(process, asked, input);
        }
        if !self.processes[process].has_left {
            self.wake(process);
        }
    }

    /// Something goes wrong with one of them.
    fn fault(&mut self) {
        let process = self.random.below(u32::try_from(CANDIDATES).expect("few")) as usize;
        match self.random.below(10) {
            0..5 => self.stop(process),
            5..7 => self.processes[process] = self.process(process),
            7 if self.processes[process].resumes.is_none() => self.leave(process),
            _ => {}
        }
        if self.processes[process].has_left {
            self.processes[process] = self.process(process);
        }
        self.wake(process);
        let next = MS * (500 + self.random.below(15_000));
        self.at(next, Step::Fault);
    }

    fn stop(&mut self, process: usize) {
        let until = self.now + MS * self.random.below(40_000);
        let outlasts = until - self.now > Config::default().lease_duration * 1000 / SLOWEST;
        self.overslept += u32::from(outlasts && self.writers().contains(&process));
        let resumes = &mut self.processes[process].resumes;
        *resumes = (*resumes).max(Some(until));
        self.at_time(until, Step::Resume { process });
    }

    fn step(&mut self) {
        let ((at, _), step) = self.steps.pop_first().expect("somebody always waits");
        self.now = at;
        match step {
            Step::Wake { process, wake } => {
                let subject = &self.processes[process];
                if subject.wake == wake && subject.resumes.is_none() && !subject.has_left {
                    self.feed(process, Input::Tick);
                }
            }
            Step::Arrive {
                process,
                asked,
                request,
            } => self.arrive(process, asked, request),
            Step::Hear {
                process,
                asked,
                input,
            } => self.hear(process, asked, input),
            Step::Watch { process } => {
                let input = Input::Seen(self.stored.clone());
                self.hear(process, UNASKED, input);
            }
            Step::Resume { process } => self.resume(process),
            Step::Accept { writer } => self.accept(&writer),
            Step::Fault if self.is_faulty => self.fault(),
            Step::Fault => {}
        }
        self.check_writers();
    }

    /// A write lands, while nobody else may write.
    fn accept(&mut self, writer: &str) {
        self.accepted += 1;
        let is_stopped = |p: &Process| p.election.identity() == writer && p.resumes.is_some();
        self.accepted_meanwhile += u32::from(self.processes.iter().any(is_stopped));
        let mut others = self
            .writers()
            .into_iter()
            .map(|n| self.processes[n].election.identity());
        let other = others.find(|other| *other != writer);
        assert_eq!(other, None, "a write of {writer} lands at {:?}", self.now);
    }

    /// As a process leaves: its writes have landed, then it gives the Lease back.
    pub(crate) fn leave(&mut self, process: usize) {
        let leaver: Box<str> = self.processes[process].election.identity().into();
        self.steps
            .retain(|_, step| !matches!(step, Step::Accept { writer } if *writer == leaver));
        self.feed(process, Input::Stopped);
    }

    /// Who may have a write under way now; no process need run for that.
    pub(crate) fn writers(&self) -> Vec<usize> {
        let may_write = |p: &Process| p.election.may_write(p.clock.local(self.now));
        (0..CANDIDATES)
            .filter(|n| may_write(&self.processes[*n]))
            .collect()
    }

    fn check_writers(&mut self) {
        let writers = self.writers();
        assert!(writers.len() <= 1, "{writers:?} may write at {:?}", self.now);
        if let Some(process) = writers.first().copied() {
            self.begin_write(process);
        }
    }

    /// A write is begun; it may be accepted at any time until its time-out, also while the writer is stopped.
    fn begin_write(&mut self, process: usize) {
        let subject = &self.processes[process];
        let Some(until) = deadline_of(subject, self.now) else {
            return;
        };
        let left = until.saturating_since(self.now);
        let part = self.random.below(1_001);
        // Not too many: one in ten steps.
        if self.chance(10) {
            let writer = self.processes[process].election.identity().into();
            self.at(left * part / 1000, Step::Accept { writer });
        }
    }

    pub(crate) fn run_until(&mut self, end: Instant) {
        while self.steps.keys().next().is_some_and(|(at, _)| *at <= end) {
            self.step();
        }
        self.now = end;
    }
}

/// The true time until which the process may write, found by asking it, to the microsecond.
fn deadline_of(process: &Process, now: Instant) -> Option<Instant> {
    let may_write = |at: Instant| process.election.may_write(process.clock.local(at));
    let (mut yes, mut no) = (now, now + MS * 60_000);
    if !may_write(yes) {
        return None;
    }
    while no - yes > Duration::from_micros(1) {
        let middle = yes + (no - yes) / 2;
        if may_write(middle) {
            yes = middle;
        } else {
            no = middle;
        }
    }
    Some(yes)
}
