//! The container image, written as an OCI layout without any container tool.
//!
//! ```text
//!   DIRECTORY/oci-layout
//!   DIRECTORY/index.json ──▶ three references that share the layer and differ in the entry point:
//!                            ferrolb (/ferrolb), controller (/controller), speaker (/speaker)
//!   DIRECTORY/blobs/sha256/  the layer, and a configuration and a manifest for each reference
//! ```
//!
//! The last two let the image stand in for MetalLB's own two, whose pods give arguments but no command. Times, owners
//! and order are fixed: the same binary gives the same bytes.

mod layer;
mod layout;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{binary, repository};
use layout::Layout;

/// References and their entry points.
const REFERENCES: &[(&str, &str)] = &[
    ("ferrolb", "/ferrolb"),
    ("controller", "/controller"),
    ("speaker", "/speaker"),
];

/// Builds the binary and writes the layout, by default to `image/` in cargo's target directory.
pub(crate) fn run(directory: Option<&Path>) -> Result<()> {
    let binary = binary::build()?;
    let directory: PathBuf = match directory {
        Some(directory) => directory.to_path_buf(),
        None => repository::target_directory()?.join("image"),
    };
    let program = fs::read(&binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let licence = fs::read(repository::root().join("LICENSE")).context("cannot read LICENSE")?;
    let size = write(&directory, &program, &licence)?;
    println!(
        "image: {} ({:.1} MiB compressed)",
        directory.display(),
        size as f64 / f64::from(1 << 20)
    );
    Ok(())
}

/// Writes the whole layout and returns the size of the layer in bytes.
fn write(directory: &Path, program: &[u8], licence: &[u8]) -> Result<usize> {
    let layer = layer::build(program, licence)?;
    let mut layout = Layout::create(directory)?;
    for (reference, entry_point) in REFERENCES {
        layout.add(reference, entry_point, &layer)?;
    }
    layout.finish()?;
    Ok(layer.compressed.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(all_files(&path));
            } else {
                let bytes = fs::read(&path).unwrap();
                found.push((path, bytes));
            }
        }
        found.sort();
        found
    }

    #[test]
    fn the_same_binary_gives_the_same_bytes() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(one.path(), b"program", b"licence").unwrap();
        write(two.path(), b"program", b"licence").unwrap();
        let relative = |root: &Path| -> Vec<(PathBuf, Vec<u8>)> {
            let strip =
                |(path, bytes): (PathBuf, Vec<u8>)| (path.strip_prefix(root).unwrap().to_path_buf(), bytes);
            all_files(root).into_iter().map(strip).collect()
        };
        assert_eq!(relative(one.path()), relative(two.path()));
    }

    #[test]
    fn blobs_are_named_by_their_digest_and_every_reference_is_there() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), b"program", b"licence").unwrap();
        for (path, bytes) in all_files(&directory.path().join("blobs/sha256")) {
            assert_eq!(
                path.file_name().unwrap().to_str().unwrap(),
                layout::digest(&bytes)
            );
        }
        let index: serde_json::Value =
            serde_json::from_slice(&fs::read(directory.path().join("index.json")).unwrap()).unwrap();
        let names: Vec<&str> = index["manifests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| {
                m["annotations"]["org.opencontainers.image.ref.name"]
                    .as_str()
                    .unwrap()
            })
            .collect();
        assert_eq!(names, ["ferrolb", "controller", "speaker"]);
    }

    #[test]
    fn an_older_layout_in_the_directory_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), b"old program", b"licence").unwrap();
        write(directory.path(), b"new program", b"licence").unwrap();
        let fresh = tempfile::tempdir().unwrap();
        write(fresh.path(), b"new program", b"licence").unwrap();
        assert_eq!(all_files(directory.path()).len(), all_files(fresh.path()).len());
    }
}
