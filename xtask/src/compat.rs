//! `docs/compatibility.md` says of everything that MetalLB has how it is here, and which test shows it.
//!
//! ```text
//!   | `IPAddressPool spec.addresses` | better (how) | `crates/api/tests/meaning.rs::a_test` |
//!     what there is                     same, better (how), differs (why)
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::{crd, repository};

const PAGE: &str = "docs/compatibility.md";
/// Where every error id is listed.
const IDS: &str = "crates/api/tests/refusals/ids.rs";
/// Where every flag is listed with its variable of the environment.
const COMMANDS: &str = "docs/reference/cli.md";
/// Where every annotation is listed.
const ANNOTATIONS: &str = "crates/api/src/annotations.rs";

/// Chapters that go statement by statement, and the sections of the specification of which each must say something. Where the
/// statement is not of the specification, the words stand for its source.
const CHAPTERS: [(&str, &[&str]); 3] = [
    (
        "Allocation",
        &[
            "4.1.1", "4.1.2", "4.2.1", "4.2.2", "4.2.3", "4.2.7", "4.2.8", "4.2.12", "4.2.14", "4.3.3",
            "4.4", "5", "6.1", "7.1", "7.2", "8.1", "8.2", "8.3", "8.4", "8.5", "8.6", "9", "13", "15.2.1",
            "15.2.7", "15.3",
        ],
    ),
    (
        "Membership",
        &[
            "1.1", "1.2", "5.1", "5.2", "5.3", "5.4", "5.5", "5.6", "9", "watch", "RFC 5880",
        ],
    ),
    (
        "Layer 2",
        &[
            "1.2", "2.2", "2.3", "3.1", "3.2", "3.3", "3.4", "3.5", "4", "6.2", "6.3", "6.4", "6.5", "6.6",
            "6.7", "7", "8", "9", "10.1",
        ],
    ),
];

/// Fails when something is missing in the page, a cell is empty, or a test does not exist.
pub(crate) fn run() -> Result<()> {
    let root = repository::root();
    let read =
        |path: &str| fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"));
    let rows = rows(&read(PAGE)?);
    let mut problems: Vec<String> = rows.iter().filter_map(Row::complaint).collect();
    let mut needed = needed(&read(IDS)?)?;
    needed.extend(flags(&read(COMMANDS)?));
    needed.extend(annotations(&read(ANNOTATIONS)?));
    problems.extend(missing(&rows, &needed));
    problems.extend(silent_sections(&rows));
    problems.extend(repeated(&rows));
    problems.extend(unknown_tests(&rows, &root));
    if !problems.is_empty() {
        bail!("{PAGE}:\n  {}", problems.join("\n  "));
    }
    println!("compat: {} rows", rows.len());
    Ok(())
}

/// One row of a table.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    line: usize,
    /// The heading of the second level that it is under.
    chapter: String,
    item: String,
    verdict: String,
    tests: String,
}

impl Row {
    /// What the row is about: what stands in its first backticks.
    fn subject(&self) -> &str {
        self.item.split('`').nth(1).unwrap_or_default()
    }

    /// The tests that it names, like `crates/api/tests/meaning.rs::a_test`.
    fn tests(&self) -> impl Iterator<Item = &str> {
        self.tests.split('`').skip(1).step_by(2)
    }

    /// What is wrong with the row by itself.
    fn complaint(&self) -> Option<String> {
        let explained = ["better (", "differs ("];
        let has_verdict = self.verdict == "same"
            || (self.verdict.ends_with(')') && explained.iter().any(|v| self.verdict.starts_with(v)));
        let what = if self.subject().is_empty() {
            "the first cell names nothing in backticks"
        } else if !has_verdict {
            "say `same`, `better (how)` or `differs (why)`"
        } else if self.tests().next().is_none() {
            "name a test, like `crates/api/tests/meaning.rs::a_test`"
        } else {
            return None;
        };
        Some(format!("line {}: {}: {what}", self.line, self.item))
    }
}

/// The rows of every table of three columns, without headings.
fn rows(page: &str) -> Vec<Row> {
    let (mut rows, mut chapter) = (Vec::new(), "");
    let lines: Vec<&str> = page.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        chapter = line.strip_prefix("## ").unwrap_or(chapter);
        let is_rule = |l: &&&str| l.starts_with("|--");
        if !line.starts_with('|') || is_rule(&line) || lines.get(index + 1).filter(is_rule).is_some() {
            continue;
        }
        let mut cells = line
            .trim_matches('|')
            .split(" | ")
            .map(|cell| cell.trim().to_owned());
        let mut next = || cells.next().unwrap_or_default();
        rows.push(Row {
            line: index + 1,
            chapter: chapter.to_owned(),
            item: next(),
            verdict: next(),
            tests: next(),
        });
    }
    rows
}

/// What must be there: every field of every version of every kind, and every error id.
fn needed(ids: &str) -> Result<BTreeSet<String>> {
    let mut needed: BTreeSet<String> = ids
        .split('"')
        .filter(|text| is_id(text))
        .map(str::to_owned)
        .collect();
    for version in crd::versions()? {
        needed.insert(version.title());
        needed.extend(
            version
                .fields()
                .iter()
                .map(|field| format!("{} {}", version.title(), field.path)),
        );
    }
    Ok(needed)
}

/// `controller --port` for each flag of the two processes, and the variables that are their defaults.
fn flags(page: &str) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for section in page.split("\n### ferrolb ").skip(1) {
        let command = section.lines().next().unwrap_or_default();
        for row in section
            .lines()
            .filter(|line| matches!(command, "controller" | "speaker") && line.starts_with("| `--"))
        {
            let mut cells = row
                .trim_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().trim_matches('`'));
            let flag = cells.next().unwrap_or_default();
            let flag = flag.split([' ', '[', '=']).next().unwrap_or_default();
            needed.insert(format!("{command} {flag}"));
            needed.extend(
                cells
                    .next()
                    .filter(|variable| !variable.is_empty())
                    .map(str::to_owned),
            );
        }
    }
    needed
}

/// The values of the constants; one that ends with a slash is a prefix.
fn annotations(source: &str) -> impl Iterator<Item = String> + '_ {
    let constants = source.lines().filter(|line| line.starts_with("pub const "));
    let values = constants.filter_map(|line| line.split('"').nth(1));
    values.filter(|value| !value.ends_with('/')).map(str::to_owned)
}

/// Like `A-17`, `M-12n` or `L-xn`.
fn is_id(text: &str) -> bool {
    let Some((family, number)) = text.split_once('-') else {
        return false;
    };
    family.len() == 1
        && family.bytes().all(|b| b.is_ascii_uppercase())
        && (2..=3).contains(&number.len())
        && number
            .bytes()
            .all(|b| b.is_ascii_digit() || b == b'x' || b == b'n')
}

fn missing(rows: &[Row], needed: &BTreeSet<String>) -> Vec<String> {
    let there: BTreeSet<&str> = rows.iter().map(Row::subject).collect();
    let missing = needed.iter().filter(|item| !there.contains(item.as_str()));
    missing.map(|item| format!("`{item}` has no row")).collect()
}

fn silent_sections(rows: &[Row]) -> Vec<String> {
    let speaks = |chapter: &str, section: &str| {
        let mut of_chapter = rows.iter().filter(|row| row.chapter == chapter);
        // `3.1` and `3.1.6` speak of section 3.1; `3.10` does not.
        of_chapter.any(|row| {
            let rest = row.subject().strip_prefix(section);
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
        })
    };
    let sections = CHAPTERS
        .iter()
        .flat_map(|(chapter, sections)| sections.iter().map(move |section| (*chapter, *section)));
    sections
        .filter(|(chapter, section)| !speaks(chapter, section))
        .map(|(chapter, section)| format!("chapter `{chapter}` has no row about `{section}`"))
        .collect()
}

/// A statement that has two verdicts has none.
fn repeated(rows: &[Row]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let statements = rows
        .iter()
        .filter(|row| CHAPTERS.iter().any(|(chapter, _)| row.chapter == *chapter));
    statements
        .filter(|row| !seen.insert((&row.chapter, row.subject())))
        .map(|row| format!("line {}: `{}` has a row already", row.line, row.subject()))
        .collect()
}

fn unknown_tests(rows: &[Row], root: &Path) -> Vec<String> {
    let mut sources: BTreeMap<&str, String> = BTreeMap::new();
    let mut problems = Vec::new();
    for row in rows {
        for test in row.tests() {
            let (path, name) = test.rsplit_once("::").unwrap_or((test, ""));
            let source = sources
                .entry(path)
                .or_insert_with(|| fs::read_to_string(root.join(path)).unwrap_or_default());
            if !has_function(source, name) {
                problems.push(format!("line {}: there is no test `{test}`", row.line));
            }
        }
    }
    problems
}

fn has_function(source: &str, name: &str) -> bool {
    !name.is_empty() && source.contains(&format!("fn {name}("))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_the_processes_and_their_variables_are_needed() {
        let page = "\n### ferrolb controller\n\n| `--port <PORT>` |  | `7472` | x |\n\
                    | `--quiet[=<BOOL>]` | `QUIET` |  | x |\n\n### ferrolb plan\n\n| `--node <NAME>` |  |  | x |\n";
        let needed: Vec<String> = flags(page).into_iter().collect();
        assert_eq!(needed, ["QUIET", "controller --port", "controller --quiet"]);
    }

    #[test]
    fn annotations_are_needed_and_prefixes_are_not() {
        let source = "pub const A: &str = \"x.io/a\";\npub const P: &str = \"x.io/\";\n// \"not this\"\n";
        assert_eq!(annotations(source).collect::<Vec<_>>(), ["x.io/a"]);
    }

    const PAGE: &str = "# Title\n\n| Item | Verdict | Test |\n|---|---|---|\n| `A-17` short | same | `a.rs::b`, `c.rs::d` |\n\
                        | `X y` | differs (why) | |\n| z | worse | |\n";

    #[test]
    fn rows_are_read_without_headings() {
        let rows = rows(PAGE);
        assert_eq!(
            rows.iter().map(Row::subject).collect::<Vec<_>>(),
            ["A-17", "X y", ""]
        );
        assert_eq!(rows[0].tests().collect::<Vec<_>>(), ["a.rs::b", "c.rs::d"]);
        assert_eq!(rows[0].line, 5);
    }

    #[test]
    fn a_row_needs_a_subject_a_verdict_and_a_test() {
        let row = |item: &str, verdict: &str, tests: &str| Row {
            line: 1,
            chapter: String::new(),
            item: item.to_owned(),
            verdict: verdict.to_owned(),
            tests: tests.to_owned(),
        };
        for (verdict, tests, is_fine) in [
            ("same", "`a::b`", true),
            ("better (much)", "`a::b`", true),
            ("not yet (x)", "", false),
            ("not yet (x)", "`a::b`", false),
            ("differs (x)", "none yet", false),
            ("same", "", false),
            ("better", "`a::b`", false),
            ("", "`a::b`", false),
        ] {
            assert_eq!(
                row("`x`", verdict, tests).complaint().is_none(),
                is_fine,
                "{verdict} {tests}"
            );
        }
        assert!(row("x", "same", "`a::b`").complaint().is_some());
    }

    #[test]
    fn a_section_of_which_a_chapter_says_nothing_is_named() {
        let page = "## Layer 2\n| a | b | c |\n|---|---|---|\n| `3.1.6 x` | same | `a::b` |\n| `3.20` | same | `a::b` |\n\
                    ## Other\n| a | b | c |\n|---|---|---|\n| `3.3` | same | `a::b` |\n";
        let silent = silent_sections(&rows(page));
        let about = |section: &str| format!("chapter `Layer 2` has no row about `{section}`");
        let is_silent = ["3.1", "3.2", "3.3"].map(|section| silent.contains(&about(section)));
        assert_eq!(is_silent, [false, true, true]);
    }

    #[test]
    fn a_statement_has_one_row() {
        let page = "## Layer 2\n| a | b | c |\n|---|---|---|\n| `4` | same | `a::b` |\n| `4` | same | `a::b` |\n\
                    ## Other\n| a | b | c |\n|---|---|---|\n| `4` | same | `a::b` |\n| `4` | same | `a::b` |\n";
        assert_eq!(repeated(&rows(page)), ["line 5: `4` has a row already"]);
    }

    #[test]
    fn what_has_no_row_is_named() {
        let needed = ["A-17", "A-18"].map(str::to_owned).into();
        assert_eq!(missing(&rows(PAGE), &needed), ["`A-18` has no row"]);
    }

    #[test]
    fn ids_are_told_from_other_texts() {
        for id in ["A-17", "M-12n", "L-xn", "M-2xn"] {
            assert!(is_id(id), "{id}");
        }
        for text in ["AB-17", "a-17", "A-", "A-1", "A17", "A-17b", "x"] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn a_test_is_found_by_its_whole_name() {
        assert!(has_function("fn a_test() {}", "a_test"));
        assert!(!has_function("fn a_test_more() {}", "a_test"));
        assert!(!has_function("fn () {}", ""));
    }
}
