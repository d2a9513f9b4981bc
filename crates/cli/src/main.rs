//! The `ferrolb` binary.
fn main() {}
