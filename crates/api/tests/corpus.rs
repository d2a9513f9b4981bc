//! The fuzz target `resolve` on its committed corpus: what was found once stays found.

#[path = "../../../fuzz/entry/resolve.rs"]
mod resolve;

use std::path::Path;

#[test]
fn every_file_of_the_corpus_passes() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/resolve");
    let mut files: Vec<_> = std::fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 10, "the corpus is not there");
    for file in files {
        println!("{}", file.display());
        resolve::run(&std::fs::read(file).unwrap());
    }
}
