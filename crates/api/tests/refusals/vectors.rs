//! What the vectors of api-and-config section 9 mean when they are accepted.

use core::fmt::Write as _;
use core::time::Duration;

use ferrolb_api::Community;
use ferrolb_api::resolved::{Config, Timers};
use ferrolb_types::Labels;

use crate::tables::vectors::{Vector, all, rows};
use crate::{check, resolve_manifests};

/// What is in force, in one line: prefixes of pools, timers of peers, communities, priorities, preference scores.
fn meaning(config: &Config) -> String {
    let mut out = String::new();
    for pool in config.pools.values() {
        let prefixes: Vec<String> = pool.prefixes().map(|p| p.to_string()).collect();
        let _ = write!(out, "{}: {}", pool.name, prefixes.join(" "));
        if let Some(allocation) = &pool.allocation {
            let everybody = allocation.service_selectors.iter().any(|s| s.is_everything());
            let _ = write!(
                out,
                ", priority {}, every Service {everybody}",
                allocation.priority
            );
        }
    }
    for peer in config.bgp_peers.values() {
        out += &peer.timers.map_or_else(|| "unset / unset".to_owned(), timers);
    }
    for advertisement in config.bgp_advertisements.values() {
        let communities = advertisement.communities.iter().map(Community::to_string);
        out += &communities.collect::<Vec<_>>().join(" ");
    }
    for advertisement in config.l2_advertisements.values() {
        for (name, labels) in NODES {
            let labels = Labels::from_iter(labels.iter().map(|l| (*l, "x")));
            let matching = advertisement
                .preferred_nodes
                .iter()
                .filter(|p| p.preference.matches(&labels));
            let _ = write!(out, "{name} {} ", matching.map(|p| p.weight).sum::<u32>());
        }
    }
    out
}

/// Nodes and the keys of their labels, for preferences.
const NODES: [(&str, &[&str]); 3] = [("both", &["a", "b"]), ("one", &["a"]), ("none", &[])];

fn timers(timers: Timers) -> String {
    let millis = |d: Duration| d.as_millis();
    format!("{} / {} ms", millis(timers.hold), millis(timers.keepalive))
}

#[test]
fn every_vector_gives_its_problems_and_no_others() {
    check(&rows());
}

#[test]
fn every_vector_means_what_it_says() {
    for Vector { text, row, means } in all() {
        if !means.is_empty() {
            let config = resolve_manifests(&row.manifests, &row.rules).config;
            assert_eq!(meaning(&config), means, "{text}");
        }
    }
}
