//! What the demo did, how long each step took, and who answered.

use std::time::Duration;

use serde::Serialize;

/// The result, as `-o json` prints it.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// In the order in which they were done.
    pub(super) steps: Vec<Step>,
    /// One for each address of the Service.
    pub(super) answers: Vec<Answer>,
    /// What came of killing the speaker that answered for the first address.
    pub(super) failover: Option<Failover>,
}

/// The owner of an address died.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failover {
    pub(super) address: String,
    /// The node whose speaker was killed.
    pub(super) from: String,
    /// The node that took over.
    pub(super) to: String,
    /// From the kill until the client's kernel knew the hardware address of the new owner.
    pub(super) milliseconds: f64,
    /// The first line of the page that the new owner served.
    pub(super) page: String,
}

/// One thing that was done.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Step {
    pub(super) name: String,
    pub(super) milliseconds: f64,
    pub(super) detail: String,
}

/// How the client reached one address.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    pub(super) address: String,
    /// `ARP` or `NDP`.
    pub(super) protocol: &'static str,
    /// The hardware address that the client learned.
    pub(super) mac: String,
    /// The node whose interface has it.
    pub(super) node: String,
    /// From the first request frame to the answer, as the client's kernel saw it.
    pub(super) resolved_milliseconds: f64,
    /// The page's first line.
    pub(super) page: String,
    pub(super) fetched_milliseconds: f64,
}

/// Milliseconds with two decimals, the resolution that means something here.
pub(super) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

/// The closing table.
pub(super) fn table(report: &Report) -> String {
    let headings = [
        "ADDRESS",
        "BY",
        "ANSWERED BY",
        "MAC",
        "RESOLVED",
        "PAGE",
        "FETCHED",
    ];
    let row = |a: &Answer| {
        [
            a.address.clone(),
            a.protocol.to_owned(),
            a.node.clone(),
            a.mac.clone(),
            format!("{:.2} ms", a.resolved_milliseconds),
            a.page.clone(),
            format!("{:.2} ms", a.fetched_milliseconds),
        ]
    };
    crate::table::table(headings, report.answers.iter().map(row))
}
