//! `ferrolb convert`.

use std::process::ExitCode;

use anyhow::ensure;
use serde_json::Value;

use crate::args::{ConvertArgs, ConvertFormat};
use crate::convert::{self, Conversion, Options};
use crate::manifest::{self, Document};
use crate::{locate, output};

const HEADER: &str = "# Made by ferrolb convert.\n";

pub(crate) fn run(args: &ConvertArgs) -> anyhow::Result<ExitCode> {
    let documents = manifest::read(&args.filename)?;
    let options = Options {
        namespace: &args.namespace,
        only_data: args.only_data,
    };
    let pairs: Vec<_> = documents
        .iter()
        .map(|d| (d.source.clone(), d.value.clone()))
        .collect();
    let mut conversion = convert::convert(&pairs, options);
    locate(&mut conversion, &documents);
    match args.output {
        ConvertFormat::Json => output::print(&(serde_json::to_string_pretty(&conversion)? + "\n"))?,
        ConvertFormat::Yaml => print(&conversion)?,
    }
    ensure!(!documents.is_empty(), "there is nothing to convert");
    Ok(if conversion.valid {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Moves each note from the beginning of its document to its field, where that is found.
fn locate(conversion: &mut Conversion, documents: &[Document]) {
    for note in conversion.notes.iter_mut().filter(|note| !note.field.is_empty()) {
        let is_of = |d: &&Document| d.source.file == note.file && d.source.document == note.document;
        let line = documents
            .iter()
            .find(is_of)
            .and_then(|d| locate::Map::of(&d.text).line(&note.field));
        note.line += line.map_or(0, |line| line.saturating_sub(1));
    }
}

fn print(conversion: &Conversion) -> anyhow::Result<()> {
    for note in &conversion.notes {
        output::say(note);
    }
    for problem in &conversion.problems {
        output::say(format_args!("of the result: {problem}"));
    }
    let documents: Result<Vec<String>, _> = conversion.objects.iter().map(document).collect();
    let documents = documents?;
    if documents.is_empty() {
        return Ok(());
    }
    output::print(&(HEADER.to_owned() + &documents.join("---\n")))
}

fn document(object: &Value) -> anyhow::Result<String> {
    let text = serde_saphyr::to_string(object)?;
    Ok(if text.ends_with('\n') { text } else { text + "\n" })
}
