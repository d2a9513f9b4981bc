//! Whole plans of realistic configurations, one directory each under `tests/golden/plan`: `input.yaml`, `options.yaml`
//! where the command line says something, and the document that comes out.
//!
//! `FERROLB_BLESS=1 cargo test -p ferrolb-plan --test golden` writes the documents anew.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use ferrolb_api::BgpMode;
use ferrolb_plan::report::{Options, Plan};

/// What a case may say beside its input.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Flags {
    speakers: Option<BTreeSet<String>>,
    nodes: BTreeSet<String>,
    bgp_mode: BgpMode,
    ignore_exclude_lb: bool,
    strict: bool,
    strict_requests: bool,
}

impl From<Flags> for Options {
    fn from(flags: Flags) -> Self {
        let names = |names: BTreeSet<String>| names.into_iter().map(Into::into).collect();
        Self {
            namespace: "metallb-system".into(),
            speakers: flags.speakers.map(names),
            nodes: names(flags.nodes),
            class: "".into(),
            bgp_mode: flags.bgp_mode,
            ignore_exclude_lb: flags.ignore_exclude_lb,
            strict: flags.strict,
            strict_requests: flags.strict_requests,
        }
    }
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/plan");
    let mut cases: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    cases.sort();
    cases
}

fn input(case: &Path) -> (Vec<Value>, Options) {
    let text = fs::read_to_string(case.join("input.yaml")).unwrap();
    let flags = fs::read_to_string(case.join("options.yaml"));
    let flags: Flags = flags.map_or_else(
        |_| Flags::default(),
        |text| serde_saphyr::from_str(&text).unwrap(),
    );
    (serde_saphyr::from_multiple(&text).unwrap(), flags.into())
}

fn rendered(manifests: Vec<Value>, options: &Options) -> String {
    serde_json::to_string_pretty(&Plan::draw_up(manifests, options)).unwrap() + "\n"
}

#[expect(
    clippy::disallowed_methods,
    reason = "only a test asks whether to rewrite what it compares with"
)]
fn is_blessing() -> bool {
    let blesses = std::env::var_os("FERROLB_BLESS").is_some_and(|v| v == "1");
    assert!(
        !(blesses && std::env::var_os("CI").is_some()),
        "golden files are not rewritten by CI; commit them"
    );
    blesses
}

#[test]
fn plans_are_those_that_were_reviewed() {
    let cases = cases();
    assert!(cases.len() >= 50, "{cases:?}");
    let mut different = Vec::new();
    for case in &cases {
        let (manifests, options) = input(case);
        let seen = rendered(manifests, &options);
        let file = case.join("plan.json");
        if is_blessing() {
            fs::write(&file, seen).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != seen {
            different.push((case.file_name().unwrap().to_owned(), seen));
        }
    }
    for (case, seen) in &different {
        println!("{} is now:\n{seen}", case.display());
    }
    let names: Vec<_> = different.iter().map(|(case, _)| case).collect();
    assert!(
        names.is_empty(),
        "{names:?} differ; look at them, then FERROLB_BLESS=1"
    );
}

#[test]
fn the_order_of_the_input_does_not_matter() {
    for case in cases() {
        let (manifests, options) = input(&case);
        let forward = rendered(manifests.clone(), &options);
        // Rotations and reversals together bring every object before and behind every other.
        for turn in 0..manifests.len() {
            let mut other = manifests.clone();
            other.rotate_left(turn);
            if turn % 2 == 0 {
                other.reverse();
            }
            assert_eq!(forward, rendered(other, &options), "{}", case.display());
        }
    }
}

/// The shape that scripts rely on: every list is there, also when it is empty.
#[test]
fn an_empty_plan_has_every_field() {
    let plan = Plan::draw_up(Vec::new(), &Options::default());
    let seen = serde_json::to_value(plan).unwrap();
    let expected = serde_json::json!({
        "apiVersion": "plan.ferrolb.io/v1", "valid": true, "problems": [], "ignored": [], "pools": [], "services": [],
        "nodes": []
    });
    assert_eq!(seen, expected);
}

/// Two nodes that answer for one address would be the failure that this project exists to avoid.
#[test]
fn no_address_is_announced_by_two_nodes() {
    for case in cases() {
        let (manifests, options) = input(&case);
        let plan = Plan::draw_up(manifests, &options);
        let mut seen = BTreeSet::new();
        for l2 in plan.nodes.iter().flat_map(|node| &node.l2) {
            assert!(seen.insert(&l2.ip), "{}: {}", case.display(), l2.ip);
        }
    }
}

/// The Services as they are in the cluster once the plan has come true.
fn with_outcome(manifests: &[Value], plan: &Plan) -> Vec<Value> {
    let mut manifests = manifests.to_vec();
    for service in &plan.services {
        let namespace = |m: &Value| {
            m["metadata"]["namespace"]
                .as_str()
                .unwrap_or("default")
                .to_owned()
        };
        let is_meant = |m: &&mut Value| {
            m["kind"] == "Service"
                && m["metadata"]["name"] == *service.name
                && namespace(m) == service.namespace
        };
        for manifest in manifests.iter_mut().filter(is_meant) {
            let ingress: Vec<Value> = service
                .ips
                .iter()
                .map(|ip| serde_json::json!({ "ip": ip }))
                .collect();
            manifest["status"]["loadBalancer"]["ingress"] = ingress.into();
            if manifest["spec"]["clusterIPs"].is_null() && manifest["spec"]["clusterIP"].is_null() {
                let families: Vec<&str> = service
                    .ips
                    .iter()
                    .map(|ip| if ip.contains(':') { "fd00::1" } else { "10.96.0.1" })
                    .collect();
                manifest["spec"]["clusterIPs"] = serde_json::json!(families);
            }
            if !service.pool.is_empty() {
                manifest["metadata"]["annotations"]["metallb.io/ip-allocated-from-pool"] =
                    serde_json::json!(service.pool);
            }
        }
    }
    manifests
}

#[test]
fn a_plan_that_has_come_true_stays_as_it_is() {
    for case in cases() {
        let (manifests, options) = input(&case);
        let first = Plan::draw_up(manifests.clone(), &options);
        let assigned = |plan: &Plan| -> Vec<_> {
            let assigned = plan.services.iter().filter(|s| s.state == "assigned");
            assigned
                .map(|s| (s.namespace.clone(), s.name.clone(), s.ips.clone(), s.pool.clone()))
                .collect()
        };
        let second = Plan::draw_up(with_outcome(&manifests, &first), &options);
        assert_eq!(assigned(&first), assigned(&second), "{}", case.display());
        assert_eq!(first.pools, second.pools, "{}", case.display());
        let announced =
            |plan: &Plan| -> Vec<_> { plan.nodes.iter().map(|n| (n.l2.clone(), n.bgp.clone())).collect() };
        assert_eq!(announced(&first), announced(&second), "{}", case.display());
    }
}
