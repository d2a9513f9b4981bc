//! Objects of any shape, decoded and resolved in every mode.

use ferrolb_api::facts::NodeFacts;
use ferrolb_api::{BgpMode, RawConfig, Reason, Resolved, Rules, convert, node_view, resolve};
use ferrolb_types::Labels;
use serde_json::Value;

/// More than this says nothing new and only costs time.
const MOST_OBJECTS: usize = 64;

/// Panics where something does not hold.
pub(crate) fn run(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let mut objects = match value {
        Value::Array(list) => list,
        one => vec![one],
    };
    objects.truncate(MOST_OBJECTS);
    for bgp_mode in [BgpMode::Native, BgpMode::Frr, BgpMode::FrrK8s] {
        check(&objects, bgp_mode);
    }
    for object in &objects {
        check_conversion(object);
    }
}

fn check(objects: &[Value], bgp_mode: BgpMode) {
    let rules = Rules {
        bgp_mode,
        with_secrets: true,
        ..Rules::default()
    };
    let resolved = resolved(objects.iter(), &rules);
    assert_eq!(
        resolved,
        self::resolved(objects.iter().rev(), &rules),
        "the order matters"
    );
    let node = NodeFacts {
        name: "n1".into(),
        labels: Labels::default(),
        network_unavailable: false,
        not_ready: false,
        out_of_service: false,
        draining: false,
    };
    let here = node_view(&resolved.config, Some(&node), &rules).problems;
    let anywhere = node_view(&resolved.config, None, &rules).problems;
    for problem in resolved.problems.iter().chain(&here).chain(&anywhere) {
        assert!(
            Reason::find(&problem.reason).is_some(),
            "{problem} has no documented reason"
        );
        assert!(!problem.hint().is_empty(), "{problem} has no hint");
    }
}

fn resolved<'a>(objects: impl Iterator<Item = &'a Value>, rules: &Rules) -> Resolved {
    let mut raw = RawConfig {
        rules: rules.clone(),
        ..RawConfig::default()
    };
    for object in objects {
        let _ = raw.add(object);
    }
    resolve(&raw)
}

/// What was converted is of the version asked for, and what is of it is converted to itself.
fn check_conversion(object: &Value) {
    for version in ["metallb.io/v1beta1", "metallb.io/v1beta2"] {
        if let Ok(converted) = convert(object, version) {
            let again = convert(&converted, version);
            assert_eq!(
                again.ok().as_ref(),
                Some(&converted),
                "converted once more to {version}"
            );
        }
    }
}
