//! The fuzz targets on their committed corpora: what was found once stays found.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

#[path = "../../../fuzz/entry/manifest.rs"]
mod manifest;
#[path = "../../../fuzz/entry/resolve.rs"]
mod resolve;

use std::path::Path;

/// Gives every file of a target's corpus to it.
fn run_corpus(target: &str, run: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut files: Vec<_> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 10, "the corpus is not there");
    for file in files {
        println!("{}", file.display());
        run(&std::fs::read(file).unwrap());
    }
}

#[test]
fn every_file_of_the_corpus_of_manifest_passes() {
    run_corpus("manifest", manifest::run);
}

#[test]
fn every_file_of_the_corpus_of_resolve_passes() {
    run_corpus("resolve", resolve::run);
}
