//! A kubeconfig from a file, as `kubectl` reads it.
//!
//! The client's library can read it, too, but straight from YAML into each of its types, which makes the program 300 KiB larger
//! than the way through untyped values that the other YAML here takes (docs/design/0013).

use std::fs;
use std::path::{MAIN_SEPARATOR, Path};

use kube::config::{Kubeconfig, KubeconfigError};
use serde::de::Error as _;
use serde_json::Value;

/// Fields of a cluster and of a user that name files, relative to the kubeconfig that they are in.
const CLUSTER_FILES: [&str; 1] = ["/certificate-authority"];
const USER_FILES: [&str; 3] = ["/client-certificate", "/client-key", "/tokenFile"];
/// The program that fetches a token. Without a slash in it, it is looked for in `PATH`.
const PROGRAM: &str = "/exec/command";

/// All documents of the file, merged; an empty file is an empty kubeconfig.
pub(super) fn read(path: &Path) -> Result<Kubeconfig, KubeconfigError> {
    let text = fs::read_to_string(path).map_err(|e| KubeconfigError::ReadConfig(e, path.to_owned()))?;
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text).map_err(|e| KubeconfigError::Parse(Box::new(e)))?;
    let directory = path.parent().unwrap_or(Path::new(""));
    documents
        .into_iter()
        .filter(|document| !document.is_null())
        .map(|document| typed(document, directory))
        .try_fold(Kubeconfig::default(), |merged, next| merged.merge(next?))
}

fn typed(mut document: Value, directory: &Path) -> Result<Kubeconfig, KubeconfigError> {
    make_absolute(&mut document, directory);
    serde_json::from_value(document)
        .map_err(|e| KubeconfigError::Parse(Box::new(serde_saphyr::Error::custom(e))))
}

fn make_absolute(document: &mut Value, directory: &Path) {
    for cluster in items(document, "clusters", "cluster") {
        CLUSTER_FILES
            .iter()
            .for_each(|file| settle(cluster, file, directory));
    }
    for user in items(document, "users", "user") {
        USER_FILES.iter().for_each(|file| settle(user, file, directory));
        let program = user.pointer(PROGRAM).and_then(Value::as_str);
        if program.is_some_and(|program| program.contains(MAIN_SEPARATOR)) {
            settle(user, PROGRAM, directory);
        }
    }
}

/// What the named items of a list hold.
fn items<'a>(document: &'a mut Value, list: &str, item: &'a str) -> impl Iterator<Item = &'a mut Value> {
    let list = document.get_mut(list).and_then(Value::as_array_mut);
    list.into_iter()
        .flatten()
        .filter_map(move |named| named.get_mut(item))
}

fn settle(item: &mut Value, pointer: &str, directory: &Path) {
    let Some(field) = item.pointer_mut(pointer) else {
        return;
    };
    let path = field.as_str().map(|file| directory.join(file));
    if let Some(absolute) = path.as_deref().and_then(Path::to_str) {
        *field = absolute.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
current-context: a
clusters:
- name: here
  cluster: { server: 'https://192.0.2.1:6443', certificate-authority: ca.crt }
users:
- name: me
  user: { client-certificate: /etc/me.crt, client-key: keys/me.key, exec: { command: bin/login, args: [x] } }
- name: cloud
  user: { tokenFile: token, exec: { command: login } }
---
current-context: b
contexts:
- name: a
  context: { cluster: here, user: me, namespace: shop }
";

    fn written(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config");
        fs::write(&path, text).unwrap();
        (directory, path)
    }

    /// The library reads the same, so nobody has to know of the difference.
    #[test]
    fn reads_what_the_library_reads_with_paths_beside_the_file() {
        for text in [TEXT, "", "{}", "clusters:\n", "users: [{name: x}]"] {
            let (_directory, path) = written(text);
            let ours = serde_json::to_value(read(&path).unwrap()).unwrap();
            let theirs = serde_json::to_value(Kubeconfig::read_from(&path).unwrap()).unwrap();
            assert_eq!(ours, theirs, "{text}");
        }
        let (directory, path) = written(TEXT);
        let read = serde_json::to_value(read(&path).unwrap()).unwrap();
        let expected = directory.path().join("keys/me.key");
        assert_eq!(read["users"][0]["user"]["client-key"], expected.to_str().unwrap());
        assert_eq!(read["users"][0]["user"]["client-certificate"], "/etc/me.crt");
        assert_eq!(read["users"][1]["user"]["exec"]["command"], "login");
    }

    #[test]
    fn what_is_no_kubeconfig_is_an_error_that_says_so() {
        for (text, words) in [
            ("clusters: 7", "invalid type: integer `7`, expected a sequence"),
            ("a: [", "line"),
            ("- a", "invalid type"),
        ] {
            let (_directory, path) = written(text);
            let error = read(&path).unwrap_err();
            let told = with_causes(&error);
            assert!(told.contains(words), "{text}: {told}");
        }
        assert!(matches!(
            read(Path::new("/nonexistent/config")),
            Err(KubeconfigError::ReadConfig(..))
        ));
    }

    /// An error with its causes.
    fn with_causes(error: &dyn std::error::Error) -> String {
        let causes = std::iter::successors(Some(error), |error| error.source());
        causes.map(|error| format!("{error}: ")).collect()
    }
}
