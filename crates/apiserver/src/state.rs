//! Everything in one file, so that it survives a restart.
//!
//! The file is JSON lines: a head with the version counter, then one object per line. It is written beside its place
//! and moved there, so that it is always whole.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Duration, Instant};

use crate::object::{Stored, key_of};
use crate::options::Options;
use crate::server::ApiServer;
use crate::store::CollectionId;

/// First field of the head.
const FORMAT: &str = "ferrolb-apiserver-state/1";

/// The counter goes on this far after the one that was saved. Versions that were given after the last save are so
/// never given again, and every watch from before the restart is told to list anew.
const RESTART_GAP: u64 = 1 << 20;

/// Changes are saved together for so long.
const PAUSE: Duration = Duration::from_millis(300);

/// At most one part in so many of the time is spent on saving.
const SHARE: u32 = 10;

#[derive(Serialize, Deserialize)]
struct Head {
    format: String,
    version: u64,
}

#[derive(Deserialize)]
struct Line {
    resource: String,
    object: Value,
}

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It cannot be read.
    #[error("state file `{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line is not what it must be.
    #[error("line {line} of state file `{path}` is damaged: {why}; move the file away to start anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The server cannot be set up.
    #[error(transparent)]
    Server(#[from] crate::ApiError),
}

impl ApiServer {
    /// A server with the state of `path`; a fresh one if there is no such file.
    ///
    /// Namespaces and CRDs of the options that are missing in the state are added, CRDs are brought up to date.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged; what [`ApiServer::new`] refuses.
    pub fn with_state(options: Options, path: &Path) -> Result<Self, StateError> {
        let server = Self::unseeded(options);
        match File::open(path) {
            Ok(file) => server.load(BufReader::new(file), path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => {
                let path = path.to_owned();
                return Err(StateError::Read { path, source });
            }
        }
        server.seed()?;
        Ok(server)
    }

    fn load(&self, file: BufReader<File>, path: &Path) -> Result<(), StateError> {
        let damaged = |line: usize, why: String| StateError::Damaged {
            path: path.to_owned(),
            line,
            why,
        };
        let mut version = None;
        for (i, line) in file.lines().enumerate() {
            let line = line.map_err(|source| StateError::Read {
                path: path.to_owned(),
                source,
            })?;
            if version.is_none() {
                version = Some(head(&line).map_err(|why| damaged(i + 1, why))?);
                continue;
            }
            let line: Line = serde_json::from_str(&line).map_err(|e| damaged(i + 1, e.to_string()))?;
            self.restore(line).map_err(|why| damaged(i + 1, why))?;
        }
        let version = version.ok_or_else(|| damaged(1, "the file is empty".to_owned()))?;
        self.shared
            .write(|core| core.store.restored_at(version.saturating_add(RESTART_GAP)));
        Ok(())
    }

    fn restore(&self, line: Line) -> Result<(), String> {
        let given = line.object["metadata"]["resourceVersion"].as_str();
        let version = given
            .and_then(|v| v.parse().ok())
            .ok_or("the object has no `resourceVersion`")?;
        let key = key_of(&line.object);
        if key.name.is_empty() {
            return Err("the object has no name".to_owned());
        }
        let id: CollectionId = line.resource.into();
        self.shared
            .write(|core| core.restore(&id, key, version, line.object));
        Ok(())
    }

    /// Writes everything to `path`; the answer is the version that was saved.
    ///
    /// # Errors
    /// What the system says; the file that was there is then as it was.
    pub fn save_state(&self, path: &Path) -> io::Result<u64> {
        let (version, objects) = self.shared.read(|core| (core.store.version(), core.store.all()));
        let beside = beside(path);
        let result = write(&beside, version, &objects).and_then(|()| fs::rename(&beside, path));
        if result.is_err() {
            // Nothing is lost if the leftover cannot be removed either.
            let _removed = fs::remove_file(&beside);
        }
        result.map(|()| version)
    }

    /// Saves to `path` after every change, and a last time when `shutdown` is done. Failures are logged and retried
    /// with the next change.
    ///
    /// # Errors
    /// If the last save fails.
    pub async fn keep_state(&self, path: &Path, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        tokio::pin!(shutdown);
        let (mut saved, mut pause) = (0, PAUSE);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                _ = self.changed_since(saved) => {}
            }
            // Changes come in groups; they are saved together.
            tokio::select! {
                () = &mut shutdown => break,
                () = tokio::time::sleep(pause) => {}
            }
            let started = Instant::now();
            saved = match self.save_aside(path).await {
                Ok(version) => version,
                Err(error) => {
                    tracing::error!(%error, path = %path.display(), "state not saved");
                    self.version()
                }
            };
            pause = PAUSE.max(started.elapsed() * SHARE);
        }
        self.save_aside(path).await.map(drop)
    }

    async fn save_aside(&self, path: &Path) -> io::Result<u64> {
        let (server, path) = (self.clone(), path.to_owned());
        let saved = tokio::task::spawn_blocking(move || server.save_state(&path)).await;
        saved.map_err(io::Error::other)?
    }
}

fn head(line: &str) -> Result<u64, String> {
    let head: Head = serde_json::from_str(line).map_err(|e| e.to_string())?;
    if head.format != FORMAT {
        return Err(format!("its format is `{}`, expected `{FORMAT}`", head.format));
    }
    Ok(head.version)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn write(path: &Path, version: u64, objects: &[(CollectionId, Arc<Stored>)]) -> io::Result<()> {
    let mut file = BufWriter::new(private_file(path)?);
    let head = Head {
        format: FORMAT.to_owned(),
        version,
    };
    serde_json::to_writer(&mut file, &head)?;
    file.write_all(b"\n")?;
    for (id, object) in objects {
        write!(file, "{{\"resource\":{},\"object\":", Value::from(&**id))?;
        file.write_all(&object.json())?;
        file.write_all(b"}\n")?;
    }
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()
}

/// Secrets are in it: nobody else may read it.
fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn service(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}})
    }

    #[test]
    fn everything_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let before = ApiServer::with_state(Options::default(), &path).unwrap();
        before.create(service("web")).unwrap();
        let version = before.save_state(&path).unwrap();
        let after = ApiServer::with_state(Options::default(), &path).unwrap();
        assert_eq!(
            after.get("services", "default", "web"),
            before.get("services", "default", "web")
        );
        assert!(after.version() > version, "versions are never given again");
        let other = after.create(service("other")).unwrap();
        assert_eq!(
            (
                &other["spec"]["clusterIP"],
                &other["spec"]["ports"][0]["nodePort"]
            ),
            (&json!("10.96.0.3"), &json!(30001)),
            "what the restored Service holds stays taken"
        );
        for kind in ["namespaces", "customresourcedefinitions.apiextensions.k8s.io"] {
            assert_eq!(
                after.objects(kind),
                before.objects(kind),
                "{kind} were written anew"
            );
        }
    }

    #[test]
    fn a_damaged_file_is_refused_by_line_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let head = format!("{{\"format\":\"{FORMAT}\",\"version\":1}}\n");
        for (content, line) in [
            (String::new(), 1),
            ("{}\n".to_owned(), 1),
            (
                format!("{head}{{\"resource\":\"services\",\"object\":{{}}}}\n"),
                2,
            ),
            (format!("{head}nonsense\n"), 2),
        ] {
            fs::write(&path, &content).unwrap();
            match ApiServer::with_state(Options::default(), &path) {
                Err(StateError::Damaged { line: found, .. }) => assert_eq!(found, line, "{content}"),
                other => panic!("{content}: {other:?}"),
            }
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[tokio::test]
    async fn the_last_change_is_saved_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let server = ApiServer::new(Options::default()).unwrap();
        server.create(service("web")).unwrap();
        server.keep_state(&path, async {}).await.unwrap();
        let loaded = ApiServer::with_state(Options::default(), &path).unwrap();
        assert!(loaded.get("services", "default", "web").is_some());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no leftover");
    }
}
