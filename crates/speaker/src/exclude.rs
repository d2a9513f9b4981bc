//! Interfaces never to announce on (layer2 6.2, file `excludel2.yaml`).

use std::io;
use std::path::{Path, PathBuf};

use ferrolb_types::InterfaceName;
use regex::RegexSet;
use serde::Deserialize;

/// The file is read once at start and is small; anything larger is a mistake.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Names that the expressions of the file match, unanchored; nothing when there is no file.
#[derive(Clone, Debug, Default)]
pub struct ExcludedInterfaces(Option<RegexSet>);

/// The content of the file; other keys belong to other programs.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExclusionFile {
    #[serde(default)]
    announced_interfaces_to_exclude: Vec<String>,
}

/// Why the file cannot be used. The reference ends at start, too: announcing where it was forbidden is worse.
#[derive(Debug, thiserror::Error)]
pub enum ExclusionError {
    /// It is there but cannot be read.
    #[error("cannot read the exclusion file `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It is no YAML of the expected form.
    #[error(
        "the exclusion file `{path}` is not valid: {message}; it holds one key `announcedInterfacesToExclude`, a list of regular expressions"
    )]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The cause.
        message: String,
    },
    /// One expression does not compile, or all together are too large.
    #[error("the exclusion file `{path}` holds an expression that does not compile: {message}")]
    Expression {
        /// The file.
        path: PathBuf,
        /// The cause.
        message: String,
    },
}

impl ExcludedInterfaces {
    /// Excludes what any of `expressions` matches somewhere in the name.
    ///
    /// # Errors
    /// The first expression that does not compile.
    pub fn new(expressions: &[String]) -> Result<Self, regex::Error> {
        Ok(Self(Some(RegexSet::new(expressions)?)))
    }

    /// Reads the file; a missing one excludes nothing.
    ///
    /// # Errors
    /// [`ExclusionError`] when it is there but cannot be used.
    pub fn read(path: &Path) -> Result<Self, ExclusionError> {
        match read_bounded(path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ExclusionError::Read {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ExclusionError> {
        let syntax = |e: serde_saphyr::Error| ExclusionError::Syntax {
            path: path.to_owned(),
            message: e.to_string(),
        };
        let file: ExclusionFile = serde_saphyr::from_str(text).map_err(syntax)?;
        Self::new(&file.announced_interfaces_to_exclude).map_err(|e| ExclusionError::Expression {
            path: path.to_owned(),
            message: e.to_string(),
        })
    }

    /// Whether nothing may be announced on `name`.
    #[must_use]
    pub fn contains(&self, name: &InterfaceName) -> bool {
        self.0.as_ref().is_some_and(|set| set.is_match(name.as_str()))
    }
}

fn read_bounded(path: &Path) -> io::Result<String> {
    let size = std::fs::metadata(path)?.len();
    if size > MAX_FILE_BYTES {
        let message = format!("it has {size} bytes, more than the {MAX_FILE_BYTES} that it may have");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    std::fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ExcludedInterfaces, ExclusionError> {
        ExcludedInterfaces::parse(Path::new("excludel2.yaml"), text)
    }

    #[test]
    fn expressions_match_anywhere_in_the_name() {
        let excluded = parse("announcedInterfacesToExclude: ['^veth.*', 'cni']").unwrap();
        assert!(excluded.contains(&"veth1234".into()));
        assert!(excluded.contains(&"my-cni0".into()));
        assert!(!excluded.contains(&"eth0".into()));
    }

    #[test]
    fn a_missing_file_excludes_nothing() {
        let excluded = ExcludedInterfaces::read(Path::new("/nonexistent/excludel2.yaml")).unwrap();
        assert!(!excluded.contains(&"lo".into()));
    }

    #[test]
    fn a_file_that_cannot_be_used_says_which_and_why() {
        let error = parse("announcedInterfacesToExclude: ['(']").unwrap_err();
        assert!(matches!(&error, ExclusionError::Expression { .. }));
        assert!(error.to_string().contains("excludel2.yaml"), "{error}");
        assert!(matches!(
            parse("announcedInterfacesToExclude: 7"),
            Err(ExclusionError::Syntax { .. })
        ));
    }
}
