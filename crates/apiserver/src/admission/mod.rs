//! Validating webhooks: others are asked before something is stored.
//!
//! ```text
//!   ops: draft ──▶ which webhooks does it concern? ──none──▶ commit
//!   (locked)  │    (locked: `webhook`, `matching`)
//!             └──some──▶ ask all at once (`review`, `ask`; not locked) ──all allow──▶ commit, unless the object
//!                                             └─ one denies ▶ refused          changed meanwhile ▶ draft anew
//! ```
//!
//! What is honoured: rules, `matchPolicy`, both selectors, `failurePolicy`, `timeoutSeconds`, `caBundle`,
//! warnings, and either form of address (see `callout`). Conditions in CEL (`matchConditions`) are refused when the
//! configuration is written. There are no mutating webhooks: their configurations are not served at all.
//!
//! What the embedding program writes itself (`ApiServer::create`, manifests) is not reviewed.

mod ask;
mod matching;
mod review;
mod webhook;

pub(crate) use ask::ask;
pub(crate) use matching::{Attributes, Operation};
pub(crate) use review::{Review, Subject};
pub(crate) use webhook::{Webhook, check, webhooks};

/// The collection of the configurations.
pub(crate) const CONFIGURATIONS: &str = "validatingwebhookconfigurations.admissionregistration.k8s.io";
