//! `docs/reference/reasons.md`, from the table of reason words.

use std::fmt::Write as _;

use ferrolb_api::Reason;
use ferrolb_api::reason::{self, Group};

use crate::generated::Page;

/// The page.
pub(crate) const PAGE: Page = Page {
    path: "docs/reference/reasons.md",
    source: "crates/api/src/reason.rs",
    render,
};

const INTRODUCTION: &str = "\
# Reasons

Whatever FerroLB refuses, leaves undone or takes back carries one of these words. They are part of the interface: they are
never renamed, and scripts may match them. `ferrolb explain WORD` prints the same on the command line, in any case of the
letters; `ferrolb explain svc/NAME` says which of them hold for one Service.
";

fn render() -> anyhow::Result<String> {
    let mut out = INTRODUCTION.to_owned();
    for group in Group::ALL {
        write!(out, "\n## {}\n\nSeen in {}.\n", group.title(), group.seen_in())?;
        for reason in reason::ALL.iter().filter(|reason| reason.group() == group) {
            write!(out, "\n{}", entry(*reason))?;
        }
    }
    Ok(out)
}

fn entry(reason: Reason) -> String {
    let text = format!(
        "### {}\n\n{}.\n\n**What to do:** {}.\n",
        reason.word(),
        capitalised(reason.meaning()),
        reason.remedy()
    );
    match reason.example() {
        "" => text,
        example => format!("{text}\n```text\n{example}\n```\n"),
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
