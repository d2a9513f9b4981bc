//! What reason words mean.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use ferrolb_api::Reason;
use ferrolb_api::reason::{self, Group};
use serde::Serialize;

use crate::args::Format;
use crate::output;
use crate::table::table;

/// How many words are suggested.
const MAX_SUGGESTIONS: usize = 3;
/// From 0 (nothing in common) to 1 (the same): what looks like a slip.
const SIMILAR: f64 = 0.75;

/// The document of `-o json` and `-o yaml`.
#[derive(Serialize)]
struct Reasons {
    reasons: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    word: &'static str,
    group: &'static str,
    seen_in: &'static str,
    meaning: &'static str,
    remedy: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    example: &'static str,
}

impl From<Reason> for Entry {
    fn from(reason: Reason) -> Self {
        Self {
            word: reason.word(),
            group: reason.group().title(),
            seen_in: reason.group().seen_in(),
            meaning: reason.meaning(),
            remedy: reason.remedy(),
            example: reason.example(),
        }
    }
}

/// Explains `word`, or lists every word if it is empty.
pub(super) fn run(word: &str, format: Format) -> anyhow::Result<ExitCode> {
    let word = word.trim();
    let found = if word.is_empty() {
        reason::ALL.to_vec()
    } else {
        matching(word)
    };
    if found.is_empty() {
        bail!("there is no reason `{word}`{}", suggestion(word));
    }
    let text = if word.is_empty() { overview } else { details };
    let reasons = found.iter().copied().map(Entry::from).collect();
    output::print_as(format, &Reasons { reasons }, |_| text(&found))?;
    Ok(ExitCode::SUCCESS)
}

/// Every reason of this name; problems come before what events and logs carry.
fn matching(word: &str) -> Vec<Reason> {
    let same = |reason: &&Reason| reason.word().eq_ignore_ascii_case(word);
    reason::ALL.iter().filter(same).copied().collect()
}

fn suggestion(word: &str) -> String {
    let near: Vec<String> = nearest(word).iter().map(|near| format!("`{near}`")).collect();
    match near.as_slice() {
        [] => "; `ferrolb explain` lists all words".to_owned(),
        [one] => format!("; did you mean {one}?"),
        [others @ .., last] => format!("; did you mean {} or {last}?", others.join(", ")),
    }
}

/// The words that `word` may have been meant for, the nearest first.
fn nearest(word: &str) -> Vec<&'static str> {
    let word = word.to_ascii_lowercase();
    let mut rated: Vec<(f64, &'static str)> = Vec::new();
    for candidate in reason::ALL.iter().map(|reason| reason.word()) {
        let lower = candidate.to_ascii_lowercase();
        let part = word.len() >= 4 && (lower.contains(&word) || word.contains(&lower));
        let rating = strsim::normalized_damerau_levenshtein(&word, &lower) + if part { 1.0 } else { 0.0 };
        if rating >= SIMILAR
            && !rated
                .iter()
                .any(|(_, known)| known.eq_ignore_ascii_case(candidate))
        {
            rated.push((rating, candidate));
        }
    }
    rated.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    rated.truncate(MAX_SUGGESTIONS);
    rated.into_iter().map(|(_, candidate)| candidate).collect()
}

/// All words with their meanings, by group.
fn overview(reasons: &[Reason]) -> String {
    let mut out = String::new();
    for group in Group::ALL {
        let of_group = reasons.iter().filter(|reason| reason.group() == group);
        let rows = of_group.map(|reason| [reason.word().to_owned(), reason.meaning().to_owned()]);
        let heading = group.title().to_uppercase();
        let _infallible = writeln!(out, "{}", table([&heading, "MEANING"], rows));
    }
    out + "`ferrolb explain WORD` says what to do.\n"
}

fn details(reasons: &[Reason]) -> String {
    let texts: Vec<String> = reasons.iter().map(|reason| detail(*reason)).collect();
    texts.join("\n")
}

fn detail(reason: Reason) -> String {
    let mut out = format!("{}\n", reason.word());
    let mut line = |label: &str, text: &str| {
        let _infallible = writeln!(out, "  {label:<9}{text}");
    };
    line("Means", reason.meaning());
    line("To do", reason.remedy());
    line("Seen in", reason.group().seen_in());
    let labels = ["Example"].into_iter().chain(std::iter::repeat(""));
    for (label, text) in labels.zip(reason.example().lines()) {
        line(label, text);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_and_a_part_of_a_word_lead_to_it() {
        assert_eq!(nearest("PoolExhuasted"), ["PoolExhausted"]);
        assert_eq!(nearest("exhausted"), ["PoolExhausted"]);
        assert_eq!(nearest("notowners"), ["notOwner"]);
        assert_eq!(nearest("xyzzy"), [""; 0]);
    }

    #[test]
    fn a_word_that_means_two_things_is_explained_twice() {
        let groups: Vec<Group> = matching("sharedipwithserviceselector")
            .iter()
            .map(|r| r.group())
            .collect();
        assert_eq!(groups, [Group::Advertisements, Group::Withdrawals]);
    }

    #[test]
    fn examples_keep_their_lines() {
        let text = detail(reason::SHARING_CONFLICT);
        assert!(
            text.contains("  Example  metadata:\n             annotations:\n"),
            "{text}"
        );
    }
}
