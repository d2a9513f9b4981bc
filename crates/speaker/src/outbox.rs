//! What the layer 2 thread still has to be told.
//!
//! The planner never waits for the thread, nor the thread for the planner: what does not fit into the mailbox stays
//! here, the latest word for each address and interface, so that it is bounded by their number.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use ferrolb_driver::mailbox::{SendError, Sender};
use ferrolb_l2::Input;
use ferrolb_types::InterfaceIndex;

use crate::announcer::Command;

/// What a message is about; a later one about the same takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Address(IpAddr),
    Interface(InterfaceIndex),
    Peers,
}

/// Messages that wait for room in the mailbox.
pub(crate) struct Outbox {
    commands: Sender<Command>,
    waiting: BTreeMap<Subject, Input>,
    order: VecDeque<Subject>,
}

/// The layer 2 thread has ended: nothing can be announced any more.
#[derive(Debug, thiserror::Error)]
#[error("the layer 2 thread has ended")]
pub(crate) struct ThreadEnded;

impl Outbox {
    pub(crate) const fn new(commands: Sender<Command>) -> Self {
        Self {
            commands,
            waiting: BTreeMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Tells the thread now or, if its mailbox is full, later; see [`Outbox::flush`].
    pub(crate) fn tell(&mut self, input: Input) -> Result<(), ThreadEnded> {
        match subject_of(&input) {
            // What waits goes first: an address may have waited with an older word.
            Some(subject) if !self.waiting.is_empty() => {
                self.wait(subject, input);
                self.flush()
            }
            subject => match self.commands.send(Command::Tell(input)) {
                Ok(()) => Ok(()),
                Err(SendError::Closed(_)) => Err(ThreadEnded),
                Err(SendError::Full(Command::Tell(input))) => {
                    if let Some(subject) = subject {
                        self.wait(subject, input);
                    }
                    Ok(())
                }
                Err(SendError::Full(_)) => Ok(()),
            },
        }
    }

    /// Whether something waits.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Tells the thread as much as fits.
    pub(crate) fn flush(&mut self) -> Result<(), ThreadEnded> {
        while let Some(subject) = self.order.pop_front() {
            let Some(input) = self.waiting.remove(&subject) else {
                continue;
            };
            match self.commands.send(Command::Tell(input)) {
                Ok(()) => {}
                Err(SendError::Closed(_)) => return Err(ThreadEnded),
                Err(SendError::Full(Command::Tell(input))) => {
                    self.waiting.insert(subject, input);
                    self.order.push_front(subject);
                    return Ok(());
                }
                Err(SendError::Full(_)) => return Ok(()),
            }
        }
        Ok(())
    }

    /// A command that is not worth waiting for.
    pub(crate) fn ask(&self, command: Command) -> Result<(), ThreadEnded> {
        match self.commands.send(command) {
            Err(SendError::Closed(_)) => Err(ThreadEnded),
            Ok(()) | Err(SendError::Full(_)) => Ok(()),
        }
    }

    fn wait(&mut self, subject: Subject, input: Input) {
        if self.waiting.insert(subject, input).is_none() {
            self.order.push_back(subject);
        }
    }
}

fn subject_of(input: &Input) -> Option<Subject> {
    match input {
        Input::AddressWanted { address, .. } | Input::AddressReleased { address } => {
            Some(Subject::Address(*address))
        }
        Input::LinkChanged(link) => Some(Subject::Interface(link.index)),
        Input::LinkDisappeared(index) => Some(Subject::Interface(*index)),
        Input::PeersObserved(_) => Some(Subject::Peers),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_api::resolved::Interfaces;
    use ferrolb_driver::mailbox::{Mail, Mailbox, mailbox};
    use ferrolb_l2::Claim;
    use mio::{Poll, Token};

    use super::*;

    fn wanted(address: &str) -> Input {
        Input::AddressWanted {
            address: address.parse().unwrap(),
            interfaces: Interfaces::All,
            claim: Claim::TakeOver,
        }
    }

    fn released(address: &str) -> Input {
        Input::AddressReleased {
            address: address.parse().unwrap(),
        }
    }

    fn take(inbox: &Mailbox<Command>) -> Option<Input> {
        match inbox.take() {
            Mail::Message(Command::Tell(input)) => Some(input),
            _ => None,
        }
    }

    #[test]
    fn the_latest_word_about_an_address_arrives_however_slow_the_thread_is() {
        let poll = Poll::new().unwrap();
        let (commands, inbox) = mailbox(&poll, Token(0), 1).unwrap();
        let mut outbox = Outbox::new(commands);
        outbox.tell(wanted("192.0.2.1")).unwrap();
        outbox.tell(wanted("192.0.2.2")).unwrap();
        outbox.tell(released("192.0.2.2")).unwrap();
        outbox.tell(wanted("192.0.2.3")).unwrap();
        let mut seen = Vec::new();
        while let Some(input) = take(&inbox) {
            seen.push(input);
            outbox.flush().unwrap();
        }
        assert_eq!(
            seen,
            [wanted("192.0.2.1"), released("192.0.2.2"), wanted("192.0.2.3")]
        );
        assert!(!outbox.is_waiting());
    }

    #[test]
    fn a_thread_that_has_ended_is_an_error() {
        let poll = Poll::new().unwrap();
        let (commands, inbox) = mailbox(&poll, Token(0), 1).unwrap();
        drop(inbox);
        assert!(Outbox::new(commands).tell(wanted("192.0.2.1")).is_err());
    }
}
