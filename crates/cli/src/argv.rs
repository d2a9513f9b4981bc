//! Makes one command line of the forms that users and manifests write.
//!
//! The reference's programs are called `controller` and `speaker` and take Go-style flags, with one dash or two. So
//! does this binary when it is called by one of these names.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Commands whose flags may be written with one dash, as Go's `flag` package takes them.
const GO_STYLE: [&str; 3] = ["controller", "speaker", "standalone"];

/// Puts the command's name first if the file name tells it (`/controller`), and doubles the dash of Go-style flags.
pub fn normalise(argv: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut argv = argv.into_iter();
    let called = argv.next().unwrap_or_default();
    let mut rest: Vec<OsString> = argv.collect();
    if let Some(command) = command_of(&called) {
        rest.insert(0, command.into());
    }
    if rest.first().is_some_and(|c| GO_STYLE.iter().any(|g| c == g)) {
        rest = rest.into_iter().map(double_dash).collect();
    }
    rest.insert(0, "ferrolb".into());
    rest
}

fn command_of(called: &OsStr) -> Option<&'static str> {
    let name = Path::new(called).file_name()?;
    ["controller", "speaker"].into_iter().find(|c| name == *c)
}

/// `-log-level` becomes `--log-level`; single letters (`-h`), `-` and everything else stay.
fn double_dash(arg: OsString) -> OsString {
    match arg.to_str() {
        Some(text) if is_long_with_one_dash(text) => format!("-{text}").into(),
        _ => arg,
    }
}

fn is_long_with_one_dash(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('-')
        && chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars
            .next()
            .is_some_and(|c| c.is_ascii_alphanumeric() || c == '-')
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
    fn one_dash_is_as_good_as_two_for_the_daemons() {
        assert_eq!(
            normal(&["ferrolb", "speaker", "-node-name", "n1", "-port=7472"]),
            ["ferrolb", "speaker", "--node-name", "n1", "--port=7472"]
        );
    }

    #[test]
    fn short_flags_negative_numbers_and_other_commands_stay() {
        assert_eq!(
            normal(&["ferrolb", "controller", "-h"]),
            ["ferrolb", "controller", "-h"]
        );
        assert_eq!(
            normal(&["ferrolb", "controller", "-1", "-"]),
            ["ferrolb", "controller", "-1", "-"]
        );
        assert_eq!(
            normal(&["ferrolb", "plan", "-ojson"]),
            ["ferrolb", "plan", "-ojson"]
        );
    }
}
