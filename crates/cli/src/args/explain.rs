//! Flags of `explain`.

use clap::Args;

use super::Format;

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Reason words are what `plan` and `check` print, what events and logs carry, and what metrics have as label `reason`.

Exit status: 0 explained, 1 there is no such word (the nearest ones are told).

Examples:
  ferrolb explain PoolExhausted
  ferrolb explain not enough clusterips
  ferrolb explain -o json | jq -r '.reasons[].word'")]
pub struct ExplainArgs {
    /// A reason word, in any case; without one, every word is listed
    #[arg(value_name = "WORD")]
    pub what: Vec<String>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}
