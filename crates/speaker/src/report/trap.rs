//! Traps of the node, as they come and go.

use std::collections::BTreeMap;

use ferrolb_api::core::{Node, Service};
use ferrolb_api::{Alert, reason};
use ferrolb_diagnosis::{About, Trap};
use ferrolb_kube::event::{Event, Reference, Severity, Tellers};
use ferrolb_types::ObjectKey;

use super::Reporter;

/// What makes two findings one trap.
type Identity = (About, &'static str);

/// The traps that were told last.
#[derive(Debug, Default)]
pub(crate) struct Traps(BTreeMap<Identity, Trap>);

impl Traps {
    /// Puts `found` in the place of what was; returns what is new, and what is gone.
    fn replace(&mut self, found: Vec<Trap>) -> (Vec<Trap>, Vec<Trap>) {
        let identity = |trap: &Trap| (trap.about.clone(), trap.reason.word());
        let found: BTreeMap<Identity, Trap> = found.into_iter().map(|t| (identity(&t), t)).collect();
        let before = std::mem::replace(&mut self.0, found);
        let new = self.0.iter().filter(|(id, _)| !before.contains_key(id));
        let gone = before.iter().filter(|(id, _)| !self.0.contains_key(id));
        let traps = |(_, trap): (&Identity, &Trap)| trap.clone();
        (new.map(traps).collect(), gone.map(traps).collect())
    }

    fn counts(&self) -> BTreeMap<&'static str, i64> {
        let mut counts = BTreeMap::new();
        for (_, word) in self.0.keys() {
            *counts.entry(*word).or_default() += 1;
        }
        counts
    }

    fn alert(&self) -> Option<Alert> {
        let first = self.0.values().next()?;
        let messages: Vec<&str> = self.0.values().map(|trap| &*trap.message).collect();
        Some(Alert {
            kind: reason::EVENT_NODE_TRAP,
            reason: first.reason,
            message: messages.join("\n"),
        })
    }

    /// Messages, for `/debug/state`.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|trap| &*trap.message)
    }
}

impl Reporter {
    /// Tells what a look at the node has found, as far as it is something else than before.
    pub(crate) fn tell_traps(&mut self, found: Vec<Trap>, uid: impl Fn(&ObjectKey) -> Box<str>) {
        let (new, gone) = self.traps.replace(found);
        for trap in &new {
            tracing::warn!(event = "trapFound", reason = trap.reason.word(), node = %self.node, "{}", trap.message);
            self.record_trap(trap, &uid);
        }
        for trap in &gone {
            tracing::info!(event = "trapGone", reason = trap.reason.word(), node = %self.node, "repaired: {}", trap.message);
        }
        self.metrics.count_traps(&self.traps.counts());
        match self.traps.alert() {
            Some(alert) => self.state.raise(alert),
            None => self.state.clear(reason::EVENT_NODE_TRAP),
        }
    }

    fn record_trap(&self, trap: &Trap, uid: &impl Fn(&ObjectKey) -> Box<str>) {
        let object = match &trap.about {
            // As the kubelet does: the UID of a Node in its events is its name.
            About::Node => Reference::to::<Node>(ObjectKey::new("", self.node.as_str()), self.node.as_str()),
            About::Service(key) => Reference::to::<Service>(key.clone(), uid(key)),
        };
        self.events.record(Event {
            object,
            severity: Severity::Warning,
            reason: trap.reason.word().into(),
            message: trap.message.clone(),
            tellers: Tellers::One,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trap(about: About, message: &str) -> Trap {
        Trap {
            about,
            reason: reason::ADDRESS_ON_NODE,
            message: message.to_owned(),
        }
    }

    #[test]
    fn a_trap_is_new_once_and_gone_once() {
        let mut traps = Traps::default();
        let web = About::Service(ObjectKey::new("default", "web"));
        let (new, gone) = traps.replace(vec![trap(web.clone(), "on eth0"), trap(About::Node, "node")]);
        assert_eq!((new.len(), gone.len()), (2, 0));
        let (new, gone) = traps.replace(vec![trap(web.clone(), "on eth0, eth1")]);
        assert_eq!(
            (new, gone.len()),
            (vec![], 1),
            "what is told in other words is not new"
        );
        assert_eq!(traps.messages().collect::<Vec<_>>(), ["on eth0, eth1"]);
        let (new, gone) = traps.replace(Vec::new());
        assert_eq!((new, gone), (vec![], vec![trap(web, "on eth0, eth1")]));
    }

    #[test]
    fn the_condition_names_all_traps_and_the_reason_of_the_first() {
        let mut traps = Traps::default();
        assert_eq!(traps.alert(), None);
        let web = About::Service(ObjectKey::new("default", "web"));
        traps.replace(vec![trap(web, "second"), trap(About::Node, "first")]);
        let alert = traps.alert().expect("there are traps");
        assert_eq!(
            (alert.reason.word(), &*alert.message),
            ("AddressOnNode", "first\nsecond")
        );
    }
}
