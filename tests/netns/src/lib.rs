//! The harness of the `netns` tier: real kernel network stacks in private namespaces, with real programs as
//! judges.
//!
//! What it is not: a test double. Nothing is simulated; a test that needs a feature that this kernel lacks
//! prints a skip.
//!
//! ```text
//!   Segment (a switch: one namespace with a bridge)
//!     ├── Host "n1"      eth0 02:00:00:00:00:01  10.77.0.1/24  fd77::1/64
//!     ├── Host "n2"      eth0 02:00:00:00:00:02  10.77.0.2/24  fd77::2/64
//!     └── Host "client"  eth0 02:00:00:00:00:03  10.77.0.3/24  fd77::3/64
//!   Capture, Tcpdump ── what a host hears;   wait::until ── a condition with a deadline
//! ```
//!
//! ```no_run
//! use ferrolb_tests_netns::{Segment, in_private_network};
//!
//! // In a `#[test]` function:
//! in_private_network(|| {
//!     let segment = Segment::new(&["n1", "client"])?;
//!     assert!(segment.host("n1").link()?.carrier);
//!     Ok(())
//! });
//! ```
//!
//! Everything lives in namespaces without names, and in processes that the kernel kills with the test's
//! thread: a test that fails, panics or is killed leaves nothing behind.

pub mod capture;
pub mod cpu;
pub mod frame;
pub mod heard;
pub mod judge;
pub mod kubernetes;
pub mod owners;
pub mod port;
pub mod privilege;
pub mod process;
pub mod segment;
pub mod speaker;
pub mod storm;
pub mod wait;

pub use capture::{Capture, CapturedFrame};
pub use kubernetes::Kubernetes;
pub use owners::{Finding, Owners};
pub use privilege::{in_private_network, skip, skip_without};
pub use process::{Process, Tcpdump};
pub use segment::{Host, Segment, SegmentBuilder};
pub use speaker::RunningSpeaker;
