//! Reads manifests: YAML or JSON, many documents in a file, directories, standard input.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Bytes of one file.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Events of the parser that aliases of one document may repeat.
const MAX_REPEATED: usize = 20_000;

/// Where a document was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The file, or `-`.
    pub(crate) file: String,
    /// Counted from 1, empty documents included.
    pub(crate) document: usize,
    /// The document's first line, counted from 1.
    pub(crate) line: usize,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}`, document {}, line {}",
            self.file, self.document, self.line
        )
    }
}

/// A document and what it was read from.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) source: Source,
    pub(crate) value: Value,
    /// As it is written, without the lines that separate documents.
    pub(crate) text: String,
}

/// Input that cannot be used at all; exit status 2.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error("cannot read `{file}`: {source}")]
    Read { file: String, source: std::io::Error },
    #[error("{source_}: not valid YAML: {message}")]
    Syntax { source_: Source, message: String },
    #[error("`{file}` holds no manifest: a directory is searched for `.yaml`, `.yml` and `.json`")]
    EmptyDirectory { file: String },
}

/// Reads everything that `paths` name, in their order; directories in the order of the names in them.
pub(crate) fn read(paths: &[PathBuf]) -> Result<Vec<Document>, ManifestError> {
    let mut documents = Vec::new();
    for path in paths {
        for file in files(path)? {
            let text = read_text(&file)?;
            parse(&file.display().to_string(), &text, &mut documents)?;
        }
    }
    Ok(documents)
}

/// The documents of a text that lies in no file.
pub(crate) fn documents(text: &str) -> Result<Vec<Value>, ManifestError> {
    let mut documents = Vec::new();
    parse("-", text, &mut documents)?;
    Ok(documents.into_iter().map(|document| document.value).collect())
}

fn files(path: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |source| ManifestError::Read {
        file: path.display().to_string(),
        source,
    };
    let entries = std::fs::read_dir(path).map_err(failed)?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(failed)?.path();
        let extension = file.extension().and_then(|e| e.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json")) && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(ManifestError::EmptyDirectory {
            file: path.display().to_string(),
        });
    }
    Ok(files)
}

fn read_text(path: &Path) -> Result<String, ManifestError> {
    let failed = |source| ManifestError::Read {
        file: path.display().to_string(),
        source,
    };
    let source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(path).map_err(failed)?)
    };
    read_bounded(source, MAX_BYTES).map_err(failed)
}

/// What is longer than `limit` is refused: a plan of one part would look like a plan of all.
fn read_bounded(source: impl Read, limit: u64) -> std::io::Result<String> {
    let mut text = String::new();
    let length = source.take(limit + 1).read_to_string(&mut text)?;
    if length as u64 > limit {
        let message = format!("it is longer than {limit} bytes; give it in parts");
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

fn parse(file: &str, text: &str, out: &mut Vec<Document>) -> Result<(), ManifestError> {
    for (index, (line, text)) in split(text).into_iter().enumerate() {
        let source = Source {
            file: file.to_owned(),
            document: index + 1,
            line,
        };
        match value(&text) {
            Ok(Value::Null) => {}
            Ok(value) => out.push(Document { source, value, text }),
            Err(error) if is_blank(&text) => drop(error),
            Err(error) => return Err(syntax(source, &error)),
        }
    }
    Ok(())
}

fn value(document: &str) -> Result<Value, Box<serde_saphyr::Error>> {
    // JSON is YAML too, but what a cluster dumps is large, and the parser of JSON is faster by far.
    if document.trim_start().starts_with('{')
        && let Ok(value) = serde_json::from_str(document)
    {
        return Ok(value);
    }
    // The size of the input is bounded, and so is what aliases make of it: far more than manifests repeat, far less than
    // what ten lines of nested aliases can ask for.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
            max_total_comment_bytes: usize::MAX,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPEATED,
        },
    };
    serde_saphyr::from_str_with_options(document, options).map_err(Box::new)
}

/// Names the line of the file, not of the document.
fn syntax(mut source: Source, error: &serde_saphyr::Error) -> ManifestError {
    let before = source.line - 1;
    if let Some(line) = error.location().and_then(|at| usize::try_from(at.line()).ok()) {
        source.line = before + line;
    }
    let message = error.render_with_options(serde_saphyr::render_options! {
        line_offset: before as u64,
        source_name: Some(&source.file),
    });
    ManifestError::Syntax {
        source_: source,
        message,
    }
}

/// Documents with their first lines. A line of three dashes ends a document wherever it stands (YAML 1.2, 9.1.2).
fn split(text: &str) -> Vec<(usize, String)> {
    let mut documents = vec![(1, String::new())];
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let marker = line.trim_end();
        if marker == "---" || marker.starts_with("--- ") {
            documents.push((number + 1, String::new()));
        } else if let Some((_, document)) = documents.last_mut() {
            document.push_str(line);
        }
    }
    // A file may begin with a marker.
    if documents.len() > 1 && is_blank(&documents[0].1) {
        documents.remove(0);
    }
    documents
}

/// Only comments and white space.
fn is_blank(document: &str) -> bool {
    document
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Document>, ManifestError> {
        let mut out = Vec::new();
        parse("f.yaml", text, &mut out).map(|()| out)
    }

    #[test]
    fn input_over_the_bound_is_refused_and_not_cut() {
        assert_eq!(read_bounded(&b"a: 1\n"[..], 5).unwrap(), "a: 1\n");
        let error = read_bounded(&b"a: 12\n"[..], 5).unwrap_err().to_string();
        assert!(error.contains("longer than 5 bytes"), "{error}");
    }

    #[test]
    fn documents_know_where_they_begin() {
        let documents = parsed("---\na: 1\n---\n# nothing\n---\nb: 2\n").unwrap();
        let places: Vec<_> = documents
            .iter()
            .map(|d| (d.source.document, d.source.line))
            .collect();
        assert_eq!(places, [(1, 2), (3, 6)]);
    }

    #[test]
    fn json_is_read_too() {
        assert_eq!(
            parsed("{\"a\": [1]}").unwrap()[0].value,
            serde_json::json!({ "a": [1] })
        );
    }

    #[test]
    fn a_document_that_does_not_parse_is_named() {
        let error = parsed("a: 1\n---\nb: [\n").unwrap_err().to_string();
        assert!(
            error.starts_with("`f.yaml`, document 2, line 3: not valid YAML: "),
            "{error}"
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_an_error() {
        assert!(parsed("a: 1\na: 2\n").is_err());
    }

    #[test]
    fn aliases_repeat_and_do_not_explode() {
        let level = |n: u32| {
            format!(
                "a{}: &a{} [{}]\n",
                n + 1,
                n + 1,
                vec![format!("*a{n}"); 10].join(",")
            )
        };
        let bomb = |levels| "a0: &a0 x\n".to_owned() + &(0..levels).map(level).collect::<String>();
        assert!(parsed(&bomb(3)).is_ok());
        let error = parsed(&bomb(6)).unwrap_err().to_string();
        assert!(error.contains("alias"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(&["/nonexistent/x.yaml".into()]).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/x.yaml"), "{error}");
    }
}
