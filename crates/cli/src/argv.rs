//! Makes one command line of the forms that users and manifests write.
//!
//! The reference's programs are called `controller` and `speaker` and take flags as Go's package `flag` does
//! (operations 6.1). So does this binary for the commands that run as processes: one dash or two, the value behind `=`
//! or as the next word whatever it looks like, booleans without a word of their own, and of a repeated flag the last
//! one. Other than with Go, a word that is no flag is refused instead of ending the flags silently.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::CommandFactory as _;

use crate::args::Cli;

/// Commands whose flags are written as for Go's package `flag`.
const GO_STYLE: [&str; 3] = ["controller", "speaker", "standalone"];

/// Puts the command's name first if the file name tells it (`/controller`), and writes Go-style flags as
/// `--name=value`.
pub fn normalise(argv: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut argv = argv.into_iter();
    let called = argv.next().unwrap_or_default();
    let mut rest: Vec<OsString> = argv.collect();
    if let Some(command) = command_of(&called) {
        rest.insert(0, command.into());
    }
    if let Some(command) = GO_STYLE.iter().find(|go| rest.first().is_some_and(|c| c == *go)) {
        let flags = rest.split_off(1);
        rest.extend(Flags::of(command).rewrite(flags));
    }
    rest.insert(0, "ferrolb".into());
    rest
}

fn command_of(called: &OsStr) -> Option<&'static str> {
    let name = Path::new(called).file_name()?;
    ["controller", "speaker"].into_iter().find(|c| name == *c)
}

/// The long flags of a command: whether each takes a value as a word of its own.
struct Flags(BTreeMap<String, bool>);

impl Flags {
    fn of(command: &str) -> Self {
        let cli = Cli::command();
        let args = cli
            .find_subcommand(command)
            .into_iter()
            .flat_map(clap::Command::get_arguments);
        let takes_word = |arg: &clap::Arg| arg.get_action().takes_values() && !arg.is_require_equals_set();
        Self(
            args.filter_map(|arg| Some((arg.get_long()?.to_owned(), takes_word(arg))))
                .collect(),
        )
    }

    fn rewrite(&self, words: Vec<OsString>) -> Vec<OsString> {
        let mut out = Vec::with_capacity(words.len());
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let Some(flag) = long_flag(&word) else {
                out.push(word);
                continue;
            };
            let mut long = OsString::from(format!("--{flag}"));
            if self.0.get(flag) == Some(&true)
                && let Some(value) = words.next()
            {
                long.push("=");
                long.push(value);
            }
            out.push(long);
        }
        out
    }
}

/// What follows the dashes of a flag that may be written with one or two; `-h`, `-`, `--` and words are none.
fn long_flag(word: &OsStr) -> Option<&str> {
    let text = word.to_str()?;
    let name = text.strip_prefix("--").or_else(|| text.strip_prefix('-'))?;
    let is_long = name.len() > 1 && name.starts_with(|c: char| c.is_ascii_alphabetic());
    (is_long || text.starts_with("--") && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(argv: &[&str]) -> Vec<String> {
        let out = normalise(argv.iter().map(OsString::from));
        out.into_iter().map(|a| a.into_string().unwrap()).collect()
    }

    #[test]
    fn the_file_name_chooses_the_command() {
        assert_eq!(
            normal(&["/controller", "--port=1"]),
            ["ferrolb", "controller", "--port=1"]
        );
        assert_eq!(normal(&["/usr/bin/ferrolb", "version"]), ["ferrolb", "version"]);
    }

    #[test]
    fn one_dash_is_as_good_as_two_and_a_space_as_good_as_equals_for_the_daemons() {
        let expected = ["ferrolb", "speaker", "--node-name=n1", "--port=7472"];
        assert_eq!(
            normal(&["ferrolb", "speaker", "-node-name", "n1", "-port=7472"]),
            expected
        );
        assert_eq!(
            normal(&["ferrolb", "speaker", "--node-name=n1", "--port", "7472"]),
            expected
        );
    }

    #[test]
    fn a_value_may_look_like_a_flag() {
        assert_eq!(
            normal(&["ferrolb", "controller", "-lb-class", "-port", "-port", "0"]),
            ["ferrolb", "controller", "--lb-class=-port", "--port=0"]
        );
    }

    #[test]
    fn a_boolean_takes_no_word() {
        assert_eq!(
            normal(&["ferrolb", "speaker", "-ignore-exclude-lb", "-port=0"]),
            ["ferrolb", "speaker", "--ignore-exclude-lb", "--port=0"]
        );
        assert_eq!(
            normal(&["ferrolb", "speaker", "-ignore-exclude-lb", "false"]),
            ["ferrolb", "speaker", "--ignore-exclude-lb", "false"]
        );
    }

    #[test]
    fn short_flags_negative_numbers_and_other_commands_stay() {
        assert_eq!(
            normal(&["ferrolb", "controller", "-h"]),
            ["ferrolb", "controller", "-h"]
        );
        assert_eq!(
            normal(&["ferrolb", "controller", "-1", "-", "--"]),
            ["ferrolb", "controller", "-1", "-", "--"]
        );
        assert_eq!(
            normal(&["ferrolb", "plan", "-ojson"]),
            ["ferrolb", "plan", "-ojson"]
        );
    }
}
