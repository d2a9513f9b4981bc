//! Lists of names in which nothing may be repeated.

use std::collections::BTreeMap;

use super::report::Report;
use crate::reason;

/// Reports every entry of `names` that an earlier one already named.
pub(super) fn check_unique(names: &[String], field: &str, report: &mut Report<'_>) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, name) in names.iter().enumerate() {
        match seen.get(name.as_str()) {
            Some(first) => {
                let message = format!("`{name}` is already listed in `{field}[{first}]`; remove one of them");
                report.error(format!("{field}[{i}]"), reason::DUPLICATE_ENTRY, message);
            }
            None => {
                seen.insert(name, i);
            }
        }
    }
}
