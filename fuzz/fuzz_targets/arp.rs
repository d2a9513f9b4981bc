#![no_main]

#[path = "../entry/arp.rs"]
mod arp;

libfuzzer_sys::fuzz_target!(|data: &[u8]| arp::run(data));
