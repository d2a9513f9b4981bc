//! Label selectors: checked, and lists of them without repetition (api-and-config 3.1).

use std::collections::BTreeMap;

use ferrolb_types::Selector;
use ferrolb_types::selector::Requirement;

use super::report::Report;
use crate::metallb::{LabelSelector, LabelSelectorRequirement};
use crate::reason;

/// Resolves a list in which nothing may be repeated; invalid ones are left out and reported. Sorted, since only one of
/// them has to match.
pub(super) fn resolve_list(raw: &[LabelSelector], field: &str, report: &mut Report<'_>) -> Vec<Selector> {
    let mut seen: BTreeMap<LabelSelector, usize> = BTreeMap::new();
    let mut out = Vec::with_capacity(raw.len());
    for (i, selector) in raw.iter().enumerate() {
        let at = format!("{field}[{i}]");
        let selector = with_sorted_values(selector);
        check_repetition(&selector, &at, report);
        out.extend(resolve(&selector, &at, report));
        if let Some(first) = seen.insert(selector, i) {
            let message = format!("the selector repeats `{field}[{first}]`; remove one of them");
            report.error(at, reason::DUPLICATE_ENTRY, message);
        }
    }
    out.sort_unstable();
    out
}

/// Resolves one selector; what is wrong with it is reported.
pub(super) fn resolve(raw: &LabelSelector, field: &str, report: &mut Report<'_>) -> Option<Selector> {
    let mut requirements = Vec::with_capacity(raw.match_labels.len() + raw.match_expressions.len());
    let mut refuse = |at: String, error: ferrolb_types::SelectorError| {
        report.error(at, reason::INVALID_SELECTOR, error.to_string());
    };
    let mut sound = true;
    for (key, value) in &raw.match_labels {
        let requirement = Requirement::equals(key, value);
        if let Err(error) = Selector::new(vec![requirement.clone()]) {
            refuse(format!("{field}.matchLabels"), error);
            sound = false;
        }
        requirements.push(requirement);
    }
    for (i, expression) in raw.match_expressions.iter().enumerate() {
        let parsed = Requirement::parse(&expression.key, &expression.operator, &expression.values);
        match parsed.and_then(|r| Selector::new(vec![r.clone()]).map(|_| r)) {
            Ok(requirement) => requirements.push(requirement),
            Err(error) => {
                refuse(format!("{field}.matchExpressions[{i}]"), error);
                sound = false;
            }
        }
    }
    sound.then(|| Selector::new(requirements).ok()).flatten()
}

/// The order of values means nothing, so it does not make two expressions different.
fn with_sorted_values(raw: &LabelSelector) -> LabelSelector {
    let mut selector = raw.clone();
    for expression in &mut selector.match_expressions {
        expression.values.sort_unstable();
    }
    selector
}

fn check_repetition(selector: &LabelSelector, field: &str, report: &mut Report<'_>) {
    let mut seen: BTreeMap<&LabelSelectorRequirement, usize> = BTreeMap::new();
    for (i, expression) in selector.match_expressions.iter().enumerate() {
        let at = format!("{field}.matchExpressions[{i}]");
        if let Some(pair) = expression.values.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!("value `{}` is listed twice; remove one of them", pair[0]);
            report.error(format!("{at}.values"), reason::DUPLICATE_ENTRY, message);
        }
        if let Some(first) = seen.insert(expression, i) {
            let message =
                format!("the expression repeats `{field}.matchExpressions[{first}]`; remove one of them");
            report.error(at, reason::DUPLICATE_ENTRY, message);
        }
    }
}
