//! What is wrong with a node or a cluster, from facts, with what to do about it.
//!
//! [`traps`] finds the settings of a node that keep layer 2 from working although every object is right: a
//! speaker looks for them when it starts and when interfaces or addresses change, `ferrolb doctor` when it is asked.
//!
//! What it is not: it reads nothing. Interfaces and settings are read by `netio`, objects by `kube`; whoever asks puts them
//! together.
//!
//! ```text
//!   interfaces, settings, routes ──▶ Network ─┐
//!                                             ├──▶ traps ──▶ Trap: reason, Node or Service, what, where, what to do
//!   Services with addresses ──────────────────┘
//! ```
//!
//! ```
//! use ferrolb_diagnosis::{Interface, Network, Obstacle, Standing, traps};
//!
//! let eth0 = Interface { name: "eth0".into(), addresses: Default::default(), standing: Standing::Unusable(Obstacle::NoCarrier) };
//! let network = Network { node: "n1".into(), interfaces: vec![eth0] };
//! let found = traps(&network, []);
//! assert_eq!(found[0].reason.word(), "NoUsableInterface");
//! ```

mod check;
pub mod cluster;
mod host;
mod network;
pub mod roles;
pub mod status;
mod trap;

pub use check::{Area, Check, Outcome};
pub use host::inspect;
pub use network::{Interface, Network, Obstacle, Settings, Standing};
pub use trap::{About, Trap, traps};
