#![no_main]

#[path = "../entry/ndp.rs"]
mod ndp;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ndp::run(data));
