//! Which of several controllers may write: leader election by a Lease, the algorithm of client-go (`libraries.md`).
//!
//! What it is not: no client, no clock. It does not stop a write that is under way; it says until when one may be.
//!
//! ```text
//!                    free, expired: Create or Update          renewed: MayWriteUntil moves on
//!    Get, Seen ──▶ candidate ────────────────────────▶ leader ───┐
//!                      ▲                                 │  ▲    │
//!                      │     not renewed in time, taken  │  └────┘
//!                      └─────────────────────────────────┤
//!                                                        └──▶ left: the Lease is given back
//! ```
//!
//! Two never write at once, whatever their wall clocks say:
//!
//! - A candidate takes over when the record has not changed for the Lease's duration, by its own monotonic clock, counted
//!   from when it *saw* the change. It compares no foreign time with its own.
//! - A leader may write until the renew deadline, by its own monotonic clock, counted from when it *sent* the last renewal
//!   that succeeded. That is earlier than anybody can have seen it.
//! - Each change of the Lease is made on the version that was seen, so that of two only one succeeds.
//!
//! Between the two times lie 5 s by default: clocks may differ in rate by half. A process that was stopped finds its time
//! passed when it goes on. What remains: a clock that stands still while a machine sleeps, and a Lease that somebody deletes.
//!
//! ```
//! use ferrolb_lease::{Config, Election, Input, Output, Record, Request, Lease};
//! use ferrolb_types::Instant;
//!
//! let mut election = Election::new(Config::default(), "pod-1", 7);
//! let mut out = Vec::new();
//! election.handle(Instant::ZERO, Input::Tick, &mut out);
//! assert!(matches!(&out[..], [Output::Send { request: Request::Get, .. }]));
//!
//! out.clear();
//! election.handle(Instant::ZERO, Input::Read(None), &mut out);
//! let [Output::Send { request: Request::Create(claim), .. }] = &out[..] else { unreachable!() };
//!
//! // What the API server then holds.
//! let record = Record { holder: claim.holder.clone(), duration: claim.duration, renewed: "now".into(),
//!                       acquired: "now".into(), transitions: claim.transitions };
//! let stored = Lease { version: "1".into(), record };
//! election.handle(Instant::from_millis(5), Input::Written(stored), &mut out);
//! assert!(election.may_write(Instant::from_millis(9_999)));
//! assert!(!election.may_write(Instant::from_millis(10_000)));
//! ```

mod config;
mod election;
mod record;

pub use config::{Config, ConfigError};
pub use election::{Election, Input, Loss, Output, Request, Standing};
pub use record::{Claim, Lease, Record};
