//! The vocabulary that every other crate speaks: addresses, prefixes and ranges, MAC addresses, names of
//! Kubernetes objects, labels and selectors, and a monotonic [`Instant`] that can be stored and replayed.
//!
//! What it is not: it decides nothing, reads no clock, opens no socket and knows no Kubernetes object. Parsing
//! follows the rules that users of the reference depend on (Go's address syntax), see [`address`].
//!
//! ```text
//!   types ◀── wire ◀── l2            every arrow is a dependency; nothing here depends on
//!     ▲ ▲                            anything of this project
//!     │ └──── api ◀── ipam, plan
//!     └────── driver, netio, kube …
//! ```
//!
//! ```
//! use ferrolb_types::{IpFamily, IpRange};
//!
//! let range: IpRange = "192.0.2.10 - 192.0.2.13".parse()?;
//! assert_eq!(range.family(), IpFamily::V4);
//! let prefixes: Vec<String> = range.prefixes().iter().map(ToString::to_string).collect();
//! assert_eq!(prefixes, ["192.0.2.10/31", "192.0.2.12/31"]);
//! # Ok::<(), ferrolb_types::AddressError>(())
//! ```

pub mod address;
pub mod asn;
pub mod instant;
pub mod labels;
pub mod mac;
pub mod name;
pub mod random;
pub mod selector;

pub use address::{AddressError, IpFamily, IpRange};
pub use asn::Asn;
pub use instant::Instant;
pub use ipnet::{IpNet, Ipv4Net, Ipv6Net};
pub use labels::Labels;
pub use mac::MacAddr;
pub use name::{InterfaceIndex, InterfaceName, NamespaceName, NodeName, ObjectKey, PoolName};
pub use random::SplitMix64;
pub use selector::{Selector, SelectorError};
