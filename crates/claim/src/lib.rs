//! When a speaker may claim addresses at all, and which of two that claim the same one gives way.
//!
//! The election (`plan`) names an owner from what a speaker knows. These parts say when it knows enough, and what to do when two
//! speakers know different things. Each is a machine without clock or socket.
//!
//! | Part | Question |
//! |---|---|
//! | [`Gate`] | has this speaker met the others, after its start and after it had no link? |
//! | [`Isolation`] | is it cut off from everybody, so that it had better be silent (`--isolation=stop`)? |
//! | [`Acquaintances`] | which speaker has this hardware address? |
//! | [`Rivals`] | which addresses are to be claimed once more, because another speaker claims them too? |
//!
//! What it is not: it elects nobody, and sends nothing.
//!
//! ```text
//!   ring ── who answers, who is there ──▶ Gate ──────────── opening ──▶ planner begins
//!   ring ── nobody is heard ──┐
//!   gateway ── answers ───────┴─────────▶ Isolation ─────── verdict ──▶ links are as if down
//!   ring ── members with their MACs ────▶ Acquaintances ─── who ──┐
//!   segment ── "another one claims it" ─────────── gives_way ◀────┴──▶ Rivals ── after a moment ──▶ announce again
//! ```
//!
//! ```
//! use ferrolb_claim::{Gate, Opening};
//! use ferrolb_types::Instant;
//!
//! let mut gate = Gate::closed();
//! assert_eq!(gate.check(Instant::ZERO), None, "who else is there?");
//! gate.be_alone();
//! assert_eq!(gate.check(Instant::ZERO), Some(Opening::Alone));
//! ```

mod acquaintances;
mod gate;
mod isolation;
mod rivals;

pub use acquaintances::{Acquaintances, Known, electable};
pub use gate::{Gate, Opening};
pub use isolation::{Isolation, OnIsolation, Step};
pub use rivals::{Rivals, gives_way};
