//! Runs pure machines: gives them the time and their inputs, and hands their outputs on.
//!
//! What it is not: it knows no protocol and decides nothing. It is the only crate that reads a clock, and the only one that
//! asks the system for random octets.
//!
//! ```text
//!   inputs (bounded) ──▶ ┌──────────────┐ outputs ──▶ dispatch
//!                        │ task::run    │
//!   clock ──deadline───▶ │  or a thread │  Mailbox wakes a thread that waits in a poll
//!                        └──────────────┘
//!   ring::start ── a gossip machine with its sockets ──▶ who is there, who is a candidate
//!   record::Recorder ── (now, input) as JSON lines ──▶ record::replay
//! ```
//!
//! ```
//! use ferrolb_driver::Machine;
//! use ferrolb_types::Instant;
//!
//! /// Repeats what it hears.
//! struct Echo;
//!
//! impl Machine for Echo {
//!     type Input = Option<u32>;
//!     type Output = u32;
//!     const TICK: Option<u32> = None;
//!
//!     fn handle(&mut self, _now: Instant, input: Option<u32>, out: &mut Vec<u32>) {
//!         out.extend(input);
//!     }
//!
//!     fn next_deadline(&self) -> Option<Instant> {
//!         None
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! # runtime.block_on(async {
//! let (inputs, queue) = tokio::sync::mpsc::channel(8);
//! inputs.send(Some(7)).await?;
//! drop(inputs);
//! let mut heard = Vec::new();
//! ferrolb_driver::task::run(Echo, queue, |_, output| heard.push(output)).await;
//! assert_eq!(heard, [7]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod clock;
pub mod mailbox;
pub mod random;
pub mod record;
pub mod ring;
pub mod task;

use ferrolb_types::Instant;

pub use clock::{Clock, Stopwatch};

/// A machine that decides from inputs and the time alone (style of every protocol and engine here).
pub trait Machine {
    /// What it is told, in the past tense.
    type Input;
    /// What it asks for, in the imperative.
    type Output;
    /// The input that says that a deadline has passed.
    const TICK: Self::Input;

    /// Takes one input at time `now`, which never runs backwards, and appends what is to be done.
    fn handle(&mut self, now: Instant, input: Self::Input, out: &mut Vec<Self::Output>);

    /// When it wants a [`Machine::TICK`] at the latest; none while it waits for inputs only.
    fn next_deadline(&self) -> Option<Instant>;
}
