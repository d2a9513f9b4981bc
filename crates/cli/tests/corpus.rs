//! Fuzz targets `manifest`, `resolve` on their committed corpora.

#[path = "../../../fuzz/entry/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/entry/manifest.rs"]
mod manifest;
#[path = "../../../fuzz/entry/resolve.rs"]
mod resolve;

#[test]
fn every_file_of_the_corpus_of_manifest_passes() {
    corpus::every_file("manifest", manifest::run, 0);
}

#[test]
fn every_file_of_the_corpus_of_resolve_passes() {
    corpus::every_file("resolve", resolve::run, 0);
}
