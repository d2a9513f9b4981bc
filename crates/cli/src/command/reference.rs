//! `ferrolb reference`: the page `docs/reference/cli.md`, from the definitions that parse the command line.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::{Arg, Command};

use crate::args::{Cli, groups};
use crate::output;

const INTRODUCTION: &str = "\
# Commands

`ferrolb` is one binary with several commands. Called as `controller` or `speaker` (the name of the file or of a link to it),
it runs that command. Data goes to standard output, messages to standard error; `-o json` and `-o yaml` print what `text`
shows, complete. With `NO_COLOR` set nothing is coloured. A reader that closes the pipe early is no error.

| Exit status | Meaning |
|---|---|
| 0 | done |
| 1 | the command failed, or found a problem of severity `error` |
| 2 | wrong usage, unreadable file, or YAML that does not parse |
| 130 | interrupted a second time while stopping |
";

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    output::print(&render())?;
    Ok(ExitCode::SUCCESS)
}

fn render() -> String {
    let mut cli = Cli::grouped();
    cli.build();
    let mut out = INTRODUCTION.to_owned();
    for (heading, names) in groups() {
        let _infallible = write!(out, "\n## {heading}\n");
        for command in names.iter().filter_map(|name| cli.find_subcommand(name)) {
            out.push_str(&section(command));
        }
    }
    out
}

fn section(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut out = format!(
        "\n### ferrolb {}\n\n{about}.\n\n```text\n{usage}\n```\n",
        command.get_name()
    );
    for heading in headings(command) {
        if let Some(heading) = heading {
            let _infallible = write!(out, "\n{heading}:\n");
        }
        out.push_str("\n| Argument | Environment | Default | |\n|---|---|---|---|\n");
        for arg in shown(command).filter(|arg| arg.get_help_heading() == heading) {
            out.push_str(&row(arg));
        }
    }
    if let Some(after) = command.get_after_help() {
        let _infallible = write!(out, "\n```text\n{after}\n```\n");
    }
    out
}

/// What the command itself takes; help and version are the same for all.
fn shown(command: &Command) -> impl Iterator<Item = &Arg> {
    let own = |arg: &&Arg| !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version");
    command.get_arguments().filter(own)
}

/// Headings in the order of the help, arguments without one first.
fn headings(command: &Command) -> Vec<Option<&str>> {
    let mut headings: Vec<Option<&str>> = shown(command).map(Arg::get_help_heading).collect();
    headings.sort_by_key(Option::is_some);
    headings.dedup();
    headings
}

fn row(arg: &Arg) -> String {
    let environment = arg
        .get_env()
        .map(|name| code(&name.to_string_lossy()))
        .unwrap_or_default();
    let defaults = arg
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy());
    let default = defaults
        .filter(|value| !value.is_empty())
        .map(|value| code(&value))
        .collect::<Vec<_>>()
        .join(", ");
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values = possible_values(arg);
    format!(
        "| {} | {environment} | {default} | {}{values} |\n",
        code(&spelling(arg)),
        help.replace('|', "\\|")
    )
}

/// `-o`, `--output <OUTPUT>` or `[KIND]...`, without what the page says elsewhere.
fn spelling(arg: &Arg) -> String {
    let text = arg.to_string();
    match arg.get_short().filter(|_| arg.get_long().is_some()) {
        Some(short) => format!("-{short}, {text}"),
        None => text,
    }
}

fn possible_values(arg: &Arg) -> String {
    let takes_some = arg.get_action().takes_values() && !arg.is_hide_possible_values_set();
    let values = arg.get_possible_values();
    if !takes_some || values.is_empty() {
        return String::new();
    }
    let described = values
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| match value.get_help() {
            Some(help) => format!(
                "{} ({})",
                code(value.get_name()),
                help.to_string().trim_end_matches('.')
            ),
            None => code(value.get_name()),
        });
    format!(": {}", described.collect::<Vec<_>>().join("; "))
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_of_every_command_is_on_the_page() {
        let page = render();
        for command in Cli::grouped()
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
        {
            assert!(
                page.contains(&format!("### ferrolb {}\n", command.get_name())),
                "{command}"
            );
            for arg in shown(command) {
                let name = arg
                    .get_long()
                    .map_or_else(|| arg.to_string(), |long| format!("--{long}"));
                assert!(page.contains(&name.replace('|', "\\|")), "{command}: {name}");
            }
        }
    }
}
