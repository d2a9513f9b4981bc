//! One Community object by itself (api-and-config 3.4).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::report::Report;
use super::rules::BgpMode;
use crate::metallb;
use crate::reason;
use crate::{Community, CommunityError};

/// What the names of one object stand for, in the order of the spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Aliases(pub(super) Vec<(Box<str>, Community)>);

/// Resolves `raw` as if it were alone; `None` if it is refused.
pub(super) fn resolve(raw: &metallb::Community, report: &mut Report<'_>) -> Option<Aliases> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut aliases = Vec::with_capacity(raw.spec.communities.len());
    for (i, alias) in raw.spec.communities.iter().enumerate() {
        if let Some(first) = seen.get(alias.name.as_str()) {
            let message = format!(
                "`{}` is already defined by `{}`; remove one of them",
                alias.name,
                name_field(*first)
            );
            report.error(name_field(i), reason::DUPLICATE_ALIAS, message);
        } else {
            seen.insert(&alias.name, i);
        }
        if let Some(community) = value(&alias.value, &format!("spec.communities[{i}].value"), report) {
            aliases.push((alias.name.as_str().into(), community));
        }
    }
    (!report.is_refused()).then_some(Aliases(aliases))
}

/// Says that an older object defines the alias.
pub(super) fn report_duplicate(aliases: &Aliases, entry: usize, rival: &str, report: &mut Report<'_>) {
    let name = aliases.0.get(entry).map_or("", |(name, _)| name);
    let message =
        format!("`{name}` is defined by the older Community `{rival}`; rename or remove one of them");
    report.error(name_field(entry), reason::DUPLICATE_ALIAS, message);
}

fn name_field(entry: usize) -> String {
    format!("spec.communities[{entry}].name")
}

fn value(text: &str, field: &str, report: &mut Report<'_>) -> Option<Community> {
    match text.parse() {
        Ok(community) => {
            check_mode(community, field, report);
            Some(community)
        }
        Err(CommunityError::Format(_) | CommunityError::Value(_)) => {
            let message = match Community::well_known(text) {
                Some(known) => format!("`{text}` is not a community; write its value, `{known}`"),
                None => format!(
                    "`{text}` is not a community; write `64512:1` with numbers up to 65535, or `large:64512:1:2` with \
                     numbers up to 4294967295"
                ),
            };
            report.error(field, reason::INVALID_COMMUNITY, message);
            None
        }
    }
}

/// The reference's native mode cannot send large communities (M-15, M-16).
pub(super) fn check_mode(community: Community, field: &str, report: &mut Report<'_>) {
    if report.rules().bgp_mode == BgpMode::Native && matches!(community, Community::Large(_)) {
        report.reference_would_refuse(field, &format!("`{community}` is a large community"));
    }
}
