//! Runs a test with the right to make namespaces, or skips it with a reason.

use std::ffi::OsStr;
use std::panic::Location;
use std::process::{Command, Stdio};

use anyhow::Context;
use ferrolb_netio::namespace::{NamespaceError, is_permitted, run_in_user_namespace};

/// Set where a skip must not happen, as in CI.
const REQUIRE: &str = "FERROLB_REQUIRE_NETNS";
/// Set in the process that runs one test inside a user namespace.
const INSIDE: &str = "FERROLB_NETNS_INSIDE";
/// A word on the output of such a process that tells the outer one of a skip.
const SKIP_MARK: &str = "skipped: ";

/// Runs `test`, the body of a `#[test]` function, as root or, for an ordinary user, in a process of its own
/// in a user namespace. Where neither is possible the test is skipped with a printed reason; with
/// `FERROLB_REQUIRE_NETNS=1` it fails then.
///
/// # Panics
/// When the test fails, with all causes of its error.
#[track_caller]
pub fn in_private_network<F: FnOnce() -> anyhow::Result<()>>(test: F) {
    let name = test_name(std::any::type_name::<F>());
    if is_permitted() {
        return report(&name, test());
    }
    if is_set(INSIDE) {
        return skip(&name, &NamespaceError::NotPermitted.to_string());
    }
    match run_inside_user_namespace(&name) {
        Ok(()) => {}
        Err(error) if is_refusal(&error) => skip(&name, &NamespaceError::NotPermitted.to_string()),
        Err(error) => panic!("{name}: {error:#}"),
    }
}

/// Prints that the test `name` is skipped and why; with `FERROLB_REQUIRE_NETNS=1` the test fails.
///
/// # Panics
/// When skips are not allowed.
#[track_caller]
pub fn skip(name: &str, reason: &str) {
    assert!(
        !is_set(REQUIRE),
        "{name} must not be skipped ({REQUIRE} is set): {reason}"
    );
    println!("{SKIP_MARK}{name}: {reason}");
}

/// Prints that the test `name` shows nothing here, because this kernel does not know `what`. Allowed where other skips are
/// not: what is not built into a kernel cannot be installed.
pub fn skip_without(name: &str, what: &str) {
    println!("{SKIP_MARK}{name}: this kernel has no {what}");
}

#[track_caller]
fn report(name: &str, outcome: anyhow::Result<()>) {
    match outcome {
        Ok(()) => {}
        Err(error) if is_refusal(&error) => skip(name, &format!("{error:#}")),
        Err(error) => panic!("{name} failed at {}: {error:#}", Location::caller()),
    }
}

/// Starts this test program again, for one test, in a user namespace.
fn run_inside_user_namespace(name: &str) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("find the test program")?;
    let mut command = Command::new(program);
    command
        .args([name, "--exact", "--nocapture", "--include-ignored"])
        .env(INSIDE, "1");
    let output = run_in_user_namespace(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?
        .wait_with_output()
        .context("wait for the test in a user namespace")?;
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    print!("{text}");
    anyhow::ensure!(
        output.status.success(),
        "it failed in a user namespace, see its output above"
    );
    anyhow::ensure!(
        text.contains("1 passed"),
        "the program ran no test of this name in a user namespace"
    );
    Ok(())
}

fn is_refusal(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| matches!(cause.downcast_ref(), Some(NamespaceError::NotPermitted)))
}

/// The name by which the test runner knows the function whose closure has the type `name`:
/// `program::module::function::{{closure}}` without the first and the last part.
fn test_name(name: &str) -> String {
    let parts: Vec<&str> = name.split("::").filter(|part| *part != "{{closure}}").collect();
    parts.get(1..).unwrap_or_default().join("::")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test program is told by its environment what it must not skip"
)]
fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| value != OsStr::new("") && value != OsStr::new("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_has_the_name_of_its_test() {
        assert_eq!(
            test_name("links::down::link_goes_down::{{closure}}"),
            "down::link_goes_down"
        );
        assert_eq!(test_name("links"), "");
    }
}
