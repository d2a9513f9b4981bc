//! Putting a decision into force: events, holders, queues, the write.

use core::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::facts::ServiceFacts;

use crate::blocked::Blocked;
use crate::effect::EventSeverity;
use crate::engine::{Engine, Step};
use crate::family::quoted;
use crate::judge::{Complaint, News, Verdict};
use crate::reason::events;
use crate::record::{ServiceId, Standing};
use crate::retain::Lost;

/// What a Service is to this engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    /// It gets addresses from here.
    Ours,
    /// Of another load balancer class: hands off.
    Ignored,
    /// Of another type: whatever it has from here goes.
    NotLoadBalancer,
}

impl Concern {
    pub(crate) fn of(facts: &ServiceFacts, class: &str) -> Self {
        if !facts.is_load_balancer {
            Self::NotLoadBalancer
        } else if facts.has_class(class) {
            Self::Ours
        } else {
            Self::Ignored
        }
    }
}

impl Standing {
    fn new(complaint: Complaint, blocked: Blocked) -> Self {
        Self {
            reason: blocked.reason,
            message: blocked.message,
            is_unmet_request: complaint.is_unmet_request(),
            queues: blocked.queues,
        }
    }
}

impl Engine {
    /// Decides on a Service whose addresses, if it holds any, are valid, and puts the decision into force. `lost` is
    /// what it has just lost.
    pub(crate) fn settle(&mut self, step: &mut Step<'_>, id: ServiceId, lost: Option<Lost>) {
        let facts = Arc::clone(&self.directory[id].facts);
        if let Some(lost) = lost {
            self.report_loss(step, &facts, lost);
        }
        if Concern::of(&facts, &self.options().class) == Concern::Ours {
            self.prepare_pinned(&facts);
            self.decisions += 1;
            let verdict = self.judge(id);
            self.enforce(step, id, &facts, verdict);
        } else {
            self.set_held(step, id, None);
            self.set_standing(id, None);
        }
        if let Some(key) = self.reservation_key(id) {
            self.keep_reservation(step, &key);
        }
        self.write_if_needed(step, id);
        self.forget_if_done(id);
    }

    fn enforce(&mut self, step: &mut Step<'_>, id: ServiceId, facts: &ServiceFacts, verdict: Verdict) {
        let Verdict { held, news, blocked } = verdict;
        let addresses = held.as_ref().map_or(&[][..], |held| held.addresses.as_slice());
        if let Some(news) = news {
            report_news(step, facts, news, addresses);
        }
        if let Some((complaint, blocked)) = &blocked {
            self.complain(step, id, facts, *complaint, blocked);
        }
        self.set_held(step, id, held);
        self.set_standing(id, blocked);
    }

    fn report_loss(&self, step: &mut Step<'_>, facts: &ServiceFacts, lost: Lost) {
        match lost {
            Lost::Unreadable(listed) => {
                let message = format!("the family of the addresses {listed} cannot be told");
                step.record(facts, EventSeverity::Warning, events::INGRESS_FAMILY, message);
            }
            // Without any pool every Service loses its address at once, for a cause that everybody knows.
            Lost::Invalid(cause) if !self.pools.is_empty() => {
                let message = format!("current IP not allowed for \"{}\", clearing: {cause}", facts.key);
                step.record(facts, EventSeverity::Normal, events::CLEAR_ASSIGNMENT, message);
            }
            Lost::Invalid(_) | Lost::Family => {}
        }
    }

    /// Complaints are repeated only when they change (design, promise 7).
    fn complain(
        &self,
        step: &mut Step<'_>,
        id: ServiceId,
        facts: &ServiceFacts,
        complaint: Complaint,
        blocked: &Blocked,
    ) {
        let record = &self.directory[id];
        let same =
            |standing: &Standing| standing.reason == blocked.reason && standing.message == blocked.message;
        if record.standing.as_deref().is_some_and(same) {
            return;
        }
        // An earlier process has told it, and put it into the status.
        let standing = Standing::new(complaint, blocked.clone());
        if step.starting && facts.request_condition.as_deref() == Some(&standing.condition(facts.generation))
        {
            return;
        }
        let cause = &blocked.message;
        let (severity, reason, message) = match complaint {
            Complaint::Silent => return,
            // A restart is no news to a Service that has had one family all along.
            Complaint::SecondFamily if step.starting => return,
            Complaint::SecondFamily => {
                let message = format!("no address of the second family: {cause}");
                (EventSeverity::Normal, events::ADDITIONAL_ASSIGN_FAILED, message)
            }
            Complaint::Allocation => {
                let message = format!("Failed to allocate IP for \"{}\": {cause}", facts.key);
                (EventSeverity::Warning, events::ALLOCATION_FAILED, message)
            }
            Complaint::Request => {
                let message = format!("invalid request, the address stays as it is: {cause}");
                (EventSeverity::Warning, events::LOAD_BALANCER_FAILED, message)
            }
            Complaint::ClusterIps => (
                EventSeverity::Warning,
                events::NOT_ENOUGH_CLUSTER_IPS,
                cause.clone(),
            ),
            Complaint::ClusterFamily => (EventSeverity::Warning, events::CLUSTER_FAMILY, cause.clone()),
        };
        step.record(facts, severity, reason, message);
    }

    /// Remembers why a Service waits and puts it into the queues for that.
    pub(crate) fn set_standing(&mut self, id: ServiceId, blocked: Option<(Complaint, Blocked)>) {
        let record = &mut self.directory[id];
        let old = record.standing.take();
        record.standing = blocked.map(|(complaint, blocked)| Box::new(Standing::new(complaint, blocked)));
        let queues = |standing: &Option<Box<Standing>>| standing.as_ref().map(|s| s.queues.clone());
        if queues(&old) == queues(&record.standing) {
            return;
        }
        if let Some(old) = old {
            self.waiting.leave(&record.turn, &old.queues);
        }
        if let Some(new) = &record.standing {
            self.waiting.enter(&record.turn, &new.queues);
        }
    }

    /// Forgets a Service that is no load balancer and has nothing of ours any more.
    pub(crate) fn forget_if_done(&mut self, id: ServiceId) {
        let record = &self.directory[id];
        let other_type = !record.facts.is_load_balancer;
        if other_type && record.held.is_none() && record.writing.is_idle() && self.is_written(id) {
            self.directory.remove(id);
        }
    }
}

fn report_news(step: &mut Step<'_>, facts: &ServiceFacts, news: News, addresses: &[IpAddr]) {
    let message = match news {
        News::Allocated => format!("Assigned IP {}", quoted(addresses)),
        News::Additional(addr) => format!("Assigned additional IP \"{addr}\""),
    };
    step.record(facts, EventSeverity::Normal, events::IP_ALLOCATED, message);
}
