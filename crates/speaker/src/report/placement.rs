//! Where Services are announced that this node is elected for: event, metric and status object, if the interfaces exist that their
//! advertisements name.
//!
//! The reference tells of a Service that is announced nowhere that it is, beside the warning (layer2 3.2, **Defect**).

use std::collections::BTreeSet;
use std::net::IpAddr;

use ferrolb_api::core::Service;
use ferrolb_api::resolved::Interfaces;
use ferrolb_api::{Reason, reason};
use ferrolb_kube::event::{Event, Reference, Severity, Tellers};
use ferrolb_plan::{Announcement, Protocol};
use ferrolb_types::{InterfaceName, ObjectKey};

use super::{Reporter, list};
use crate::links::Links;

/// A Service that this node is elected for.
pub(super) struct Announced<'a> {
    pub(super) service: &'a ObjectKey,
    pub(super) uid: &'a str,
    pub(super) protocol: Protocol,
    pub(super) addresses: &'a [IpAddr],
}

/// What there is of the interfaces of a Service.
enum Place<'a> {
    /// All interfaces are meant.
    Everywhere,
    /// Some of these exist; all are told, as the reference does.
    On(&'a BTreeSet<InterfaceName>),
    /// None of these does.
    Nowhere(&'a BTreeSet<InterfaceName>),
}

impl<'a> Place<'a> {
    fn of(interfaces: &'a Interfaces, links: &Links) -> Self {
        match interfaces {
            Interfaces::All => Self::Everywhere,
            Interfaces::Named(names) if names.iter().any(|name| links.has(name)) => Self::On(names),
            Interfaces::Named(names) => Self::Nowhere(names),
        }
    }
}

impl Reporter {
    /// This node is elected from now on.
    pub(super) fn tell_announced(
        &mut self,
        announced: &Announced<'_>,
        interfaces: &Interfaces,
        links: &Links,
    ) {
        let place = Place::of(interfaces, links);
        self.tell_where(announced, &place);
        match place {
            Place::Nowhere(names) => self.tell_nowhere(announced, names),
            Place::Everywhere | Place::On(_) => self.tell_somewhere(announced),
        }
    }

    /// It goes on being elected; the interfaces of its advertisements may be others, or exist, or not any more.
    pub(crate) fn tell_interfaces(&mut self, service: &ObjectKey, now: &Announcement, links: &Links) {
        let announced = Announced {
            service,
            uid: &now.uid,
            protocol: Protocol::Layer2,
            addresses: &now.addresses,
        };
        let place = Place::of(&now.interfaces, links);
        self.tell_where(&announced, &place);
        match (self.nowhere.contains(service), place) {
            (false, Place::Nowhere(names)) => self.tell_nowhere(&announced, names),
            (true, Place::Everywhere | Place::On(_)) => self.tell_somewhere(&announced),
            _ => {}
        }
    }

    /// The status object; there is none where none of the interfaces exists: nobody answers then, for this node is the one
    /// that is elected.
    fn tell_where(&self, announced: &Announced<'_>, place: &Place<'_>) {
        let wanted = match place {
            Place::Everywhere => Some(BTreeSet::new()),
            Place::On(names) => Some((*names).clone()),
            Place::Nowhere(_) => None,
        };
        self.owners.want(announced.service.clone(), wanted);
    }

    fn tell_somewhere(&mut self, announced: &Announced<'_>) {
        let Announced {
            service,
            protocol,
            addresses,
            ..
        } = announced;
        self.nowhere.remove(*service);
        self.metrics.announced(service, *protocol, addresses);
        tracing::info!(
            event = "serviceAnnounced", %service, %protocol, ips = %list(addresses), node = %self.node,
            "service has IP, announcing"
        );
        let message = format!(
            "announcing from node \"{}\" with protocol \"{protocol}\"",
            self.node
        );
        self.record(announced, Severity::Normal, reason::EVENT_NODE_ASSIGNED, message);
    }

    fn tell_nowhere(&mut self, announced: &Announced<'_>, names: &BTreeSet<InterfaceName>) {
        let Announced {
            service,
            protocol,
            addresses,
            ..
        } = announced;
        self.nowhere.insert((*service).clone());
        self.metrics.withdrawn(service, *protocol, addresses);
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        tracing::warn!(
            event = "announceFailed", %service, %protocol, ips = %list(addresses), node = %self.node,
            interfaces = names.join(","), "service has IP, but none of its interfaces exists"
        );
        let message = format!(
            "{} cannot be announced from node \"{}\" with protocol \"{protocol}\": the specified interfaces `{}` do not exist on \
             it; correct `spec.interfaces` of the L2Advertisement, or select other nodes",
            list(addresses),
            self.node,
            names.join("`, `")
        );
        self.record(
            announced,
            Severity::Warning,
            reason::EVENT_ANNOUNCE_FAILED,
            message,
        );
    }

    fn record(&self, about: &Announced<'_>, severity: Severity, reason: Reason, message: String) {
        self.events.record(Event {
            object: Reference::to::<Service>(about.service.clone(), about.uid),
            severity,
            reason: reason.word().into(),
            message,
            tellers: Tellers::One,
        });
    }
}
