//! The layer 2 thread: packet sockets around the [`l2::Machine`](ferrolb_l2::Machine).
//!
//! It is a thread of its own, so that an answer never waits for the API server, the log or the planner: it takes
//! commands from a bounded mailbox and holds no lock.
//!
//! ```text
//!   Command ──mailbox──┐                ┌──▶ Ports: open, close, filter, group
//!   frames ───poll─────┼──▶ l2::Machine ┤
//!   deadline ──────────┘                └──▶ Ports: send         conflicts ──▶ News
//! ```

mod follow;
mod ports;

use std::io;
use std::net::IpAddr;
use std::thread::JoinHandle;
use std::time::Duration;

use ferrolb_driver::Clock;
use ferrolb_driver::mailbox::{Mail, Mailbox, Sender, mailbox};
use ferrolb_l2::{Input, Machine, Output, Reaction, Statistics};
use ferrolb_types::{Instant, InterfaceIndex, IpFamily, MacAddr};
use mio::{Events, Poll, Token};
use tokio::sync::{mpsc, oneshot};

use follow::Follow;
use ports::Ports;

/// Commands that may wait; the sender keeps what does not fit.
const MAILBOX: usize = 4096;
/// Commands and frames handled before the machine's deadlines are looked at again.
const BATCH: usize = 64;
/// Sockets that may be ready at once; more are reported by the next poll.
const READY: usize = 64;
/// Reports that may wait for a reader; the machine limits their rate for each address, of which two halves of a ring that meet
/// again may both claim many.
const REPORTS: usize = 4096;
/// The mailbox's token; sockets have smaller ones.
const MAILBOX_TOKEN: Token = Token(usize::MAX);

/// What the thread is told.
pub(crate) enum Command {
    /// Something that the machine is to know.
    Tell(Input),
    /// Ask for the counters.
    Count(oneshot::Sender<Statistics>),
    /// Tell when the next frame about this address goes out, by the clock of the thread.
    Follow(IpAddr, oneshot::Sender<Instant>),
    /// Announce nothing any more, but go on answering: a successor is about to announce.
    Hush,
    /// Stop answering and end.
    Stop,
}

/// What the thread tells.
#[derive(Debug)]
pub(crate) enum News {
    Conflict(Conflict),
    /// Another speaker claims a wanted address.
    Rival {
        address: IpAddr,
        mac: MacAddr,
    },
    /// The foreign host is gone.
    Reclaimed {
        address: IpAddr,
        interface: InterfaceIndex,
    },
}

/// A foreign host claims a wanted address.
#[derive(Debug)]
pub(crate) struct Conflict {
    pub(crate) address: IpAddr,
    pub(crate) interface: InterfaceIndex,
    pub(crate) mac: MacAddr,
    pub(crate) reaction: Reaction,
}

/// A running layer 2 thread.
pub(crate) struct Announcer {
    pub(crate) commands: Sender<Command>,
    pub(crate) news: mpsc::Receiver<News>,
    pub(crate) thread: JoinHandle<()>,
}

/// Starts the thread in the network namespace of the caller.
pub(crate) fn start(machine: Machine, clock: Clock) -> io::Result<Announcer> {
    let poll = Poll::new()?;
    let (commands, inbox) = mailbox(&poll, MAILBOX_TOKEN, MAILBOX)?;
    let (reports, news) = mpsc::channel(REPORTS);
    let ports = Ports::new(poll.registry().try_clone()?);
    let looper = Loop {
        poll,
        inbox,
        machine,
        ports,
        clock,
        reports,
        more_commands: false,
        is_hushed: false,
        follow: Follow::default(),
        out: Vec::new(),
    };
    let thread = std::thread::Builder::new()
        .name("layer2".to_owned())
        .spawn(move || looper.run())?;
    Ok(Announcer {
        commands,
        news,
        thread,
    })
}

/// The thread's state; nobody else sees it.
struct Loop {
    poll: Poll,
    inbox: Mailbox<Command>,
    machine: Machine,
    ports: Ports,
    clock: Clock,
    reports: mpsc::Sender<News>,
    /// The mailbox was left with messages in it, which the poll does not report again.
    more_commands: bool,
    /// Bursts and refreshes, which are what deadlines are for, are over.
    is_hushed: bool,
    follow: Follow,
    out: Vec<Output>,
}

/// Whether the thread goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    Continue,
    Stop,
}

impl Loop {
    fn run(mut self) {
        let mut events = Events::with_capacity(READY);
        loop {
            if let Err(error) = self.poll.poll(&mut events, self.patience()) {
                // A signal may interrupt a poll; anything else would repeat for ever.
                if error.kind() != io::ErrorKind::Interrupted {
                    tracing::error!(%error, "the layer 2 thread cannot wait for frames and ends");
                    return;
                }
            }
            for token in events.iter().map(mio::event::Event::token) {
                self.ports.mark_readable(token);
            }
            self.receive_frames();
            if self.take_commands() == Flow::Stop {
                return;
            }
            self.tick();
        }
    }

    /// How long nothing needs to be done, unless something happens.
    fn patience(&self) -> Option<Duration> {
        if self.more_commands || self.ports.any_readable() {
            return Some(Duration::ZERO);
        }
        self.deadline().map(|deadline| self.clock.until(deadline))
    }

    /// A few frames from each socket that has some, so that a flood on one does not starve the others.
    fn receive_frames(&mut self) {
        for (interface, family) in self.ports.readable() {
            let (machine, out) = (&mut self.machine, &mut self.out);
            let now = self.clock.now();
            let failed = self.ports.receive(interface, family, BATCH, |frame| {
                machine.receive(now, interface, frame, out);
            });
            self.carry_out();
            if let Err(error) = failed {
                self.fail(interface, family, &error);
            }
        }
    }

    fn take_commands(&mut self) -> Flow {
        for _ in 0..BATCH {
            match self.inbox.take() {
                Mail::Message(Command::Tell(input)) => self.tell(input),
                Mail::Message(Command::Follow(address, tell)) => self.follow.begin(address, tell),
                Mail::Message(Command::Hush) => self.is_hushed = true,
                // Whoever asked may have lost patience.
                Mail::Message(Command::Count(answer)) => drop(answer.send(self.machine.statistics())),
                Mail::Message(Command::Stop) | Mail::Closed => return Flow::Stop,
                Mail::Empty => {
                    self.more_commands = false;
                    return Flow::Continue;
                }
            }
        }
        self.more_commands = true;
        Flow::Continue
    }

    fn tick(&mut self) {
        let now = self.clock.now();
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.tell(Input::Tick);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.machine.next_deadline().filter(|_| !self.is_hushed)
    }

    fn tell(&mut self, input: Input) {
        self.machine.handle(self.clock.now(), input, &mut self.out);
        self.carry_out();
    }

    /// Does what the machine asked for. A socket that fails is a new input, which may ask for more.
    fn carry_out(&mut self) {
        let mut failures = Vec::new();
        for output in self.out.drain(..) {
            match output {
                Output::ReportConflict {
                    address,
                    interface,
                    mac,
                    reaction,
                } => {
                    let conflict = Conflict {
                        address,
                        interface,
                        mac,
                        reaction,
                    };
                    // Reports are for people; the reaction does not depend on them.
                    let _full = self.reports.try_send(News::Conflict(conflict));
                }
                Output::ReportRival { address, mac, .. } => {
                    let _full = self.reports.try_send(News::Rival { address, mac });
                }
                Output::ReportReclaimed { address, interface } => {
                    let _full = self.reports.try_send(News::Reclaimed { address, interface });
                }
                other => {
                    failures.extend(self.ports.carry_out(&other));
                    self.follow.observe(&other, self.clock);
                }
            }
        }
        for failure in failures {
            self.fail(failure.interface, failure.family, &*failure.error);
        }
    }

    fn fail(&mut self, interface: InterfaceIndex, family: IpFamily, error: &dyn std::error::Error) {
        tracing::warn!(%interface, %family, %error, "a packet socket failed, it is opened again in a second");
        let now: Instant = self.clock.now();
        self.machine
            .handle(now, Input::SocketFailed { interface, family }, &mut self.out);
        self.carry_out();
    }
}
