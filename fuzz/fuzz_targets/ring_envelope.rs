#![no_main]

#[path = "../entry/ring_envelope.rs"]
mod ring_envelope;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ring_envelope::run(data));
