//! What people see of the ring.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use ferrolb_api::core::Node;
use ferrolb_api::reason;
use ferrolb_claim::Opening;
use ferrolb_gossip::Output;
use ferrolb_kube::event::{Event, Reference, Severity, Tellers};
use ferrolb_types::ObjectKey;

use crate::report::Reporter;

/// What is said of a port that is open for TCP alone.
const UDP_CLOSED: &str = "it answers over TCP and not over UDP";

impl Reporter {
    /// Addresses may be claimed from now on.
    pub(crate) fn tell_opening(&self, opening: Opening) {
        match opening {
            Opening::Joined => tracing::info!(op = "ring", "the ring is joined"),
            Opening::Alone => tracing::info!(op = "ring", "there is no other speaker"),
            Opening::Unanswered => tracing::warn!(
                op = "ring",
                "no other speaker has answered by gossip: announcing as if this one were alone"
            ),
        }
    }

    /// The pods of speakers are not known.
    pub(crate) fn tell_no_peers(&self, error: &ferrolb_kube::Error) {
        tracing::warn!(
            op = "ring", %error,
            "cannot list the pods of `--ml-labels`, will keep trying; until then the others have to find this speaker"
        );
    }

    /// A report of the ring.
    pub(crate) fn tell_ring(&mut self, report: &Output) {
        match report {
            Output::ReportMemberJoined(member) => {
                self.tell_reachable(member.address);
                tracing::info!(event = "memberJoined", member = %member.name, address = %member.address, "a speaker is in the ring");
            }
            Output::ReportMemberGone { name, left: true, .. } => {
                tracing::info!(event = "memberLeft", member = %name, "a speaker has left the ring");
            }
            Output::ReportMemberGone {
                name, left: false, ..
            } => {
                tracing::warn!(event = "memberFailed", member = %name, "a speaker is not in the ring any more");
            }
            Output::ReportElectionOut { name, .. } => {
                tracing::warn!(event = "memberSilent", member = %name, "a speaker is not heard and out for elections");
            }
            Output::ReportElectionIn { name } => {
                tracing::info!(event = "memberHeard", member = %name, "a speaker is heard again");
            }
            Output::ReportJudged {
                name,
                watcher,
                silent,
            } => {
                tracing::debug!(op = "ring", member = %name, %watcher, silent, "a watcher has judged a speaker");
            }
            Output::ReportConflict { name, known, other } => tracing::warn!(
                event = "memberConflict", member = %name, %known, %other,
                "two speakers have the name of one node; `--node-name` must be the name of the own node"
            ),
            Output::ReportJoinFailed { address, reason } => self.tell_unreachable(*address, reason),
            Output::ReportPacketsLost { address } => self.tell_unreachable(*address, UDP_CLOSED),
            Output::ReportPacketsAnswered { address } => self.tell_reachable(*address),
            Output::ReportJoined { address, nodes } => {
                tracing::debug!(op = "ring", %address, nodes, "a speaker has answered");
            }
            Output::ReportQueue { length } => {
                tracing::warn!(op = "ring", length, "many changes of the ring wait to be sent");
            }
            _ => {}
        }
    }

    /// The pod list names these.
    pub(crate) fn tell_pods(&mut self, pods: &BTreeSet<SocketAddr>) {
        self.reach.keep(pods);
        self.tell_reach();
    }

    fn tell_reachable(&mut self, address: SocketAddr) {
        if self.reach.answer(address) {
            tracing::info!(op = "ring", %address, "a speaker answers by gossip now");
        }
        self.tell_reach();
    }

    fn tell_unreachable(&mut self, address: SocketAddr, cause: &str) {
        let is_news = self.reach.fail(address, cause);
        self.tell_reach();
        if !is_news {
            return;
        }
        tracing::warn!(op = "ring", %address, error = cause, "a speaker does not answer by gossip, will keep trying");
        let key = ObjectKey::new("", self.node.as_str());
        self.events.record(Event {
            // As the kubelet does: the UID of a Node in its events is its name.
            object: Reference::to::<Node>(key, self.node.as_str()),
            severity: Severity::Warning,
            reason: reason::EVENT_GOSSIP_UNREACHABLE.word().into(),
            message: format!(
                "the speaker on node \"{}\" cannot reach the one at {address} by gossip: {cause}; open the port, TCP and \
                 UDP, between the nodes, and give all speakers the same key",
                self.node
            ),
            tellers: Tellers::One,
        });
    }
}
