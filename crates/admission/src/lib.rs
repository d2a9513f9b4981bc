//! What the webhooks answer, and when their certificates change (api-and-config section 4, controller 12).
//!
//! What it is not: no server, no client, no key, no clock. It turns a request and what the API server holds into an
//! answer, and what a Secret holds and the time into the next step of a rotation.
//!
//! ```text
//!   AdmissionReview ──▶ Review::first_look ─▶ Answered ───────────────────────────┐
//!                               │                                                 ▼
//!                               └─▶ Needs ──(whoever can reads)──▶ judge ──▶ Verdict ──▶ AdmissionReview
//!   ConversionReview ──▶ conversion::answer ──▶ ConversionReview
//!   what the Secret holds, now ──▶ rotation::plan ──▶ Step, and when to look again
//! ```
//!
//! ```
//! use ferrolb_admission::{FirstLook, Kind, Review};
//! use ferrolb_api::Rules;
//! use serde_json::json;
//!
//! let review = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
//!     "uid": "1", "operation": "CREATE", "namespace": "elsewhere",
//!     "object": { "metadata": { "name": "a", "namespace": "elsewhere" }, "spec": { "addresses": [] } } } });
//! let review = Review::parse(Kind::IpAddressPool, review.to_string().as_bytes())?;
//! let rules = Rules { namespace: "metallb-system".into(), ..Rules::default() };
//! let FirstLook::Answered(verdict) = review.first_look(&rules) else { unreachable!() };
//! assert!(!verdict.is_allowed());
//! # Ok::<(), ferrolb_admission::Malformed>(())
//! ```

pub mod conversion;
mod judge;
mod kind;
mod review;
pub mod rotation;
mod verdict;

pub use judge::{Existing, FirstLook, Needs};
pub use kind::Kind;
pub use review::{Malformed, Operation, Review};
pub use verdict::{Cause, Refusal, Verdict};
