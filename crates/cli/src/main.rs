//! The `ferrolb` binary; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ferrolb_cli::main(std::env::args_os())
}
