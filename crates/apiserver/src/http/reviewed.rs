//! Writes that others are asked about first, without holding up anybody else.

use ferrolb_types::ObjectKey;

use super::{ObjectCall, review};
use crate::admission::{Operation, Review};
use crate::error::ApiError;
use crate::ops::{Asked, Core, DeleteOptions, Deleted, Draft, Outcome, WriteOptions};
use crate::selector::Filter;

/// How often a write is drafted anew because the object changed while others were asked.
const ATTEMPTS: usize = 5;

/// What a look at the state led to.
enum Step<T> {
    /// Nobody has to be asked.
    Done(T),
    /// Somebody has.
    Ask(Draft, Vec<Review>),
}

impl ObjectCall {
    /// Drafts a write, asks the webhooks that it concerns, and stores it.
    pub(super) async fn reviewed(
        &self,
        options: &WriteOptions,
        draft: impl Fn(&mut Core) -> Result<Draft, ApiError>,
    ) -> Result<Outcome, ApiError> {
        let user = review::user(&self.call, self.call.header());
        let shared = &self.call.shared;
        let mut attempt = 1;
        loop {
            let step = shared.write(|core| {
                let draft = draft(core)?;
                match core.reviews(&draft.asked(&user, options.dry_run)) {
                    reviews if reviews.is_empty() => core.commit(draft, options).map(Step::Done),
                    reviews => Ok(Step::Ask(draft, reviews)),
                }
            })?;
            let (mut draft, reviews) = match step {
                Step::Done(outcome) => return Ok(outcome),
                Step::Ask(draft, reviews) => (draft, reviews),
            };
            let said = shared.reviewers.ask(&reviews).await;
            draft
                .warnings
                .extend(said.map_err(|e| e.warning(&draft.warnings))?);
            match shared.write(|core| core.commit(draft, options)) {
                Err(error) if error.reason == "Conflict" && attempt < ATTEMPTS => attempt += 1,
                result => return result,
            }
        }
    }

    /// The same for a deletion; the answer comes with warnings.
    pub(super) async fn reviewed_deletion(
        &self,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<(Deleted, Vec<String>), ApiError> {
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
        match reviews.is_empty() {
            true => Ok(Vec::new()),
            false => self.call.shared.reviewers.ask(&reviews).await,
        }
    }
}
