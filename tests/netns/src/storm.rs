//! Many frames a second, as a broken host or a loop in a network makes them.

use std::time::Duration;

use anyhow::Context;
use ferrolb_netio::PacketSocket;

use crate::wait;

/// Frames sent one right after another before time is looked at: less than any queue on their way has room for.
const BATCH: u32 = 100;

/// What was sent, and in which time.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// How many frames.
    pub frames: u32,
    /// From the first to the last.
    pub took: Duration,
}

impl Sent {
    /// The rate that was reached.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        f64::from(self.frames) / self.took.as_secs_f64()
    }
}

/// Sends the `count` frames that `frame` gives for 0, 1, …, evenly and at most `per_second`. A machine that is too slow for
/// that takes longer, and sends all of them.
///
/// # Errors
/// What the kernel refused.
pub fn send<'a>(
    socket: &PacketSocket,
    count: u32,
    per_second: u32,
    frame: impl Fn(u32) -> &'a [u8],
) -> anyhow::Result<Sent> {
    let begin = wait::now();
    for number in 0..count {
        if number % BATCH == 0 {
            let due = Duration::from_secs_f64(f64::from(number) / f64::from(per_second));
            wait::sleep_until(begin + due);
        }
        socket.send(frame(number)).context("send a frame of a storm")?;
    }
    Ok(Sent {
        frames: count,
        took: begin.elapsed(),
    })
}
