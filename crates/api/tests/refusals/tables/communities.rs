//! C-01 to C-06, B-01 to B-07.

use ferrolb_api::BgpMode;

use super::{Row, fine, manifest, manifest_of, row};

fn communities(name: &str, list: &str) -> String {
    manifest("Community", name, &format!("{{communities: [{list}]}}"))
}

fn value(value: &str) -> String {
    communities("c", &format!("{{name: x, value: '{value}'}}"))
}

fn alias_values_are_communities() -> Vec<Row> {
    const BAD: &[&str] = &["c spec.communities[0].value InvalidCommunity"];
    vec![
        row("C-01", value("1234"), BAD),
        row("C-01", value("a:b:c"), BAD),
        row("C-01", value("1:2:3:4:5"), BAD),
        row("C-01", value(""), BAD),
        row("C-01", value("no-export"), BAD),
        row("C-02", value("99999999:1"), BAD),
        row("C-02", value("1:99999999"), BAD),
        row("C-02", value("11111:11aaaa"), BAD),
        row("C-02", value("+1:1"), BAD),
        row("C-03", value("larg:1:2:3"), BAD),
        row("C-04", value("large:1:2:4294967296"), BAD),
        fine("C-02", value("65535:65282")),
        fine("C-04", value("large:1:2:3")),
        fine("C-05", communities("c", "{name: '', value: '1:1'}")),
    ]
}

fn an_alias_is_defined_once() -> Vec<Row> {
    vec![
        row(
            "C-05",
            communities("c", "{name: x, value: '1:1'}, {name: x, value: '1:1'}"),
            &["c spec.communities[1].name DuplicateAlias"],
        ),
        row(
            "C-06",
            communities("c", "{name: x, value: '1:1'}")
                + &communities("d", "{name: w, value: '1:2'}, {name: x, value: '1:1'}"),
            &["d spec.communities[1].name DuplicateAlias"],
        ),
        row(
            "C-06",
            manifest_of("Community", "c", 2025, "{communities: [{name: x, value: '1:1'}]}")
                + &manifest_of("Community", "d", 2024, "{communities: [{name: x, value: '1:1'}]}"),
            &["c spec.communities[0].name DuplicateAlias"],
        ),
        // A refused object defines nothing.
        row(
            "C-06",
            communities("c", "{name: x, value: '1:1'}, {name: z, value: bad}")
                + &communities("d", "{name: x, value: '1:1'}"),
            &["c spec.communities[1].value InvalidCommunity"],
        ),
    ]
}

fn profile(spec: &str) -> String {
    manifest("BFDProfile", "fast", spec)
}

fn profiles_stay_within_their_bounds() -> Vec<Row> {
    vec![
        row(
            "B-01",
            manifest("BFDProfile", "''", "{}"),
            &[" metadata.name MissingField"],
        ),
        row(
            "B-02",
            profile("{detectMultiplier: 1}"),
            &["fast spec.detectMultiplier OutOfRange"],
        ),
        row(
            "B-02",
            profile("{detectMultiplier: 256}"),
            &["fast spec.detectMultiplier OutOfRange"],
        ),
        row(
            "B-03",
            profile("{receiveInterval: 9}"),
            &["fast spec.receiveInterval OutOfRange"],
        ),
        row(
            "B-04",
            profile("{transmitInterval: 60001}"),
            &["fast spec.transmitInterval OutOfRange"],
        ),
        row(
            "B-05",
            profile("{minimumTtl: 0}"),
            &["fast spec.minimumTtl OutOfRange"],
        ),
        row(
            "B-05",
            profile("{minimumTtl: 255}"),
            &["fast spec.minimumTtl OutOfRange"],
        ),
        row(
            "B-06",
            profile("{echoInterval: -1}"),
            &["fast spec.echoInterval OutOfRange"],
        ),
        row(
            "B-02 B-03",
            profile("{receiveInterval: 0, detectMultiplier: 0}"),
            &[
                "fast spec.receiveInterval OutOfRange",
                "fast spec.detectMultiplier OutOfRange",
            ],
        ),
        row(
            "B-07",
            profile("{}") + &profile("{detectMultiplier: 2}"),
            &["fast metadata.name DuplicateName"],
        ),
        fine(
            "B-02",
            profile("{detectMultiplier: 255, receiveInterval: 10, transmitInterval: 60000, minimumTtl: 254}"),
        ),
        fine("B-02", profile("{}")).mode(BgpMode::FrrK8s),
    ]
}

tables!(
    alias_values_are_communities,
    an_alias_is_defined_once,
    profiles_stay_within_their_bounds,
);
