#![no_main]

#[path = "../entry/bfd_session.rs"]
mod bfd_session;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bfd_session::run(data));
