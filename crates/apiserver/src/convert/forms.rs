//! An object in other versions of its kind, as a webhook made it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::Hook;
use crate::object::set_version;

/// The forms of one stored object; there are as many as the kind has versions that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Forms(Mutex<Vec<Form>>);

#[derive(Clone, Debug)]
struct Form {
    /// Who made it.
    hook: Arc<Hook>,
    version: Box<str>,
    value: Arc<Value>,
}

impl Forms {
    /// The form in `version`, if this webhook made one.
    pub(crate) fn get(&self, hook: &Arc<Hook>, version: &str) -> Option<Arc<Value>> {
        let forms = self.lock();
        let form = forms
            .iter()
            .find(|f| Arc::ptr_eq(&f.hook, hook) && *f.version == *version);
        form.map(|f| Arc::clone(&f.value))
    }

    /// Keeps a form; those of webhooks of former definitions go.
    pub(super) fn keep(&self, hook: &Arc<Hook>, version: &str, value: Value) {
        let mut forms = self.lock();
        forms.retain(|f| Arc::ptr_eq(&f.hook, hook) && *f.version != *version);
        forms.push(Form {
            hook: Arc::clone(hook),
            version: version.into(),
            value: Arc::new(value),
        });
    }

    /// The forms of the same object under another `resourceVersion`.
    pub(crate) fn at(&self, version: u64) -> Self {
        let mut forms = self.lock().clone();
        for form in &mut forms {
            set_version(Arc::make_mut(&mut form.value), version);
        }
        Self(Mutex::new(forms))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Form>> {
        // Nothing that can panic happens under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
