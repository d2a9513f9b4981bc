#![no_main]

#[path = "../entry/resolve.rs"]
mod resolve;

libfuzzer_sys::fuzz_target!(|data: &[u8]| resolve::run(data));
