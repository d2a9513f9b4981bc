//! `create`, `update`, `patch`, `delete`.

use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::body::{self, Body};
use super::json::Parsed;
use super::params::content_type;
use super::{ObjectCall, add_warnings};
use crate::error::ApiError;
use crate::ops::{DeleteOptions, Deleted, Outcome, Replace, Sub, WriteOptions};
use crate::patch::{self, Patch};
use crate::selector::Filter;

/// Media types of a whole object.
const OBJECT_TYPES: [&str; 3] = [
    "application/json",
    "application/yaml",
    crate::protobuf::MEDIA_TYPE,
];

impl ObjectCall {
    pub(super) async fn create(self) -> Result<Response<Body>, ApiError> {
        if !self.path.name.is_empty() {
            return match self.path.subresource.as_str() {
                "" => Err(ApiError::method_not_allowed()),
                _ => Err(ApiError::no_such_path()),
            };
        }
        if self.resource.is_namespaced() && self.path.namespace.is_empty() {
            return Err(ApiError::method_not_allowed());
        }
        let Parsed { value: object, twice } = self.object()?;
        let options = self.write_options(twice)?;
        let (resource, namespace) = (&self.resource, &self.path.namespace);
        let outcome = self
            .reviewed(None, &options, |core| {
                core.draft_create(resource, namespace, object.clone(), &options)
            })
            .await?;
        self.show(&outcome).await
    }

    pub(super) async fn update(self) -> Result<Response<Body>, ApiError> {
        self.needs_name()?;
        let sub = self.sub()?;
        let Parsed { value: object, twice } = self.object()?;
        let replace = Replace(object);
        let options = self.write_options(twice)?;
        let key = self.key();
        let outcome = self
            .reviewed(Some(&key), &options, |core| {
                core.draft_update(&self.resource, &key, sub, &replace, &options)
            })
            .await?;
        self.show(&outcome).await
    }

    pub(super) async fn patch(self) -> Result<Response<Body>, ApiError> {
        self.needs_name()?;
        let sub = self.sub()?;
        let media = content_type(&self.call.parts.headers);
        let key = self.key();
        let Parsed { value: body, twice } = body::parse(&self.call.body, media)?;
        let options = self.write_options(twice)?;
        let rewrite = patch::rewrite(Patch {
            resource: &self.resource,
            sub,
            media,
            body,
            options: &options,
            has_manager: self.call.params.has("fieldManager"),
            force: self.call.params.flag("force"),
        })?;
        let outcome = self
            .reviewed(Some(&key), &options, |core| {
                core.draft_update(&self.resource, &key, sub, &*rewrite, &options)
            })
            .await?;
        self.show(&outcome).await
    }

    pub(super) async fn delete(self) -> Result<Response<Body>, ApiError> {
        if !self.path.subresource.is_empty() {
            return Err(ApiError::method_not_allowed());
        }
        let options = self.delete_options()?;
        let key = self.key();
        let (deleted, warnings) = self.reviewed_deletion(&key, &options).await?;
        let Deleted { object, is_gone } = deleted;
        if !is_gone || self.resource.rules.deletion_shows_object() {
            self.prepare([&object]).await?;
            let bytes = self.view()?.one(&object, self.call.shared.now());
            let mut response = body::whole(StatusCode::OK, "application/json", bytes);
            add_warnings(&mut response, &warnings);
            return Ok(response);
        }
        let mut details = json!({"name": &*key.name, "kind": &*self.resource.plural, "uid": object.value["metadata"]["uid"]});
        if !self.resource.group.is_empty() {
            details["group"] = (*self.resource.group).into();
        }
        let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
        let mut response = body::json(StatusCode::OK, &status);
        add_warnings(&mut response, &warnings);
        Ok(response)
    }

    pub(super) async fn delete_collection(self) -> Result<Response<Body>, ApiError> {
        let params = &self.call.params;
        if self.resource.is_namespaced() && self.path.namespace.is_empty() {
            return Err(ApiError::method_not_allowed());
        }
        let filter = Filter::parse(
            &self.resource,
            params.get("labelSelector"),
            params.get("fieldSelector"),
        )?;
        let options = self.delete_options()?;
        let shared = &self.call.shared;
        self.review_collection(&filter, &options).await?;
        let (items, version) = shared.write(|core| {
            let gone = core.delete_collection(&self.resource, &self.path.namespace, &filter, &options);
            gone.map(|items| (items, core.store.version()))
        })?;
        let page = crate::ops::Page {
            items,
            version,
            token: String::new(),
            remaining: None,
        };
        self.prepare(&page.items).await?;
        let bytes = self.view()?.page(&page, shared.now());
        Ok(body::whole(StatusCode::OK, "application/json", bytes))
    }

    fn needs_name(&self) -> Result<(), ApiError> {
        let has_place = self.path.namespace.is_empty() != self.resource.is_namespaced();
        match !self.path.name.is_empty() && has_place {
            true => Ok(()),
            false => Err(ApiError::method_not_allowed()),
        }
    }

    fn sub(&self) -> Result<Sub, ApiError> {
        match self.path.subresource.as_str() {
            "" => Ok(Sub::Main),
            "status" if self.resource.has_status => Ok(Sub::Status),
            "finalize" if &*self.resource.id == "namespaces" => Ok(Sub::Finalize),
            _ => Err(ApiError::no_such_path()),
        }
    }

    fn object(&self) -> Result<Parsed, ApiError> {
        let media = match content_type(&self.call.parts.headers) {
            "" => "application/json",
            given => given,
        };
        if !OBJECT_TYPES.contains(&media) {
            return Err(ApiError::unsupported_media(media, &OBJECT_TYPES));
        }
        body::parse(&self.call.body, media).map_err(|mut error| {
            if self.resource.is_custom() {
                let is = format!(
                    "unrecognized (must be of type {}): couldn't get version/kind;",
                    self.resource.kind
                );
                error.message = error.message.replacen("unrecognized:", &is, 1);
            }
            error
        })
    }

    /// `twice`: fields that the text of the body names twice.
    fn write_options(&self, twice: Vec<String>) -> Result<WriteOptions, ApiError> {
        let call = &self.call;
        let options = match call.parts.method {
            Method::POST => "CreateOptions",
            Method::PUT => "UpdateOptions",
            _ => "PatchOptions",
        };
        let options = call
            .params
            .write_options(&call.parts.headers, call.shared.now(), options)?;
        Ok(WriteOptions { twice, ..options })
    }

    /// From the query and from the body, which clients use for preconditions and the policy.
    fn delete_options(&self) -> Result<DeleteOptions, ApiError> {
        let call = &self.call;
        let body = match call.body.is_empty() {
            true => Value::Null,
            false => body::parse(&call.body, content_type(&call.parts.headers))?.value,
        };
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let policy = text(&body["propagationPolicy"]);
        let policy = policy.unwrap_or_else(|| call.params.get("propagationPolicy").to_owned());
        let in_body = body["dryRun"]
            .as_array()
            .is_some_and(|list| list.iter().any(|v| v == "All"));
        Ok(DeleteOptions {
            now: call.shared.now(),
            dry_run: in_body || call.params.dry_run("DeleteOptions")?,
            uid: text(&body["preconditions"]["uid"]),
            version: text(&body["preconditions"]["resourceVersion"]),
            orphan: policy == "Orphan" || body["orphanDependents"] == true,
        })
    }

    async fn show(&self, outcome: &Outcome) -> Result<Response<Body>, ApiError> {
        let status = if outcome.created {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        self.prepare([&outcome.object]).await?;
        let bytes = self.view()?.one(&outcome.object, self.call.shared.now());
        let mut response = body::whole(status, "application/json", bytes);
        add_warnings(&mut response, &outcome.warnings);
        Ok(response)
    }
}
