//! `get`, `list`, `watch`.

use std::collections::VecDeque;
use std::sync::Arc;

use ferrolb_types::ObjectKey;
use http::{Response, StatusCode};

use super::body::{self, Body};
use super::params::form;
use super::view::View;
use super::watch::{Watch, lines};
use super::{Call, ObjectCall};
use crate::convert;
use crate::error::{ApiError, Cause};
use crate::object::Stored;
use crate::ops::{ListOptions, VersionMatch};
use crate::selector::Filter;
use crate::table::Include;

impl ObjectCall {
    pub(super) fn key(&self) -> ObjectKey {
        ObjectKey::new(self.path.namespace.as_str(), self.path.name.as_str())
    }

    pub(super) fn view(&self) -> Result<View, ApiError> {
        Ok(View {
            resource: Arc::clone(&self.resource),
            form: form(&self.call.parts.headers)?,
            include: match self.call.params.get("includeObject") {
                "None" => Include::None,
                "Object" => Include::Object,
                _ => Include::Metadata,
            },
        })
    }

    pub(super) async fn get(self) -> Result<Response<Body>, ApiError> {
        let known = ["", "status"];
        if !known.contains(&self.path.subresource.as_str()) {
            return Err(ApiError::no_such_path());
        }
        let view = self.view()?;
        let object = self
            .call
            .shared
            .read(|core| core.get(&self.resource, &self.key()).cloned())?;
        self.prepare([&object]).await?;
        let bytes = view.one(&object, self.call.shared.now());
        Ok(body::whole(StatusCode::OK, "application/json", bytes))
    }

    /// Before objects are shown: where a webhook converts, it is asked.
    pub(super) async fn prepare<'a>(
        &self,
        objects: impl IntoIterator<Item = &'a Arc<Stored>>,
    ) -> Result<(), ApiError> {
        convert::prepare(&self.call.shared.caller, &self.resource, objects).await
    }

    fn filter(&self) -> Result<Filter, ApiError> {
        let params = &self.call.params;
        Filter::parse(
            &self.resource,
            params.get("labelSelector"),
            params.get("fieldSelector"),
        )
    }

    pub(super) async fn list(self) -> Result<Response<Body>, ApiError> {
        let (view, filter) = (self.view()?, self.filter()?);
        let options = self.call.params.list_options()?;
        let page = self
            .call
            .shared
            .read(|core| core.list(&self.resource, &self.path.namespace, &filter, &options))?;
        self.prepare(&page.items).await?;
        let bytes = view.page(&page, self.call.shared.now());
        Ok(body::whole(StatusCode::OK, "application/json", bytes))
    }

    pub(super) fn watch(self) -> Result<Response<Body>, ApiError> {
        let (view, mut filter) = (self.view()?, self.filter()?);
        if !self.path.name.is_empty() {
            filter = Filter::named(&self.path.name);
        }
        let Call { shared, params, .. } = &self.call;
        let streams_list = params.flag("sendInitialEvents");
        check_initial(params)?;
        let asked = params.get("resourceVersion");
        let (version, initial) = match asked {
            asked if !streams_list && !matches!(asked, "" | "0") => {
                (crate::ops::parse_version(asked)?, VecDeque::new())
            }
            _ if params.has("sendInitialEvents") && !streams_list => {
                (shared.read(|core| core.store.version()), VecDeque::new())
            }
            _ => self.snapshot(&filter)?,
        };
        let lasts = params.timeout()?.filter(|t| !t.is_zero());
        let watch = Watch {
            view,
            namespace: self.path.namespace.clone(),
            filter,
            bookmarks: params.flag("allowWatchBookmarks"),
            lasts: lasts.map_or(shared.options.max_watch, |t| t.min(shared.options.max_watch)),
            version,
            initial,
            marks_initial: streams_list && params.flag("allowWatchBookmarks"),
        };
        Ok(body::stream(lines(Arc::clone(shared), watch)))
    }

    /// What exists now, which a watch without a version begins with.
    fn snapshot(&self, filter: &Filter) -> Result<(u64, VecDeque<Arc<Stored>>), ApiError> {
        let options = ListOptions {
            limit: 0,
            token: String::new(),
            version: String::new(),
            version_match: VersionMatch::Unset,
        };
        let page = self
            .call
            .shared
            .read(|core| core.list(&self.resource, &self.path.namespace, filter, &options))?;
        Ok((page.version, page.items.into()))
    }
}

/// `sendInitialEvents` comes with `resourceVersionMatch=NotOlderThan` and nothing else.
fn check_initial(params: &super::params::Params) -> Result<(), ApiError> {
    let with_match = params.get("resourceVersionMatch") == "NotOlderThan";
    let refuse = |cause| Err(ApiError::invalid("meta.k8s.io", "ListOptions", "", vec![cause]));
    if params.has("sendInitialEvents") && !with_match {
        let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return refuse(Cause::forbidden("resourceVersionMatch", why));
    }
    if !params.has("sendInitialEvents") && params.has("resourceVersionMatch") {
        let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
        return refuse(Cause::forbidden("resourceVersionMatch", why));
    }
    Ok(())
}
