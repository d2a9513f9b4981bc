//! Files of an OCI image layout (image-spec 1.1, `image-layout.md`, `manifest.md`, `config.md`).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::layer::Layer;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A layout that is being written.
pub(super) struct Layout {
    directory: PathBuf,
    manifests: Vec<Value>,
}

impl Layout {
    /// Begins a layout in `directory`; blobs of an older one go.
    pub(super) fn create(directory: &Path) -> Result<Self> {
        let blobs = directory.join("blobs");
        if blobs.exists() {
            // Never delete a directory that only happens to have this name.
            if !directory.join("oci-layout").exists() {
                bail!("{} exists and is no OCI layout", directory.display());
            }
            fs::remove_dir_all(&blobs).with_context(|| format!("cannot replace {}", blobs.display()))?;
        }
        fs::create_dir_all(blobs.join("sha256"))
            .with_context(|| format!("cannot create {}", blobs.display()))?;
        Ok(Self {
            directory: directory.to_path_buf(),
            manifests: Vec::new(),
        })
    }

    /// Adds an image of this layer that runs `entry_point`, under the name `reference`.
    pub(super) fn add(&mut self, reference: &str, entry_point: &str, layer: &Layer) -> Result<()> {
        let config = self.put_json(CONFIG, &config(entry_point, layer))?;
        let blob = self.put(LAYER, &layer.compressed)?;
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [blob] });
        let mut entry = self.put_json(MANIFEST, &manifest)?;
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": reference });
        entry["platform"] = json!({ "architecture": architecture(), "os": "linux" });
        self.manifests.push(entry);
        Ok(())
    }

    /// Writes the two files that make the directory a layout.
    pub(super) fn finish(self) -> Result<()> {
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": self.manifests });
        fs::write(self.directory.join("index.json"), serde_json::to_vec(&index)?)?;
        fs::write(
            self.directory.join("oci-layout"),
            r#"{"imageLayoutVersion":"1.0.0"}"#,
        )?;
        Ok(())
    }

    fn put_json(&self, media_type: &str, value: &Value) -> Result<Value> {
        self.put(media_type, &serde_json::to_vec(value)?)
    }

    /// Stores a blob and returns its descriptor.
    fn put(&self, media_type: &str, bytes: &[u8]) -> Result<Value> {
        let digest = digest(bytes);
        let path = self.directory.join("blobs/sha256").join(&digest);
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": bytes.len() }))
    }
}

fn config(entry_point: &str, layer: &Layer) -> Value {
    json!({
        "created": "1970-01-01T00:00:00Z",
        "architecture": architecture(),
        "os": "linux",
        "config": {
            "Entrypoint": [entry_point],
            "Env": ["PATH=/"],
            "WorkingDir": "/",
            "Labels": {
                "org.opencontainers.image.title": "ferrolb",
                "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", digest(&layer.archive))] },
    })
}

/// The architecture by the name that Go and therefore the image specification has for it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
