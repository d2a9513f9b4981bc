//! Writes that others are asked about first, without holding up anybody else.

use ferrolb_types::ObjectKey;

use super::{ObjectCall, review};
use crate::admission::{self, Operation, Review};
use crate::convert;
use crate::error::ApiError;
use crate::ops::{Asked, Core, DeleteOptions, Deleted, Draft, Outcome, WriteOptions, group_resource};
use crate::selector::Filter;

/// How often a write is drafted anew because the object changed while others were asked.
const ATTEMPTS: usize = 5;

/// What a look at the state led to.
enum Step {
    /// Nobody has to be asked.
    Done(Outcome),
    /// Webhooks have a say in it.
    Ask(Draft, Vec<Review>),
}

/// What drafting led to.
enum Drafted {
    /// The current object changed, and is not there in the version of the request.
    Unprepared,
    /// A webhook has to bring the new object into the version that it is stored in.
    Convert(Draft),
    /// It is as it is stored.
    Next(Step),
}

impl ObjectCall {
    /// Drafts a write (of the object `key`, where there may be one), asks the webhooks that it concerns, and stores it.
    pub(super) async fn reviewed(
        &self,
        key: Option<&ObjectKey>,
        options: &WriteOptions,
        draft: impl Fn(&mut Core) -> Result<Draft, ApiError>,
    ) -> Result<Outcome, ApiError> {
        for _ in 0..ATTEMPTS {
            if let Some(outcome) = self.attempt(key, options, &draft).await? {
                return Ok(outcome);
            }
        }
        let resource = group_resource(&self.resource);
        Err(ApiError::stale(&resource, &self.path.name))
    }

    /// `None` if the object changed while others were asked.
    async fn attempt(
        &self,
        key: Option<&ObjectKey>,
        options: &WriteOptions,
        draft: impl Fn(&mut Core) -> Result<Draft, ApiError>,
    ) -> Result<Option<Outcome>, ApiError> {
        let shared = &self.call.shared;
        self.prepare_current(key).await?;
        let drafted = shared.write(|core| match self.is_prepared(core, key) {
            true => draft(core).and_then(|draft| self.next(core, draft, options)),
            false => Ok(Drafted::Unprepared),
        })?;
        let step = match drafted {
            Drafted::Unprepared => return Ok(None),
            Drafted::Next(step) => step,
            Drafted::Convert(draft) => {
                let draft = self.converted(draft).await?;
                match unless_changed(shared.write(|core| self.step(core, draft, options)))? {
                    Some(step) => step,
                    None => return Ok(None),
                }
            }
        };
        match step {
            Step::Done(outcome) => Ok(Some(outcome)),
            Step::Ask(draft, reviews) => {
                let draft = self.allowed(draft, reviews).await?;
                unless_changed(shared.write(|core| core.commit(draft, options)))
            }
        }
    }

    fn next(&self, core: &mut Core, draft: Draft, options: &WriteOptions) -> Result<Drafted, ApiError> {
        match draft.unconverted {
            Some(_) => Ok(Drafted::Convert(draft)),
            None => self.step(core, draft, options).map(Drafted::Next),
        }
    }

    fn step(&self, core: &mut Core, draft: Draft, options: &WriteOptions) -> Result<Step, ApiError> {
        let user = review::user(&self.call, self.call.header());
        match core.reviews(&draft.asked(&user, options.dry_run)) {
            reviews if reviews.is_empty() => core.commit(draft, options).map(Step::Done),
            reviews => Ok(Step::Ask(draft, reviews)),
        }
    }

    /// The current object can be shown in the version of the request: that is what a change begins with.
    async fn prepare_current(&self, key: Option<&ObjectKey>) -> Result<(), ApiError> {
        let current = key.and_then(|key| {
            let shared = &self.call.shared;
            shared.read(|core| core.store.get(&self.resource.id, key).cloned())
        });
        self.prepare(&current).await
    }

    fn is_prepared(&self, core: &Core, key: Option<&ObjectKey>) -> bool {
        let current = key.and_then(|key| core.store.get(&self.resource.id, key));
        current.is_none_or(|current| self.resource.can_show(current))
    }

    async fn converted(&self, mut draft: Draft) -> Result<Draft, ApiError> {
        if let Some(object) = draft.unconverted.take() {
            draft.object = convert::stored(&self.call.shared.caller, &draft.resource, object).await?;
        }
        Ok(draft)
    }

    /// Asks the webhooks; the draft comes back with their warnings.
    async fn allowed(&self, mut draft: Draft, reviews: Vec<Review>) -> Result<Draft, ApiError> {
        let said = self.ask(reviews).await;
        let said = said.map_err(|e| e.warning(&draft.warnings))?;
        draft.warnings.extend(said);
        Ok(draft)
    }

    async fn ask(&self, mut reviews: Vec<Review>) -> Result<Vec<String>, ApiError> {
        let caller = &self.call.shared.caller;
        for review in &mut reviews {
            review.convert(caller).await?;
        }
        admission::ask(caller, &reviews).await
    }

    /// The same for a deletion; the answer comes with warnings.
    pub(super) async fn reviewed_deletion(
        &self,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<(Deleted, Vec<String>), ApiError> {
        self.prepare_current(Some(key)).await?;
        let warnings = self.review_deletion(key, options).await?;
        let deleted = self
            .call
            .shared
            .write(|core| core.delete(&self.resource, key, options))?;
        Ok((deleted, warnings))
    }

    /// Asks about every object of a collection before any of them goes.
    pub(super) async fn review_collection(
        &self,
        filter: &Filter,
        options: &DeleteOptions,
    ) -> Result<(), ApiError> {
        let keys: Vec<ObjectKey> = self.call.shared.read(|core| {
            let all = core.store.range(&self.resource.id, &self.path.namespace, None);
            let wanted = all.filter(|(_, o)| filter.matches(o));
            wanted.map(|(key, _)| key.clone()).collect()
        });
        for key in &keys {
            self.review_deletion(key, options).await?;
        }
        Ok(())
    }

    async fn review_deletion(
        &self,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Vec<String>, ApiError> {
        let user = review::user(&self.call, self.call.header());
        let reviews = self.call.shared.write(|core| {
            let Some(current) = core.store.get(&self.resource.id, key).cloned() else {
                return Vec::new();
            };
            core.reviews(&Asked {
                resource: &self.resource,
                key,
                subresource: "",
                operation: Operation::Delete,
                object: None,
                old: Some(&current.value),
                user: &user,
                dry_run: options.dry_run,
            })
        });
        self.ask(reviews).await
    }
}

/// A conflict after others were asked means that somebody wrote meanwhile: `None`.
fn unless_changed<T>(result: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match result {
        Err(error) if error.reason == "Conflict" => Ok(None),
        result => result.map(Some),
    }
}
