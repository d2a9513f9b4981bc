//! The fuzz target `ring_machine` on its committed corpus.

#[path = "../../../fuzz/entry/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/entry/ring_machine.rs"]
mod ring_machine;

/// Changed copies of each file.
const MUTANTS: u64 = 300;

#[test]
fn scripts_of_strangers() {
    corpus::every_file("ring_machine", ring_machine::run, MUTANTS);
}
