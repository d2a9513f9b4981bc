#![no_main]

#[path = "../entry/ring_machine.rs"]
mod ring_machine;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ring_machine::run(data));
