#![no_main]

#[path = "../entry/ring_message.rs"]
mod ring_message;

libfuzzer_sys::fuzz_target!(|data: &[u8]| ring_message::run(data));
