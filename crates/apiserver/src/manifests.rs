//! Manifests: objects from files, applied at start and whenever the files change.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ferrolb_types::ObjectKey;
use serde_json::Value;
use tokio::time::Duration;

use crate::error::ApiError;
use crate::object::{key_of, meta_mut};
use crate::ops::Sub;
use crate::server::{ApiServer, kind_of, namespace_of};

/// Owner of the fields that manifests say.
const MANAGER: &str = "ferrolb-manifests";

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Documents in one file.
const MAX_DOCUMENTS: usize = 10_000;

/// Largest file.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// What applying an object did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It did not exist.
    Created,
    /// It was changed.
    Changed,
    /// It was as the manifest says already; nothing was written.
    Unchanged,
}

/// What became of one document.
#[derive(Clone, Debug)]
pub struct Report {
    /// The file.
    pub file: PathBuf,
    /// `Kind namespace/name`; empty if the file itself cannot be read.
    pub object: String,
    /// What was done, or why not.
    pub result: Result<Applied, String>,
}

impl ApiServer {
    /// Makes an object as the manifest says: creates it, or merges it into what is there (server-side apply).
    ///
    /// # Errors
    /// What a client would be told.
    pub fn apply_manifest(&self, manifest: Value) -> Result<Applied, ApiError> {
        self.apply_as(MANAGER, manifest)
    }

    pub(crate) fn apply_as(&self, manager: &str, mut manifest: Value) -> Result<Applied, ApiError> {
        // Manifests that were read from a cluster carry what only the server says.
        let meta = meta_mut(&mut manifest);
        for field in [
            "managedFields",
            "resourceVersion",
            "uid",
            "creationTimestamp",
            "generation",
        ] {
            meta.remove(field);
        }
        let mut options = self.shared.own_write();
        options.manager = manager.to_owned();
        self.shared.write(|core| {
            let resource = kind_of(core, &manifest)?;
            let name = key_of(&manifest).name;
            let key = ObjectKey::new(namespace_of(&resource, &manifest), name);
            let before = core.store.get(&resource.id, &key).map(|o| o.version);
            let apply = crate::patch::Apply {
                resource: &resource,
                config: manifest,
                sub: Sub::Main,
                options: &options,
                force: true,
            };
            let outcome = core.update(&resource, &key, Sub::Main, &apply, &options)?;
            Ok(match before {
                None => Applied::Created,
                Some(version) if version == outcome.object.version => Applied::Unchanged,
                Some(_) => Applied::Changed,
            })
        })
    }

    /// Applies every document of every `.yaml`, `.yml` and `.json` file in `dir`, definitions and namespaces first.
    ///
    /// # Errors
    /// If the directory cannot be read; what is wrong with a file or an object is in its report.
    pub fn apply_manifests(&self, dir: &Path) -> io::Result<Vec<Report>> {
        Ok(self.apply_files(files(dir)?.into_keys()))
    }

    fn apply_files(&self, files: impl Iterator<Item = PathBuf>) -> Vec<Report> {
        let mut reports = Vec::new();
        let mut documents = Vec::new();
        for file in files {
            match read_documents(&file) {
                Ok(found) => documents.extend(found.into_iter().map(|d| (file.clone(), d))),
                Err(why) => reports.push(Report {
                    file,
                    object: String::new(),
                    result: Err(why),
                }),
            }
        }
        documents.sort_by_key(|(_, object)| rank(object));
        for (file, object) in documents {
            reports.push(Report {
                file,
                object: format!("{} {}", object["kind"].as_str().unwrap_or("?"), key_of(&object)),
                result: self.apply_manifest(object).map_err(|e| e.message),
            });
        }
        reports
    }

    /// Applies the manifests of `dir` again whenever a file is added or changes, until `shutdown` is done. An object
    /// whose document goes away stays.
    ///
    /// `report` is told about every document that was not left unchanged. Whatever is in the directory when this is
    /// called counts as new.
    pub async fn follow_manifests(
        &self,
        dir: &Path,
        mut report: impl FnMut(Report),
        shutdown: impl Future<Output = ()>,
    ) {
        tokio::pin!(shutdown);
        let mut known = BTreeMap::new();
        let mut readable = true;
        loop {
            match files(dir) {
                Ok(found) => {
                    readable = true;
                    let changed = found
                        .iter()
                        .filter(|(file, stamp)| known.get(*file) != Some(*stamp));
                    let changed: Vec<PathBuf> = changed.map(|(file, _)| file.clone()).collect();
                    let reports = self.apply_files(changed.into_iter());
                    let news = reports.into_iter().filter(|r| r.result != Ok(Applied::Unchanged));
                    news.for_each(&mut report);
                    known = found;
                }
                Err(error) if readable => {
                    readable = false;
                    report(Report {
                        file: dir.to_owned(),
                        object: String::new(),
                        result: Err(format!("the directory cannot be read: {error}")),
                    });
                }
                Err(_) => {}
            }
            tokio::select! {
                () = &mut shutdown => return,
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }
}

/// When a file was changed last, and its size.
type Stamp = (Option<SystemTime>, u64);

/// The manifest files of a directory, by name.
fn files(dir: &Path) -> io::Result<BTreeMap<PathBuf, Stamp>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|e| e.to_str());
        let is_hidden = path
            .file_name()
            .is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
        let is_manifest = matches!(extension, Some("yaml" | "yml" | "json")) && !is_hidden;
        // A file that went away in between is none.
        if let (true, Ok(data)) = (is_manifest, fs::metadata(&path))
            && data.is_file()
        {
            found.insert(path, (data.modified().ok(), data.len()));
        }
    }
    Ok(found)
}

fn read_documents(file: &Path) -> Result<Vec<Value>, String> {
    let size = fs::metadata(file).map_err(|e| e.to_string())?.len();
    if size > MAX_BYTES {
        return Err(format!("the file has {size} bytes, at most {MAX_BYTES} are read"));
    }
    let text = fs::read_to_string(file).map_err(|e| e.to_string())?;
    parse_manifests(&text)
}

/// Reads YAML or JSON documents; the items of a `List` stand for themselves, empty documents are left out.
///
/// # Errors
/// Where the text is no YAML, or holds something else than objects.
pub fn parse_manifests(text: &str) -> Result<Vec<Value>, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_documents: MAX_DOCUMENTS },
    };
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|e| e.to_string())?;
    let mut objects = Vec::new();
    for document in documents {
        match document {
            Value::Null => {}
            Value::Object(mut map) if map.get("kind").is_some_and(|k| k == "List") => {
                if let Some(Value::Array(items)) = map.remove("items") {
                    objects.extend(items);
                }
            }
            Value::Object(map) => objects.push(Value::Object(map)),
            _ => return Err("a document is no object".to_owned()),
        }
    }
    Ok(objects)
}

/// What others need comes first.
fn rank(object: &Value) -> u8 {
    match object["kind"].as_str() {
        Some("CustomResourceDefinition") => 0,
        Some("Namespace") => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use serde_json::json;

    fn server() -> ApiServer {
        ApiServer::new(Options::default()).unwrap()
    }

    #[test]
    fn applying_a_manifest_again_writes_nothing() {
        let server = server();
        let pool = json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": {"name": "p", "namespace": "metallb-system"}, "spec": {"addresses": ["192.0.2.0/24"]}});
        assert_eq!(server.apply_manifest(pool.clone()), Ok(Applied::Created));
        let version = server.version();
        assert_eq!(server.apply_manifest(pool.clone()), Ok(Applied::Unchanged));
        assert_eq!(server.version(), version);
        let mut more = pool;
        more["spec"]["addresses"] = json!(["192.0.2.0/25"]);
        assert_eq!(server.apply_manifest(more), Ok(Applied::Changed));
        let unknown =
            server.apply_manifest(json!({"apiVersion": "x/v1", "kind": "Y", "metadata": {"name": "z"}}));
        assert!(unknown.unwrap_err().message.contains("no matches for kind `Y`"));
    }

    #[test]
    fn files_are_applied_with_what_others_need_first_and_bad_ones_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
        write(
            "a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: shop}\n---\n---\nkind: List\nitems:\n- \
             {apiVersion: v1, kind: Namespace, metadata: {name: shop}}\n",
        );
        write("b.yml", "nonsense: [");
        write(
            "c.json",
            r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {}}"#,
        );
        write("ignored.txt", "x");
        let server = server();
        let reports = server.apply_manifests(dir.path()).unwrap();
        let shown: Vec<(String, bool)> = reports
            .iter()
            .map(|r| (r.object.clone(), r.result.is_ok()))
            .collect();
        let expected = [
            ("", false),
            ("Namespace shop", true),
            ("ConfigMap shop/c", true),
            ("Service s", false),
        ];
        assert_eq!(shown, expected.map(|(o, ok)| (o.to_owned(), ok)), "{reports:?}");
        assert!(server.get("configmaps", "shop", "c").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_changed_file_is_applied_and_others_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.yaml");
        let manifest =
            |v: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: c}}, data: {{k: {v}}}}}");
        fs::write(&file, manifest("one")).unwrap();
        let server = server();
        let (reports, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let (follower, path) = (server.clone(), dir.path().to_owned());
        let task = tokio::spawn(async move {
            let report = move |r: Report| drop(reports.send(r));
            follower
                .follow_manifests(&path, report, core::future::pending())
                .await;
        });
        assert_eq!(seen.recv().await.unwrap().result, Ok(Applied::Created));
        fs::write(&file, manifest("another")).unwrap();
        assert_eq!(seen.recv().await.unwrap().result, Ok(Applied::Changed));
        assert_eq!(
            server.get("configmaps", "default", "c").unwrap()["data"]["k"],
            "another"
        );
        task.abort();
    }
}
