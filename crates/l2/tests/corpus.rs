//! The fuzz target `layer2` on its committed corpus.

#[path = "../../../fuzz/entry/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/entry/layer2.rs"]
mod layer2;

/// Changed copies of each file.
const MUTANTS: u64 = 300;

#[test]
fn scripts_of_links_and_frames() {
    corpus::every_file("layer2", layer2::run, MUTANTS);
}
