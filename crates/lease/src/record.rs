//! What a Lease says (`coordination.k8s.io/v1`).

use core::time::Duration;

/// A stored Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// `metadata.resourceVersion`.
    pub version: Box<str>,
    /// Its `spec`.
    pub record: Record,
}

/// `spec` of a Lease. Its times are another's wall clock: they are compared for being different, never with a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// `holderIdentity`; empty: nobody holds it.
    pub holder: Box<str>,
    /// `leaseDurationSeconds`; zero where it is absent or makes no sense.
    pub duration: Duration,
    /// `acquireTime`, as text.
    pub acquired: Box<str>,
    /// `renewTime`, as text.
    pub renewed: Box<str>,
    /// `leaseTransitions`.
    pub transitions: u32,
}

/// What shall be written; the time of the renewal is that of writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `holderIdentity`; empty gives the Lease back.
    pub holder: Box<str>,
    /// `leaseDurationSeconds`, whole seconds.
    pub duration: Duration,
    /// `acquireTime`, if it stays; else the time of writing.
    pub acquired: Option<Box<str>>,
    /// `leaseTransitions`.
    pub transitions: u32,
}
