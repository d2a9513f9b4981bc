#![no_main]

#[path = "../entry/mld.rs"]
mod mld;

libfuzzer_sys::fuzz_target!(|data: &[u8]| mld::run(data));
