//! One object as a watch shows it, and what has been said about it.

use ferrolb_api::Object;
use ferrolb_kube::Error;
use ferrolb_kube::connection::Watches;
use ferrolb_kube::watch::Change;

/// One object, as far as it is known.
#[derive(Debug)]
pub(super) struct Observed<T> {
    object: Option<T>,
    is_known: bool,
    /// What the role does not allow; told once.
    forbidden: Option<&'static str>,
    /// Whether the last write failed; told once.
    is_failing: bool,
}

impl<T> Default for Observed<T> {
    fn default() -> Self {
        Self {
            object: None,
            is_known: false,
            forbidden: None,
            is_failing: false,
        }
    }
}

impl<T: Object> Observed<T> {
    /// Takes in what a watch of this object alone reports.
    pub(super) fn take(&mut self, change: Change<T>, watches: &mut Watches) {
        match change {
            Change::Applied(object) => self.set(Some(object)),
            Change::Deleted(_) => self.object = None,
            Change::Malformed { key, problem, .. } => {
                self.object = None;
                tracing::warn!(op = "webhook", kind = T::KIND, %key, %problem, "an object cannot be read");
            }
            Change::Synced => self.is_known = true,
            Change::Away { error } if matches!(*error, Error::Forbidden { .. }) => {
                self.forbid("watch", &error);
            }
            Change::Away { error } => watches.lost(T::KIND, &error),
            Change::Back => {
                self.forbidden = None;
                watches.found(T::KIND);
            }
        }
    }

    /// What a request has shown.
    pub(super) fn set(&mut self, object: Option<T>) {
        self.object = object;
        self.is_known = true;
        self.is_failing = false;
    }

    pub(super) const fn get(&self) -> Option<&T> {
        self.object.as_ref()
    }

    /// Whether it is known if the object exists.
    pub(super) const fn is_known(&self) -> bool {
        self.is_known
    }

    pub(super) const fn is_forbidden(&self) -> bool {
        self.forbidden.is_some()
    }

    /// Whether the object is as wanted, does not exist, or is none of our business.
    pub(super) fn holds(&self, is_wanted: impl FnOnce(&T) -> bool) -> bool {
        self.is_forbidden() || (self.is_known && self.object.as_ref().is_none_or(is_wanted))
    }

    /// Says once what the role does not allow.
    fn forbid(&mut self, verb: &'static str, error: &Error) {
        if self.forbidden.replace(verb) != Some(verb) {
            tracing::warn!(op = "webhook", kind = T::KIND, %error, "{}", remedy::<T>());
        }
    }

    /// Says once which write fails; it is tried again. That the API server is away is known from the watches.
    pub(super) fn failed(&mut self, verb: &'static str, error: &Error, watches: &Watches) {
        if matches!(error, Error::Forbidden { .. }) {
            self.forbid(verb, error);
        } else if !watches.is_away() && !core::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(op = "webhook", kind = T::KIND, verb, %error, "will try again");
        }
    }
}

impl<T: Object + Default + Clone> Observed<T> {
    pub(super) fn or_empty(&self) -> T {
        self.object.clone().unwrap_or_default()
    }
}

/// What follows from a lack of permission.
fn remedy<T: Object>() -> &'static str {
    match T::KIND {
        "Secret" => {
            "certificates cannot be kept, so that webhooks are not served; grant it, or use `--webhook-mode=disabled`"
        }
        _ => "the API server is not told whom to trust; grant it, or set the caBundle by other means",
    }
}
