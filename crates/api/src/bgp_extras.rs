//! Raw configuration for FRR in a ConfigMap (api-and-config 2.3): noticed, never applied.

use std::borrow::Cow;

use crate::core::ConfigMap;
use crate::{BgpMode, Object, Problem, Severity, reason};

/// The name of the ConfigMap.
pub const NAME: &str = "bgpextras";
/// The key that holds the text.
const KEY: &str = "extras";

/// The warning that the text has no effect; none if there is none. The reference takes it in mode `frr` alone, and no FRR
/// runs here.
#[must_use]
pub fn check(map: &ConfigMap, mode: BgpMode) -> Option<Problem> {
    map.data.get(KEY).filter(|text| !text.trim().is_empty())?;
    let instead = match mode {
        BgpMode::FrrK8s => "write `spec.raw` of an FRRConfiguration for the frr-k8s daemon",
        BgpMode::Native | BgpMode::Frr => "say it with BGPPeer and BGPAdvertisement",
    };
    Some(Problem {
        severity: Severity::Warning,
        kind: Cow::Borrowed(ConfigMap::KIND),
        namespace: map.metadata.namespace.to_string(),
        name: map.metadata.name.to_string(),
        field: format!("data.{KEY}"),
        value: None,
        reason: Cow::Borrowed(reason::EXTRAS_IGNORED.word()),
        message: format!("raw configuration for FRR has no effect, since no FRR runs here; {instead}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decode;

    #[test]
    fn a_text_is_warned_of_and_no_text_is_not() {
        let map = |data| decode::<ConfigMap>(&json!({ "metadata": { "name": NAME }, "data": data })).unwrap();
        let problem = check(&map(json!({ "extras": "router bgp 64512" })), BgpMode::Frr);
        let problem = problem.expect("it has no effect");
        assert_eq!(
            (&*problem.reason, problem.severity),
            ("ExtrasIgnored", Severity::Warning)
        );
        assert!(!problem.message.contains("64512"));
        for data in [json!({}), json!({ "extras": " \n" }), json!({ "other": "x" })] {
            assert_eq!(check(&map(data), BgpMode::Native), None);
        }
    }
}
