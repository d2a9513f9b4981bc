//! The test vectors of api-and-config section 9, row by row, with the mode restrictions as spec/plan.md has them.

use ferrolb_api::BgpMode;

use super::{Row, fine, manifest, manifest_of, nodes};

/// A row of section 9: its text, and what must come out.
pub(crate) struct Vector {
    pub(crate) text: &'static str,
    pub(crate) row: Row,
    /// What the configuration means, in one line; not looked at where it is empty.
    pub(crate) means: &'static str,
}

fn refused(text: &'static str, manifests: String, problems: &[&str]) -> Vector {
    accepted(text, manifests, "").with(problems)
}

fn accepted(text: &'static str, manifests: String, means: &'static str) -> Vector {
    let row = fine("section9", manifests);
    Vector { text, row, means }
}

impl Vector {
    fn with(mut self, problems: &[&str]) -> Self {
        self.row.problems = problems.iter().map(ToString::to_string).collect();
        self
    }

    fn mode(mut self, mode: BgpMode) -> Self {
        self.row = self.row.mode(mode);
        self
    }
}

fn pool(name: &str, addresses: &str) -> String {
    manifest("IPAddressPool", name, &format!("{{addresses: {addresses}}}"))
}

fn address(text: &str) -> String {
    pool("a", &format!("['{text}']"))
}

fn addresses() -> Vec<Vector> {
    const ADDRESS: &[&str] = &["a spec.addresses[0] InvalidAddress"];
    const RANGE: &[&str] = &["a spec.addresses[0] InvalidRange"];
    const RANGE_COVER: &str = "a: 3.3.3.2/31 3.3.3.4/30 3.3.3.8/29 3.3.3.16/28 3.3.3.32/27 3.3.3.64/26 3.3.3.128/26 \
                               3.3.3.192/27 3.3.3.224/28 3.3.3.240/29 3.3.3.248/30 3.3.3.252/31 3.3.3.254/32";
    vec![
        accepted("10.20.30.40/24", address("10.20.30.40/24"), "a: 10.20.30.0/24"),
        refused("1.2.3.0/33", address("1.2.3.0/33"), ADDRESS),
        refused("100.200.300.400/24", address("100.200.300.400/24"), ADDRESS),
        refused("1.2.3.4", address("1.2.3.4"), ADDRESS),
        refused("blank before", address(" 1.2.3.0/24"), ADDRESS),
        refused("empty", address(""), ADDRESS),
        refused("1.2.3.10-1.2.3.1", address("1.2.3.10-1.2.3.1"), RANGE),
        refused("two dashes", address("1.2.3.1-1.2.3.5-1.2.3.9"), ADDRESS),
        refused("-1.2.3.4", address("-1.2.3.4"), ADDRESS),
        refused("1.2.3.4-", address("1.2.3.4-"), ADDRESS),
        accepted("1.1.1.1 - 1.1.1.1", address("1.1.1.1 - 1.1.1.1"), "a: 1.1.1.1/32"),
        accepted("3.3.3.2-3.3.3.254", address("3.3.3.2-3.3.3.254"), RANGE_COVER),
        refused("sign of a length (3.9)", address("1.2.3.0/+24"), ADDRESS),
        accepted("zeros of a length (3.9)", address("1.2.3.0/024"), "a: 1.2.3.0/24"),
        accepted(
            "mapped prefix (3.9)",
            address("::ffff:1.2.3.0/120"),
            "a: 1.2.3.0/24",
        ),
        refused("mixed families (3.2)", address("1.2.3.4-fc00::1"), RANGE),
    ]
}

fn overlaps() -> Vec<Vector> {
    const NEWER: &[&str] = &["b spec.addresses[0] OverlappingAddresses"];
    let two = |a, b| pool("a", a) + &pool("b", b);
    vec![
        refused(
            "10.0.0.0/8 and 10.1.0.0/16",
            two("[10.0.0.0/8]", "[10.1.0.0/16]"),
            NEWER,
        ),
        refused("whichever is first", two("[10.1.0.0/16]", "[10.0.0.0/8]"), NEWER),
        refused(
            "in one pool",
            pool("a", "[10.0.0.0/24, 10.0.0.5-10.0.0.6]"),
            &["a spec.addresses[1] OverlappingAddresses"],
        ),
        accepted(
            "10.0.0.0/8 and ::/0",
            two("[10.0.0.0/8]", "['::/0']"),
            "a: 10.0.0.0/8b: ::/0",
        ),
    ]
}

fn advertised(addresses: &str, length: u8) -> String {
    pool("a", addresses)
        + &manifest(
            "BGPAdvertisement",
            "adv",
            &format!("{{aggregationLength: {length}}}"),
        )
}

fn aggregation() -> Vec<Vector> {
    const SHORT: &[&str] = &["adv spec.aggregationLength AggregationTooShort"];
    const TWO: &str = "[10.0.0.0/24, 10.0.1.0/28]";
    const RANGE: &str = "[3.3.3.2-3.3.3.254]";
    vec![
        refused("/24 and /28, 26", advertised(TWO, 26), SHORT),
        accepted("/24 and /28, 28", advertised(TWO, 28), ""),
        accepted("range, 26", advertised(RANGE, 26), ""),
        refused("range, 24", advertised(RANGE, 24), SHORT),
    ]
}

const V4: &str = "[10.0.0.0/16]";
const DUAL: &str = "[10.0.0.0/16, '2001:db8::/48']";

/// An older advertisement of local preference 100 beside one of 200.
fn two(addresses: &str, (first, second): (&str, &str)) -> String {
    let one = |name, year, pref, more: &str| {
        manifest_of(
            "BGPAdvertisement",
            name,
            year,
            &format!("{{localPref: {pref}{more}}}"),
        )
    };
    pool("a", addresses) + &one("old", 2024, 100, first) + &one("new", 2025, 200, second)
}

fn local_preferences() -> Vec<Vector> {
    const CONFLICT: &[&str] = &["new spec.localPref ConflictingLocalPref"];
    const PEER_A: &str = ", peers: [a]";
    const PEER_B: &str = ", peers: [b]";
    const ON_1: &str = ", nodeSelectors: [{matchLabels: {host: node1}}]";
    const ON_2: &str = ", nodeSelectors: [{matchLabels: {host: node2}}]";
    const ON_BOTH: &str = ", nodeSelectors: [{matchLabels: {host: node1}}, {matchLabels: {host: node2}}]";
    let here = |addresses, of| nodes(&["node1", "node2"]) + &two(addresses, of);
    let peer = |name, last| {
        manifest(
            "BGPPeer",
            name,
            &format!("{{myASN: 1, peerASN: 2, peerAddress: 198.51.100.{last}}}"),
        )
    };
    let to_peers = |of| here(V4, of) + &peer("a", 1) + &peer("b", 2);
    let v4 = ", aggregationLength: 24";
    let both = ", aggregationLength: 24, aggregationLengthV6: 64";
    vec![
        refused("100 and 200", here(V4, ("", "")), CONFLICT),
        accepted("no nodes", two(V4, ("", "")), ""),
        accepted("lengths 24 and 32", here(V4, (v4, "")), ""),
        accepted("peers a and b", to_peers((PEER_A, PEER_B)), ""),
        refused("peers a and all", to_peers((PEER_A, "")), CONFLICT),
        accepted("node1 and node2", here(V4, (ON_1, ON_2)), ""),
        refused("node1 and both", here(V4, (ON_1, ON_BOTH)), CONFLICT),
        refused("dual, 24/128 and 32/128", here(DUAL, (v4, "")), CONFLICT),
        accepted("dual, 24/64 and 32/128", here(DUAL, (both, "")), ""),
    ]
}

fn communities() -> Vec<Vector> {
    const INVALID: &[&str] = &["adv spec.communities[0] InvalidCommunity"];
    const UNKNOWN: &[&str] = &["adv spec.communities[0] UnknownCommunity"];
    let with = |text: &str| manifest("BGPAdvertisement", "adv", &format!("{{communities: ['{text}']}}"));
    let large = "warning: adv spec.communities[0] ReferenceWouldRefuse";
    let mut vectors = vec![
        accepted("65535:65282", with("65535:65282"), "65535:65282"),
        accepted("large:1:2:3", with("large:1:2:3"), "large:1:2:3"),
        accepted("large:1:2:3 native", with("large:1:2:3"), "large:1:2:3")
            .with(&[large])
            .mode(BgpMode::Native),
        accepted("0064512:01 (3.9)", with("0064512:01"), "64512:1"),
    ];
    vectors.extend(["1234", "community", "a:b:c"].map(|text| refused(text, with(text), UNKNOWN)));
    let values = ["99999999:1", "1:99999999", "11111:11aaaa", "larg:1:2:3"];
    vectors.extend(values.map(|text| refused(text, with(text), INVALID)));
    vectors
}

fn hold_and_keepalive() -> Vec<Vector> {
    const HOLD: &[&str] = &["tor spec.holdTime InvalidTimers"];
    const KEEPALIVE: &[&str] = &["tor spec.keepaliveTime InvalidTimers"];
    let peer = |timers: &str| {
        manifest(
            "BGPPeer",
            "tor",
            &format!("{{myASN: 1, peerASN: 2, peerAddress: 198.51.100.1{timers}}}"),
        )
    };
    let hold = |hold: &str| peer(&format!(", holdTime: {hold}"));
    let keepalive = |keepalive: &str| peer(&format!(", keepaliveTime: {keepalive}"));
    let both = |hold: &str, keepalive: &str| peer(&format!(", holdTime: {hold}, keepaliveTime: {keepalive}"));
    vec![
        accepted("– / –", peer(""), "unset / unset"),
        accepted("180s / –", hold("180s"), "180000 / 60000 ms"),
        accepted("– / 30s", keepalive("30s"), "90000 / 30000 ms"),
        accepted("0s / 0s", both("0s", "0s"), "0 / 0 ms"),
        refused("90s / 120s", both("90s", "120s"), KEEPALIVE),
        refused("2s / –", hold("2s"), HOLD),
        refused("– / 500ms", keepalive("500ms"), KEEPALIVE),
        refused("0s / 10s", both("0s", "10s"), KEEPALIVE),
        accepted("500ms / –", hold("500ms"), "500 / 166 ms"),
        refused("65536s / – (3.9)", hold("65536s"), HOLD),
    ]
}

fn peers_of_one_address() -> Vec<Vector> {
    let peer = |name, year, on: &str| {
        let spec = format!("{{myASN: 1, peerASN: 2, peerAddress: 1.2.3.4{on}}}");
        manifest_of("BGPPeer", name, year, &spec)
    };
    let on = |host| format!(", nodeSelectors: [{{matchLabels: {{host: {host}}}}}]");
    let apart = peer("old", 2024, &on("node1")) + &peer("new", 2025, &on("node2"));
    let known = nodes(&["node1", "node2"]);
    let everywhere = peer("old", 2024, "") + &peer("new", 2025, &on("node2"));
    const TWICE: &[&str] = &["new spec.peerAddress DuplicatePeer"];
    vec![
        accepted("on node1 and on node2", known.clone() + &apart, ""),
        refused("no nodes known", apart, TWICE),
        refused("one without a selector", known + &everywhere, TWICE),
    ]
}

fn preferences_and_pins() -> Vec<Vector> {
    let preference = |weight, key| format!("{{weight: {weight}, preference: {{matchLabels: {{{key}: x}}}}}}");
    let preferences = format!(
        "{{preferredNodeSelectors: [{}, {}]}}",
        preference(30, "a"),
        preference(20, "b")
    );
    let pinned = "{addresses: [1.2.3.0/24], serviceAllocation: {priority: 1}}";
    vec![
        accepted(
            "weights 30 and 20",
            manifest("L2Advertisement", "l2", &preferences),
            "both 50 one 30 none 0 ",
        ),
        accepted(
            "{priority: 1}",
            manifest("IPAddressPool", "a", pinned),
            "a: 1.2.3.0/24, priority 1, every Service true",
        ),
    ]
}

/// All of them.
pub(crate) fn all() -> Vec<Vector> {
    [
        addresses(),
        overlaps(),
        aggregation(),
        local_preferences(),
        communities(),
        hold_and_keepalive(),
        peers_of_one_address(),
        preferences_and_pins(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The rows of the vectors.
pub(crate) fn rows() -> Vec<Row> {
    all().into_iter().map(|vector| vector.row).collect()
}
