//! The queue between those who log and the output.

use core::sync::atomic::{AtomicU64, Ordering};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Lines that may wait; at 200 bytes each this is 1.6 MB at worst.
const QUEUE_LINES: usize = 8192;

enum Message {
    Line(String),
    Stop,
}

/// The end that takes lines.
pub(super) struct Output {
    queue: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

impl Output {
    /// Queues a line, which must end with a line feed; drops it when the queue is full.
    pub(super) fn send(&self, line: String) {
        if self.queue.try_send(Message::Line(line)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines dropped since the last call.
    pub(super) fn take_dropped(&self) -> u64 {
        match self.dropped.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.dropped.swap(0, Ordering::Relaxed),
        }
    }
}

/// Writes what is queued when dropped. Keep it until the process ends.
#[must_use = "lines are lost if the guard is dropped early"]
pub struct Guard {
    queue: SyncSender<Message>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The subscriber may outlive the guard, so the queue does not end by itself.
        let stopped = self.queue.send(Message::Stop);
        if let (Ok(()), Some(thread)) = (stopped, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

/// Starts the thread that writes to `writer`.
pub(super) fn start(writer: Box<dyn Write + Send>) -> io::Result<(Output, Guard)> {
    let (queue, lines) = sync_channel(QUEUE_LINES);
    let thread = std::thread::Builder::new()
        .name("log".into())
        .spawn(move || write_all(writer, &lines))?;
    let output = Output {
        queue: queue.clone(),
        dropped: Arc::default(),
    };
    Ok((
        output,
        Guard {
            queue,
            thread: Some(thread),
        },
    ))
}

/// Flushes when nothing more is queued, so that a burst costs few system calls.
fn write_all(writer: Box<dyn Write + Send>, lines: &Receiver<Message>) {
    let mut writer = io::BufWriter::new(writer);
    loop {
        let message = match lines.try_recv() {
            Ok(message) => message,
            Err(_) => {
                let _ = writer.flush();
                match lines.recv() {
                    Ok(message) => message,
                    Err(_) => return,
                }
            }
        };
        match message {
            // A closed pipe ends the log, not the process.
            Message::Line(line) => drop(writer.write_all(line.as_bytes())),
            Message::Stop => return drop(writer.flush()),
        }
    }
}
