//! Whether an object may be stored, beside those that are.
//!
//! The resolver decides, as in the running processes; an object is refused when the resolver would refuse it or, because
//! of it, another one. What is wrong with other objects anyway is not held against it (W-06: MetalLB refuses everything
//! of a kind while one stored object of that kind is bad).
//!
//! | What the resolver finds | Answer |
//! |---|---|
//! | an error on the object | refused |
//! | an error on the object that another object can still put right (a name that does not exist yet) | warning |
//! | a warning on the object | warning |
//! | a new error on another object: the two contradict each other | refused |
//! | a new error on another object: it refers to this one | warning |
//! | anything that was there before | nothing |
//!
//! A new object counts as younger than all others, whatever the clocks say, so that it is the one to give way. An edit
//! that leaves the spec as it is, and any edit of an object under deletion, is never refused: labels and finalizers of a
//! bad object can be changed.

use std::collections::BTreeSet;

use ferrolb_api::facts::NodeFacts;
use ferrolb_api::metallb::{BfdProfile, BgpPeer};
use ferrolb_api::resolved::{Config, any_or_empty};
use ferrolb_api::{Change, Object, Problem, Reason, Resolver, Rules, Severity, node_view, reason};
use serde_json::{Value, json};

use crate::verdict::{Cause, harm, warning};
use crate::{Kind, Operation, Review, Verdict};

/// After every real time of creation.
const YOUNGEST: &str = "9999-12-31T23:59:59Z";

/// Errors that another object can still put right, so that manifests may be applied in any order.
const AWAITING: &[Reason] = &[
    reason::UNKNOWN_BFD_PROFILE,
    reason::UNKNOWN_COMMUNITY,
    reason::SECRET_MISSING,
    reason::INVALID_SECRET,
];

/// Errors of two objects of one kind that contradict each other.
const CONTRADICTING: &[Reason] = &[
    reason::OVERLAPPING_ADDRESSES,
    reason::DUPLICATE_ALIAS,
    reason::CONFLICTING_LOCAL_PREF,
    reason::DUPLICATE_PEER,
    reason::CONFLICTING_PEERS,
];

/// What the review alone tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstLook {
    /// The answer.
    Answered(Verdict),
    /// The answer depends on what the API server holds; ask [`Review::judge`] with it.
    Needs(Needs),
}

/// What has to be read: every `metallb.io` object of the namespace that counts, and perhaps more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Also the Nodes, with their labels.
    pub nodes: bool,
}

/// What the API server holds.
#[derive(Clone, Debug, Default)]
pub struct Existing {
    /// Every `metallb.io` object of the namespace that counts.
    pub objects: Vec<Change>,
    /// The Nodes; absent if they were not needed or cannot be read, so that nothing is said about single nodes.
    pub nodes: Option<Vec<NodeFacts>>,
}

impl Review {
    /// Answers if the review alone suffices.
    #[must_use]
    pub fn first_look(&self, rules: &Rules) -> FirstLook {
        let request = &self.request;
        match request.operation {
            _ if !request.sub_resource.is_empty() => FirstLook::Answered(Verdict::allowed()),
            Operation::Create | Operation::Update => self.look_at_object(rules),
            Operation::Delete if self.kind == Kind::BfdProfile && rules.counts(&request.namespace) => {
                FirstLook::Needs(Needs { nodes: false })
            }
            Operation::Delete | Operation::Other => FirstLook::Answered(Verdict::allowed()),
        }
    }

    fn look_at_object(&self, rules: &Rules) -> FirstLook {
        if let Err(problem) = self.kind.decode(&self.request.object) {
            return FirstLook::Answered(Verdict::undecodable(&problem));
        }
        if rules.counts(self.namespace()) {
            return FirstLook::Needs(Needs {
                nodes: self.kind.meets_on_nodes(),
            });
        }
        let namespace = &rules.namespace;
        FirstLook::Answered(match self.request.operation {
            Operation::Create => Verdict::forbidden(format!(
                "resource must be created in {namespace} namespace; objects elsewhere have no effect"
            )),
            _ => Verdict::allowed_with(vec![format!(
                "only objects in namespace `{namespace}` have an effect"
            )]),
        })
    }

    fn namespace(&self) -> &str {
        let named = self
            .request
            .object
            .pointer("/metadata/namespace")
            .and_then(Value::as_str);
        named.unwrap_or(&self.request.namespace)
    }

    /// Answers in view of what the API server holds.
    #[must_use]
    pub fn judge(&self, existing: Existing, rules: &Rules) -> Verdict {
        if self.request.operation == Operation::Delete {
            return self.judge_deletion(&existing.objects);
        }
        let incoming = match self.kind.decode(&self.dated()) {
            Ok(incoming) => incoming,
            Err(problem) => return Verdict::undecodable(&problem),
        };
        let mut world = World::new(existing, rules, self.kind);
        let before: BTreeSet<Id> = world.errors().iter().map(Id::of).collect();
        world.resolver.apply(incoming);
        world.resolver.settle();
        let (own, others): (BTreeSet<Problem>, BTreeSet<Problem>) = world
            .problems()
            .into_iter()
            .partition(|problem| self.is_about(problem));
        let is_new =
            |problem: &Problem| problem.severity == Severity::Error && !before.contains(&Id::of(problem));
        self.weigh(own, others.into_iter().filter(is_new).collect())
    }

    /// `own`: what is wrong with the object; `harmed`: what gets wrong with others because of it.
    fn weigh(&self, own: BTreeSet<Problem>, harmed: Vec<Problem>) -> Verdict {
        let (errors, mut told): (Vec<Problem>, Vec<Problem>) = own.into_iter().partition(refuses);
        let (contradicted, referring): (Vec<Problem>, Vec<Problem>) = harmed
            .into_iter()
            .partition(|problem| is_one_of(problem, CONTRADICTING));
        let causes: Vec<Cause> = errors
            .iter()
            .map(Cause::of)
            .chain(contradicted.iter().map(Cause::elsewhere))
            .collect();
        let mut verdict = Verdict::allowed();
        if !causes.is_empty() && !self.leaves_spec_alone() {
            verdict = Verdict::invalid(causes);
        } else {
            told.extend(errors);
        }
        verdict.warnings = told
            .iter()
            .map(warning)
            .chain(referring.iter().map(harm))
            .collect();
        verdict
    }

    /// A BFD profile that a peer names stays (W-04).
    fn judge_deletion(&self, objects: &[Change]) -> Verdict {
        let name = &self.request.name;
        let user = objects.iter().find_map(|object| match object {
            Change::BgpPeer(peer) if peer.spec.bfd_profile.as_ref() == Some(name) => {
                Some(&peer.metadata.name)
            }
            _ => None,
        });
        user.map_or_else(Verdict::allowed, |peer| {
            Verdict::forbidden(format!(
                "failed to delete {} `{name}`: {} `{peer}` uses it; change or delete that first",
                BfdProfile::KIND,
                BgpPeer::KIND
            ))
        })
    }

    /// The object, with a time of creation by which a new one is the youngest.
    fn dated(&self) -> Value {
        let mut object = self.request.object.clone();
        let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
        if let (Operation::Create, Some(metadata)) = (self.request.operation, metadata) {
            metadata.insert("creationTimestamp".into(), json!(YOUNGEST));
        }
        object
    }

    fn is_about(&self, problem: &Problem) -> bool {
        let name = self
            .request
            .object
            .pointer("/metadata/name")
            .and_then(Value::as_str);
        problem.kind == self.kind.name() && problem.name == name.unwrap_or_default()
    }

    fn leaves_spec_alone(&self) -> bool {
        let request = &self.request;
        let is_leaving = request
            .object
            .pointer("/metadata/deletionTimestamp")
            .is_some_and(|time| !time.is_null());
        let same = request.object.get("spec") == request.old_object.get("spec");
        request.operation == Operation::Update && (is_leaving || same)
    }
}

/// Whether the object cannot be stored with this.
fn refuses(problem: &Problem) -> bool {
    let may_heal = is_one_of(problem, AWAITING) && !is_literal(problem);
    problem.severity == Severity::Error && !may_heal
}

/// Whether a community was meant literally, so that no alias will help.
fn is_literal(problem: &Problem) -> bool {
    let has_colon = problem.value.as_deref().is_some_and(|text| text.contains(':'));
    problem.reason == reason::UNKNOWN_COMMUNITY.word() && has_colon
}

fn is_one_of(problem: &Problem, reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| problem.reason == reason.word())
}

/// A problem whatever its words, which may quote other objects.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Id {
    kind: String,
    name: String,
    field: String,
    reason: String,
}

impl Id {
    fn of(problem: &Problem) -> Self {
        Self {
            kind: problem.kind.clone().into_owned(),
            name: problem.name.clone(),
            field: problem.field.clone(),
            reason: problem.reason.clone().into_owned(),
        }
    }
}

/// Everything that is stored, resolved.
struct World {
    resolver: Resolver,
    rules: Rules,
    /// Where the objects under review meet others.
    nodes: Option<Vec<NodeFacts>>,
}

impl World {
    fn new(existing: Existing, rules: &Rules, kind: Kind) -> Self {
        // What is stored counts, not what was stored before; and nobody shows Secrets to a webhook.
        let rules = Rules {
            keep_last_accepted: false,
            with_secrets: false,
            ..rules.clone()
        };
        let mut resolver = Resolver::new(rules.clone());
        for object in existing.objects {
            resolver.apply(object);
        }
        resolver.settle();
        Self {
            resolver,
            rules,
            nodes: existing.nodes.filter(|_| kind.meets_on_nodes()),
        }
    }

    fn problems(&self) -> BTreeSet<Problem> {
        let mut problems: BTreeSet<Problem> = self.resolver.problems().cloned().collect();
        let config = self.resolver.config();
        match self.nodes.as_deref() {
            None => {}
            Some([]) => problems.extend(node_view(config, None, &self.rules).problems),
            Some(nodes) => {
                for node in unlike(nodes, config) {
                    problems.extend(node_view(config, Some(node), &self.rules).problems);
                }
            }
        }
        problems
    }

    fn errors(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.problems().into_iter().collect();
        problems.retain(|problem| problem.severity == Severity::Error);
        problems
    }
}

/// One of all nodes that peers and advertisements do not tell apart; of thousands a few.
fn unlike<'a>(nodes: &'a [NodeFacts], config: &'a Config) -> impl Iterator<Item = &'a NodeFacts> {
    let mut seen = BTreeSet::new();
    let peers = config.bgp_peers.values().map(|peer| &*peer.node_selectors);
    let advertisements = config.bgp_advertisements.values().map(|ad| &*ad.node_selectors);
    let selectors: Vec<_> = peers
        .chain(advertisements)
        .filter(|list| !list.is_empty())
        .collect();
    nodes.iter().filter(move |node| {
        let seen_by: Vec<bool> = selectors
            .iter()
            .map(|list| any_or_empty(list, &node.labels))
            .collect();
        seen.insert(seen_by)
    })
}

#[cfg(test)]
mod tests;
