#![no_main]

#[path = "../entry/bfd_packet.rs"]
mod bfd_packet;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bfd_packet::run(data));
