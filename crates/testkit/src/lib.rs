//! Builders, golden files and processes for tests; never shipped
