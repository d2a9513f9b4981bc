//! Faults on demand: what a test lets go wrong.

use core::time::Duration;
use std::sync::{Mutex, PoisonError};

use crate::error::ApiError;
use crate::requests::{Request, Verb};

/// Which requests a fault is for; what is `None` matches everything.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The verb.
    pub verb: Option<Verb>,
    /// The resource, as in `services` or `ipaddresspools.metallb.io`.
    pub resource: Option<String>,
    /// The subresource; `Some("")` means the object itself.
    pub subresource: Option<String>,
    /// The object's name.
    pub name: Option<String>,
}

impl Target {
    /// All requests with this verb for this resource.
    #[must_use]
    pub fn new(verb: Verb, resource: &str) -> Self {
        Self {
            verb: Some(verb),
            resource: Some(resource.to_owned()),
            ..Self::default()
        }
    }

    /// All writes.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    fn matches(&self, request: &Request) -> bool {
        let fits = |wanted: &Option<String>, given: &str| wanted.as_deref().is_none_or(|w| w == given);
        self.verb.is_none_or(|v| v == request.verb)
            && fits(&self.resource, &request.resource)
            && fits(&self.subresource, &request.subresource)
            && fits(&self.name, &request.name)
    }
}

/// What goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The request is answered with this refusal and does nothing.
    Refuse(ApiError),
    /// The request is done after a while.
    Delay(Duration),
    /// The connection breaks before the request is done.
    Drop,
    /// The connection breaks after the request was done: the client does not learn that it was.
    DropAnswer,
}

/// Faults that wait for their requests, in the order in which they were added.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Armed>>);

#[derive(Debug)]
struct Armed {
    target: Target,
    fault: Fault,
    /// How many requests it is still for; `None` means all.
    left: Option<usize>,
}

impl Faults {
    /// The next `times` requests that match are hit.
    pub fn next(&self, times: usize, target: Target, fault: Fault) {
        self.arm(target, fault, Some(times));
    }

    /// Every request that matches is hit until [`Faults::clear`].
    pub fn always(&self, target: Target, fault: Fault) {
        self.arm(target, fault, None);
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn arm(&self, target: Target, fault: Fault, left: Option<usize>) {
        self.lock().push(Armed { target, fault, left });
    }

    /// The first fault for this request.
    pub(crate) fn hit(&self, request: &Request) -> Option<Fault> {
        let mut armed = self.lock();
        let index = armed.iter().position(|a| a.target.matches(request))?;
        let fault = armed[index].fault.clone();
        if let Some(left) = &mut armed[index].left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                armed.remove(index);
            }
        }
        Some(fault)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
