//! The dependency graph, as `cargo metadata` tells it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// How one package uses another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Part of what is shipped.
    Normal,
    /// Runs while building.
    Build,
    /// Only for tests, benches and examples.
    Dev,
}

/// Packages by name, with what each depends on.
///
/// Two versions of one package are one node here, which errs on the strict side.
#[derive(Debug, Default)]
pub(super) struct Graph {
    members: BTreeSet<String>,
    edges: BTreeMap<String, BTreeSet<(String, Kind)>>,
}

impl Graph {
    pub(super) fn from_metadata(json: &str) -> Result<Self> {
        let metadata: Metadata = serde_json::from_str(json).context("`cargo metadata` changed its format")?;
        let names: BTreeMap<&str, &str> = metadata
            .packages
            .iter()
            .map(|p| (p.id.as_str(), p.name.as_str()))
            .collect();
        let name = |id: &str| {
            names
                .get(id)
                .map_or_else(|| id.to_owned(), |name| (*name).to_owned())
        };
        let mut graph = Self {
            members: metadata.workspace_members.iter().map(|id| name(id)).collect(),
            ..Self::default()
        };
        for node in &metadata.resolve.nodes {
            for dependency in &node.deps {
                for used in &dependency.dep_kinds {
                    graph.add(
                        &name(&node.id),
                        &name(&dependency.pkg),
                        kind(used.kind.as_deref()),
                    );
                }
            }
        }
        Ok(graph)
    }

    fn add(&mut self, from: &str, to: &str, kind: Kind) {
        self.edges
            .entry(from.to_owned())
            .or_default()
            .insert((to.to_owned(), kind));
    }

    /// The workspace's own crates, by name.
    pub(super) fn members(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(String::as_str)
    }

    pub(super) fn is_member(&self, name: &str) -> bool {
        self.members.contains(name)
    }

    /// What `name` depends on directly.
    pub(super) fn dependencies(&self, name: &str) -> impl Iterator<Item = (&str, Kind)> {
        self.edges
            .get(name)
            .into_iter()
            .flatten()
            .map(|(to, kind)| (to.as_str(), *kind))
    }

    /// The shortest chain of normal dependencies from `name` to a package for which `wanted` holds, not through packages
    /// for which `trusted` holds.
    pub(super) fn chain_to(
        &self,
        name: &str,
        wanted: impl Fn(&str) -> bool,
        trusted: impl Fn(&str) -> bool,
    ) -> Option<Vec<String>> {
        let mut seen = BTreeSet::from([name.to_owned()]);
        let mut chains = std::collections::VecDeque::from([vec![name.to_owned()]]);
        while let Some(chain) = chains.pop_front() {
            let last = chain.last().expect("a chain begins with `name`");
            if chain.len() > 1 && wanted(last) {
                return Some(chain);
            }
            if trusted(last) {
                continue;
            }
            for (next, kind) in self.dependencies(last) {
                if kind == Kind::Normal && seen.insert(next.to_owned()) {
                    chains.push_back([chain.as_slice(), &[next.to_owned()]].concat());
                }
            }
        }
        None
    }

    #[cfg(test)]
    pub(super) fn of(edges: &[(&str, &str, Kind)], members: &[&str]) -> Self {
        let mut graph = Self {
            members: members.iter().map(|m| (*m).to_owned()).collect(),
            ..Self::default()
        };
        for (from, to, kind) in edges {
            graph.add(from, to, *kind);
        }
        graph
    }
}

fn kind(word: Option<&str>) -> Kind {
    match word {
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        _ => Kind::Normal,
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Used>,
}

#[derive(Deserialize)]
struct Used {
    kind: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const METADATA: &str = r#"{
        "packages": [{"id": "a 1", "name": "a"}, {"id": "b 1", "name": "b"}, {"id": "c 1", "name": "c"}],
        "workspace_members": ["a 1"],
        "resolve": {"nodes": [
            {"id": "a 1", "deps": [{"pkg": "b 1", "dep_kinds": [{"kind": null}]}, {"pkg": "c 1", "dep_kinds": [{"kind": "dev"}]}]},
            {"id": "b 1", "deps": [{"pkg": "c 1", "dep_kinds": [{"kind": "build"}]}]},
            {"id": "c 1", "deps": []}
        ]}
    }"#;

    #[test]
    fn reads_members_and_kinds_from_cargo_metadata() {
        let graph = Graph::from_metadata(METADATA).unwrap();
        assert_eq!(graph.members().collect::<Vec<_>>(), ["a"]);
        assert_eq!(
            graph.dependencies("a").collect::<Vec<_>>(),
            [("b", Kind::Normal), ("c", Kind::Dev)]
        );
    }

    #[test]
    fn chains_follow_normal_dependencies_only() {
        let graph = Graph::from_metadata(METADATA).unwrap();
        assert_eq!(
            graph.chain_to("a", |name| name == "b", |_| false),
            Some(vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(graph.chain_to("a", |name| name == "c", |_| false), None);
    }

    #[test]
    fn other_json_is_an_error_and_no_empty_graph() {
        assert!(Graph::from_metadata("{}").is_err());
    }
}
