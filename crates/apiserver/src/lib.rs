//! The in-memory Kubernetes API server
pub mod auth;
mod error;
mod faults;
mod fields;
mod history;
pub mod http;
mod kinds;
mod managed;
mod object;
mod ops;
mod options;
mod patch;
mod random;
mod requests;
mod rules;
mod schema;
mod selector;
mod server;
mod service;
mod store;
mod table;
mod time;

pub use error::{ApiError, Cause, Details};
pub use faults::{Fault, Faults, Target};
pub use options::{Clock, Options};
pub use requests::{Request, Verb};
pub use server::ApiServer;
