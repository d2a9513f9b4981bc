//! The task that owns the machine.

use core::ops::ControlFlow;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ferrolb_gossip::{Config, Input, Machine, Output, StreamId};
use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{Envelope, PACKET_MAX};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{mpsc, oneshot, watch};

use super::stream::{Streams, accept};
use super::{Command, View};
use crate::clock::Clock;
use crate::random::Random;

/// Datagrams that are handled between two looks at everything else.
const BATCH: usize = 256;

/// A stream of somebody else, read.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) from: SocketAddr,
    pub(super) payload: Vec<u8>,
    /// Where the wrapped answer goes; dropped to close the stream.
    pub(super) answer: oneshot::Sender<Vec<u8>>,
}

/// What streams bring.
#[derive(Debug)]
pub(super) enum Event {
    Requested(Request),
    Finished(Input),
}

pub(super) struct Task {
    config: Config,
    machine: Machine,
    envelope: watch::Sender<Arc<Envelope>>,
    socket: UdpSocket,
    clock: Clock,
    random: Random,
    answers: BTreeMap<StreamId, oneshot::Sender<Vec<u8>>>,
    requests: u64,
    lost_at: Option<Instant>,
    is_unheard: bool,
    out: Vec<Output>,
}

impl Task {
    pub(super) fn new(
        config: Config,
        machine: Machine,
        envelope: Envelope,
        socket: UdpSocket,
        (clock, random): (Clock, Random),
    ) -> Self {
        Self {
            config,
            machine,
            envelope: watch::Sender::new(Arc::new(envelope)),
            socket,
            clock,
            random,
            answers: BTreeMap::new(),
            requests: 0,
            lost_at: None,
            is_unheard: false,
            out: Vec::new(),
        }
    }

    /// Received things come before the clock: a process that was paused hears first what was said meanwhile. The clock is
    /// looked at after each batch, so that a flood does not starve it.
    pub(super) async fn run(
        mut self,
        listener: TcpListener,
        mut commands: mpsc::Receiver<Command>,
        view: watch::Sender<View>,
        reports: mpsc::Sender<(Instant, Output)>,
    ) {
        let (events, mut event_queue) = mpsc::channel(self.config.handoff_queue_depth);
        let streams = Streams::new(
            events,
            self.envelope.subscribe(),
            self.random.clone(),
            self.config.tcp_timeout,
        );
        let _accepting = AbortOnDrop(tokio::spawn(accept(listener, streams.clone())));
        let mut buffer = vec![0; PACKET_MAX];
        loop {
            let deadline = self.machine.next_deadline();
            let wait = deadline.map(|deadline| self.clock.until(deadline));
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => return,
                },
                received = self.socket.recv_from(&mut buffer) => self.receive(received, &mut buffer),
                Some(event) = event_queue.recv() => self.take(event),
                () = sleep(wait) => {}
            }
            let now = self.clock.now();
            if self
                .machine
                .next_deadline()
                .is_some_and(|deadline| deadline <= now)
            {
                self.machine.handle(now, Input::Tick, &mut self.out);
            }
            if self.act(now, &streams, &view, &reports).is_break() {
                return;
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Machine(input) => self.machine.handle(self.clock.now(), input, &mut self.out),
            Command::Keys(keys) => {
                let old = self.envelope.borrow().clone();
                self.envelope.send_replace(Arc::new(Envelope {
                    label: old.label.clone(),
                    keys: keys.map(|keys| *keys),
                    ..*old
                }));
            }
        }
    }

    fn receive(&mut self, first: io::Result<(usize, SocketAddr)>, buffer: &mut [u8]) {
        let mut received = first;
        for _ in 0..BATCH {
            // An error tells that an earlier datagram was not delivered (ICMP); nothing is to be done about it.
            if let Ok((length, from)) = received {
                self.open(from, &buffer[..length]);
            }
            received = self.socket.try_recv_from(buffer);
            if matches!(&received, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                return;
            }
        }
        if let Ok((length, from)) = received {
            self.open(from, &buffer[..length]);
        }
    }

    /// What is not for this ring, or broken, is passed over.
    fn open(&mut self, from: SocketAddr, packet: &[u8]) {
        let opened = self.envelope.borrow().open_packet(packet);
        if let Ok(payload) = opened {
            let payload = payload.into();
            let input = Input::PacketReceived { from, payload };
            self.machine.handle(self.clock.now(), input, &mut self.out);
        }
    }

    fn take(&mut self, event: Event) {
        let input = match event {
            Event::Finished(input) => input,
            Event::Requested(request) => {
                let stream = StreamId(self.requests);
                self.requests += 1;
                self.answers.insert(stream, request.answer);
                Input::StreamRequested {
                    stream,
                    from: request.from,
                    payload: request.payload.into(),
                }
            }
        };
        self.machine.handle(self.clock.now(), input, &mut self.out);
    }

    fn act(
        &mut self,
        now: Instant,
        streams: &Streams,
        view: &watch::Sender<View>,
        reports: &mpsc::Sender<(Instant, Output)>,
    ) -> ControlFlow<()> {
        let (mut changed, mut left) = (false, false);
        for output in core::mem::take(&mut self.out) {
            match output {
                Output::SendPacket {
                    to,
                    checksum,
                    payload,
                } => self.send(to, checksum, &payload),
                Output::OpenStream {
                    stream,
                    to,
                    payload,
                    timeout,
                } => streams.open(stream, to, payload, timeout),
                Output::AnswerStream { stream, payload } => self.answer(stream, &payload),
                Output::CloseStream { stream } => drop(self.answers.remove(&stream)),
                report => {
                    changed |= changes_view(&report);
                    self.lost_at = lost_at(&report, now).or(self.lost_at);
                    self.is_unheard = is_unheard(&report).unwrap_or(self.is_unheard);
                    left |= report == Output::ReportLeft;
                    // Nobody reads them, or not fast enough; the view is what counts.
                    let _dropped = reports.try_send((now, report));
                }
            }
        }
        if changed {
            view.send_replace(View {
                members: self.machine.members(),
                out: self.machine.out_for_elections().cloned().collect(),
                lost_at: self.lost_at,
                is_unheard: self.is_unheard,
            });
        }
        if left {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// A datagram that cannot be sent is as good as lost.
    fn send(&self, to: SocketAddr, checksum: bool, payload: &[u8]) {
        if let Ok(nonce) = self.random.nonce() {
            let packet = self.envelope.borrow().seal_packet(payload, checksum, nonce);
            let _lost = self.socket.try_send_to(&packet, to);
        }
    }

    fn answer(&mut self, stream: StreamId, payload: &[u8]) {
        let Some(answer) = self.answers.remove(&stream) else {
            return;
        };
        if let Ok(nonce) = self.random.nonce() {
            // The other side may have hung up.
            let _closed = answer.send(self.envelope.borrow().seal_answer(payload, nonce));
        }
    }
}

const fn changes_view(report: &Output) -> bool {
    matches!(
        report,
        Output::ReportMemberJoined(_)
            | Output::ReportMemberChanged(_)
            | Output::ReportMemberGone { .. }
            | Output::ReportElectionOut { .. }
            | Output::ReportElectionIn { .. }
            | Output::ReportUnheard
            | Output::ReportHeard
    )
}

/// Whether no other node is heard, if the report is about that.
const fn is_unheard(report: &Output) -> Option<bool> {
    match report {
        Output::ReportUnheard => Some(true),
        Output::ReportHeard => Some(false),
        _ => None,
    }
}

/// When a candidate that is lost gave its last sign of life; if nobody can say, now.
fn lost_at(report: &Output, now: Instant) -> Option<Instant> {
    match report {
        Output::ReportElectionOut { last_heard, .. } | Output::ReportMemberGone { last_heard, .. } => {
            Some(last_heard.unwrap_or(now))
        }
        _ => None,
    }
}

async fn sleep(time: Option<core::time::Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => core::future::pending().await,
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
