#![no_main]

#[path = "../entry/ring_machine.rs"]
mod ring_machine;

use libfuzzer_sys::Corpus;

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> Corpus {
    if data.len() > ring_machine::MOST_OCTETS {
        return Corpus::Reject;
    }
    ring_machine::run(data);
    Corpus::Keep
});
