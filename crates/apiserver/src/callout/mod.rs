//! Calls to webhooks: HTTPS to an address that a configuration names, with a bound on time, size and number.
//!
//! There are no Services to route to, so every `service` reference leads to the one address of
//! [`crate::Options::webhook_address`], and the certificate must be for `SERVICE.NAMESPACE.svc`, as in a cluster. What is
//! asked, and what an answer means, is the business of `admission` and `convert`.

mod call;
mod endpoint;

pub(crate) use call::Caller;
pub(crate) use endpoint::{ClientConfig, Endpoint};
