//! A bounded queue into a thread that waits in a poll.
//!
//! A thread that serves sockets cannot also wait on a channel; the sender wakes its poll. The sender never waits
//! either: when the queue is full it is told so, and keeps what it wanted to say.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};

use mio::{Poll, Token, Waker};

/// The sending end; clones share the queue.
#[derive(Debug)]
pub struct Sender<T> {
    queue: SyncSender<T>,
    waker: Arc<Waker>,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            waker: Arc::clone(&self.waker),
        }
    }
}

/// Why a message was not taken; it comes back.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError<T> {
    /// The queue is full; the thread is busy.
    #[error("the queue of the thread is full")]
    Full(T),
    /// The thread has ended.
    #[error("the thread has ended")]
    Closed(T),
}

impl<T> Sender<T> {
    /// Queues `message` and wakes the thread.
    ///
    /// # Errors
    /// [`SendError`] with the message when the queue is full or the thread has ended.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.queue.try_send(message).map_err(|error| match error {
            TrySendError::Full(message) => SendError::Full(message),
            TrySendError::Disconnected(message) => SendError::Closed(message),
        })?;
        // A poll that cannot be woken looks at its queue at its next deadline.
        let _late = self.waker.wake();
        Ok(())
    }
}

/// The receiving end, drained when the poll reports its token.
#[derive(Debug)]
pub struct Mailbox<T> {
    queue: Receiver<T>,
    /// Keeps a wake-up alive whose sender is gone: the kernel forgets one with the last handle to the waker.
    _waker: Arc<Waker>,
}

/// What a look into the mailbox found.
#[derive(Debug, PartialEq, Eq)]
pub enum Mail<T> {
    /// A message.
    Message(T),
    /// Nothing now.
    Empty,
    /// All senders are gone, and nothing is left.
    Closed,
}

impl<T> Mailbox<T> {
    /// Takes the oldest message, without waiting.
    pub fn take(&self) -> Mail<T> {
        match self.queue.try_recv() {
            Ok(message) => Mail::Message(message),
            Err(TryRecvError::Empty) => Mail::Empty,
            Err(TryRecvError::Disconnected) => Mail::Closed,
        }
    }
}

/// A queue of `capacity` messages that wakes `poll` with `token`.
///
/// Senders that go away do not wake the poll: send a last message, or look at each deadline.
///
/// # Errors
/// What the kernel says when the waker cannot be made.
pub fn mailbox<T>(poll: &Poll, token: Token, capacity: usize) -> io::Result<(Sender<T>, Mailbox<T>)> {
    let waker = Arc::new(Waker::new(poll.registry(), token)?);
    let (queue, receiver) = sync_channel(capacity);
    let mailbox = Mailbox {
        queue: receiver,
        _waker: Arc::clone(&waker),
    };
    Ok((Sender { queue, waker }, mailbox))
}

#[cfg(test)]
mod tests {
    use mio::Events;

    use super::*;

    #[test]
    fn a_message_wakes_the_poll_even_if_its_sender_is_gone_already() {
        let mut poll = Poll::new().unwrap();
        let (sender, mailbox) = mailbox(&poll, Token(9), 2).unwrap();
        std::thread::spawn(move || sender.send(5))
            .join()
            .unwrap()
            .unwrap();
        let mut events = Events::with_capacity(4);
        poll.poll(&mut events, None).unwrap();
        assert_eq!(
            events.iter().map(mio::event::Event::token).collect::<Vec<_>>(),
            [Token(9)]
        );
        assert_eq!(mailbox.take(), Mail::Message(5));
        assert_eq!(mailbox.take(), Mail::Closed);
    }

    #[test]
    fn a_full_queue_gives_the_message_back() {
        let poll = Poll::new().unwrap();
        let (sender, mailbox) = mailbox(&poll, Token(0), 1).unwrap();
        sender.send(1).unwrap();
        assert_eq!(sender.send(2), Err(SendError::Full(2)));
        assert_eq!(mailbox.take(), Mail::Message(1));
        assert_eq!(mailbox.take(), Mail::Empty);
        drop(mailbox);
        assert_eq!(sender.send(3), Err(SendError::Closed(3)));
    }
}
