//! A target on its committed corpus, as an ordinary test: what was found once stays found.

use std::path::Path;

use ferrolb_types::SplitMix64;

/// Runs `entry` on every file of the corpus of `target`, and on so many `mutants` of each: the same ones every time.
pub(crate) fn every_file(target: &str, entry: fn(&[u8]), mutants: u64) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut files: Vec<_> = std::fs::read_dir(corpus)
        .expect("the corpus is there")
        .map(|entry| entry.expect("a directory can be read").path())
        .collect();
    files.sort();
    assert!(files.len() > 4, "the corpus of `{target}` is not there");
    for file in files {
        println!("{}", file.display());
        let bytes = std::fs::read(file).expect("a file can be read");
        entry(&bytes);
        for seed in 0..mutants {
            entry(&mutant(&bytes, &mut SplitMix64::new(seed)));
        }
    }
}

/// The same with some octets changed, cut out or doubled.
fn mutant(bytes: &[u8], random: &mut SplitMix64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let length = u32::try_from(bytes.len()).expect("a small file");
        let at = random.below(length.max(1)) as usize;
        let octet = random.next_u64().to_be_bytes()[0];
        match random.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, octet),
            2 => bytes.extend_from_within(at..),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = octet;
                }
            }
        }
    }
    bytes
}
