//! Runs a pure machine on tokio or on a thread of its own; the only reader of the clock
