//! The commands, one file each.

pub(crate) mod check;
pub(crate) mod completion;
pub(crate) mod controller;
pub(crate) mod convert;
pub(crate) mod crds;
pub(crate) mod demo;
pub(crate) mod doctor;
mod election;
pub(crate) mod explain;
mod findings;
mod input;
pub(crate) mod plan;
mod process;
pub(crate) mod reference;
pub(crate) mod speaker;
pub(crate) mod standalone;
pub(crate) mod status;
pub(crate) mod version;
mod webhook;
