//! The table of layers, and what is against it.

use core::fmt;

use super::graph::{Graph, Kind};

/// From left to right; a crate depends on its own layer and on those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Vocabulary,
    Decisions,
    InputOutput,
    Applications,
    /// Never part of what is shipped; may use everything.
    TestOnly,
}

const LAYERS: &[(&str, Layer)] = &[
    ("ferrolb-types", Layer::Vocabulary),
    ("ferrolb-wire", Layer::Vocabulary),
    ("ferrolb-api", Layer::Vocabulary),
    ("ferrolb-ipam", Layer::Decisions),
    ("ferrolb-plan", Layer::Decisions),
    ("ferrolb-l2", Layer::Decisions),
    ("ferrolb-admission", Layer::Decisions),
    ("ferrolb-lease", Layer::Decisions),
    ("ferrolb-diagnosis", Layer::Decisions),
    ("ferrolb-bfd", Layer::Decisions),
    ("ferrolb-gossip", Layer::Decisions),
    ("ferrolb-claim", Layer::Decisions),
    ("ferrolb-driver", Layer::InputOutput),
    ("ferrolb-netio", Layer::InputOutput),
    ("ferrolb-kube", Layer::InputOutput),
    ("ferrolb-telemetry", Layer::InputOutput),
    ("ferrolb-controller", Layer::Applications),
    ("ferrolb-speaker", Layer::Applications),
    ("ferrolb-webhook", Layer::Applications),
    ("ferrolb-apiserver", Layer::Applications),
    ("ferrolb-cli", Layer::Applications),
    ("ferrolb-bench", Layer::TestOnly),
    ("ferrolb-sim", Layer::TestOnly),
    ("ferrolb-tests-netns", Layer::TestOnly),
    ("ferrolb-tests-interop", Layer::TestOnly),
    ("ferrolb-tests-cluster", Layer::TestOnly),
    ("xtask", Layer::TestOnly),
];

/// The embedded API server is also the fake of the adapters' tests.
const FAKE: &str = "ferrolb-apiserver";

/// What no crate left of the double bar may reach: runtimes, sockets, clients, random numbers.
const IMPURE: &[&str] = &[
    "async-io",
    "async-std",
    "axum",
    "fastrand",
    "getrandom",
    "hyper",
    "hyper-util",
    "k8s-openapi",
    "kube",
    "kube-client",
    "kube-core",
    "kube-runtime",
    "mio",
    "netlink-packet-core",
    "netlink-packet-route",
    "netlink-proto",
    "netlink-sys",
    "nix",
    "rand",
    "rand_core",
    "reqwest",
    "rtnetlink",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "tokio-util",
    "tracing-subscriber",
];

/// Packages whose own dependencies are not looked at, and why.
const TRUSTED: &[(&str, &str)] = &[(
    "ring",
    "AEAD for `wire`; its source of random numbers is banned by clippy.toml",
)];

/// One thing that is against the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// A crate of the workspace without a layer.
    Unknown { member: String },
    /// A dependency that points to the right.
    Rightward { from: String, to: String, kind: Kind },
    /// A pure crate that reaches an impure package; the chain tells how.
    Impure { chain: Vec<String> },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { member } => write!(f, "`{member}` has no layer; add it to the table"),
            Self::Rightward {
                from,
                to,
                kind: Kind::Dev,
            } => {
                write!(
                    f,
                    "the tests of `{from}` use `{to}`, which lies to its right and is not for tests"
                )
            }
            Self::Rightward { from, to, .. } => {
                write!(
                    f,
                    "`{from}` depends on `{to}`, which lies to its right; move what both need to the left"
                )
            }
            Self::Impure { chain } => {
                write!(
                    f,
                    "`{}` must stay pure, but it reaches `{}`",
                    chain[0],
                    chain[1..].join("` through `")
                )
            }
        }
    }
}

/// Everything that is wrong, ordered by crate.
pub(super) fn violations(graph: &Graph) -> Vec<Violation> {
    graph
        .members()
        .flat_map(|member| of_member(graph, member))
        .collect()
}

fn of_member(graph: &Graph, member: &str) -> Vec<Violation> {
    let Some(layer) = layer(member) else {
        return vec![Violation::Unknown {
            member: member.to_owned(),
        }];
    };
    let own = graph.dependencies(member).filter(|(to, _)| graph.is_member(to));
    let mut found: Vec<Violation> = own
        .filter(|(to, kind)| !allowed(layer, to, *kind))
        .map(|(to, kind)| Violation::Rightward {
            from: member.to_owned(),
            to: to.to_owned(),
            kind,
        })
        .collect();
    if layer <= Layer::Decisions {
        let trusted = |name: &str| TRUSTED.iter().any(|(trusted, _)| *trusted == name);
        let chain = graph.chain_to(member, |name| IMPURE.contains(&name), trusted);
        found.extend(chain.map(|chain| Violation::Impure { chain }));
    }
    found
}

fn allowed(layer: Layer, to: &str, kind: Kind) -> bool {
    // An unknown target is reported once, under its own name.
    let Some(target) = self::layer(to) else {
        return true;
    };
    match kind {
        Kind::Dev if target == Layer::TestOnly => true,
        Kind::Dev if to == FAKE => layer > Layer::Decisions,
        _ => target <= layer,
    }
}

fn layer(name: &str) -> Option<Layer> {
    LAYERS
        .iter()
        .find(|(crate_name, _)| *crate_name == name)
        .map(|(_, layer)| *layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBERS: &[&str] = &[
        "ferrolb-types",
        "ferrolb-ipam",
        "ferrolb-kube",
        "ferrolb-apiserver",
        "ferrolb-tests-netns",
    ];

    fn found(edges: &[(&str, &str, Kind)]) -> Vec<String> {
        violations(&Graph::of(edges, MEMBERS))
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn dependencies_to_the_left_and_within_a_layer_are_fine() {
        let edges = [
            ("ferrolb-ipam", "ferrolb-types", Kind::Normal),
            ("ferrolb-kube", "ferrolb-ipam", Kind::Normal),
            ("ferrolb-kube", "tokio", Kind::Normal),
        ];
        assert_eq!(found(&edges), [""; 0]);
    }

    #[test]
    fn a_dependency_to_the_right_is_named() {
        let seen = found(&[("ferrolb-types", "ferrolb-kube", Kind::Normal)]);
        assert_eq!(
            seen,
            [
                "`ferrolb-types` depends on `ferrolb-kube`, which lies to its right; move what both need to the left"
            ]
        );
    }

    #[test]
    fn a_pure_crate_must_not_reach_a_runtime_through_others() {
        let edges = [
            ("ferrolb-ipam", "ferrolb-types", Kind::Normal),
            ("ferrolb-ipam", "helper", Kind::Normal),
            ("helper", "tokio", Kind::Normal),
        ];
        assert_eq!(
            found(&edges),
            ["`ferrolb-ipam` must stay pure, but it reaches `helper` through `tokio`"]
        );
    }

    #[test]
    fn a_trusted_package_may_have_what_its_users_may_not() {
        let edges = [
            ("ferrolb-types", "ring", Kind::Normal),
            ("ring", "getrandom", Kind::Normal),
        ];
        assert_eq!(found(&edges), [""; 0]);
        let also_directly = [edges.to_vec(), vec![("ferrolb-types", "getrandom", Kind::Normal)]].concat();
        assert_eq!(found(&also_directly).len(), 1);
    }

    #[test]
    fn what_runs_while_building_or_testing_does_not_make_a_crate_impure() {
        let edges = [
            ("ferrolb-ipam", "proptest", Kind::Dev),
            ("proptest", "rand", Kind::Normal),
            ("ferrolb-ipam", "generator", Kind::Build),
            ("generator", "tokio", Kind::Normal),
        ];
        assert_eq!(found(&edges), [""; 0]);
    }

    #[test]
    fn test_only_crates_are_dev_dependencies_alone() {
        assert_eq!(
            found(&[("ferrolb-types", "ferrolb-tests-netns", Kind::Dev)]),
            [""; 0]
        );
        assert_eq!(
            found(&[("ferrolb-kube", "ferrolb-tests-netns", Kind::Normal)]).len(),
            1
        );
    }

    #[test]
    fn the_fake_api_server_serves_tests_of_adapters_but_not_of_pure_crates() {
        assert_eq!(
            found(&[("ferrolb-kube", "ferrolb-apiserver", Kind::Dev)]),
            [""; 0]
        );
        assert_eq!(
            found(&[("ferrolb-ipam", "ferrolb-apiserver", Kind::Dev)]).len(),
            1
        );
        assert_eq!(
            found(&[("ferrolb-kube", "ferrolb-apiserver", Kind::Normal)]).len(),
            1
        );
    }

    #[test]
    fn a_new_crate_without_a_layer_is_refused() {
        let graph = Graph::of(&[], &["ferrolb-new"]);
        assert_eq!(
            violations(&graph),
            [Violation::Unknown {
                member: "ferrolb-new".to_owned()
            }]
        );
    }
}
