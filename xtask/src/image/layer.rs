//! The one layer: the program, its two other names, and the directories that a read-only root cannot get later.

use std::io::{self, Write as _};

use anyhow::Result;
use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// A layer in both forms that an image needs.
pub(super) struct Layer {
    /// The archive itself; its digest goes into the configuration.
    pub(super) archive: Vec<u8>,
    /// The archive as it is stored.
    pub(super) compressed: Vec<u8>,
}

pub(super) fn build(program: &[u8], licence: &[u8]) -> Result<Layer> {
    let mut tar = Builder::new(Vec::new());
    for (name, mode) in [
        ("dev", 0o755),
        ("etc", 0o755),
        ("proc", 0o555),
        ("sys", 0o555),
        ("tmp", 0o1777),
    ] {
        append(&mut tar, EntryType::Directory, &format!("{name}/"), mode, &[])?;
    }
    append(&mut tar, EntryType::Regular, "LICENSE", 0o644, licence)?;
    append(&mut tar, EntryType::Regular, "ferrolb", 0o755, program)?;
    for name in ["controller", "speaker"] {
        tar.append_link(&mut header(EntryType::Symlink, 0o777, 0), name, "ferrolb")?;
    }
    let archive = tar.into_inner()?;
    let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    gzip.write_all(&archive)?;
    Ok(Layer {
        compressed: gzip.finish()?,
        archive,
    })
}

fn append(
    tar: &mut Builder<Vec<u8>>,
    kind: EntryType,
    path: &str,
    mode: u32,
    content: &[u8],
) -> io::Result<()> {
    tar.append_data(&mut header(kind, mode, content.len() as u64), path, content)
}

/// Owner, group and time stay zero.
fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_the_program_under_three_names_and_mount_points() {
        let layer = build(b"program", b"licence").unwrap();
        let mut archive = tar::Archive::new(layer.archive.as_slice());
        let mut names = Vec::new();
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let link = entry
                .link_name()
                .unwrap()
                .map(|to| format!(" -> {}", to.display()))
                .unwrap_or_default();
            names.push(format!("{}{link}", entry.path().unwrap().display()));
        }
        let expected = [
            "dev/",
            "etc/",
            "proc/",
            "sys/",
            "tmp/",
            "LICENSE",
            "ferrolb",
            "controller -> ferrolb",
            "speaker -> ferrolb",
        ];
        assert_eq!(names, expected);
    }
}
