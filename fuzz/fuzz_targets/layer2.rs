#![no_main]

#[path = "../entry/layer2.rs"]
mod layer2;

libfuzzer_sys::fuzz_target!(|data: &[u8]| layer2::run(data));
