//! The fuzz target `bfd_session` on its committed corpus.

#[path = "../../../fuzz/entry/bfd_session.rs"]
mod bfd_session;
#[path = "../../../fuzz/entry/corpus.rs"]
mod corpus;

/// Changed copies of each file.
const MUTANTS: u64 = 300;

#[test]
fn scripts_of_peers() {
    corpus::every_file("bfd_session", bfd_session::run, MUTANTS);
}
