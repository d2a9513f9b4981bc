//! HTTP: from requests to verbs, from results to answers. Served over sockets or in process.

mod body;
mod connection;
mod discovery;
mod json;
mod openapi;
mod params;
mod path;
mod read;
mod review;
mod reviewed;
mod view;
mod watch;
mod write;

use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};

use crate::error::ApiError;
use crate::faults::Fault;
use crate::kinds::{Resource, collection_id};
use crate::requests::{self, Verb};
use crate::server::{ApiServer, Shared};
use path::{ObjectPath, Route};

pub use body::Body;

/// A request whose body was read.
pub(crate) struct Call {
    pub(crate) shared: Arc<Shared>,
    pub(crate) parts: Parts,
    pub(crate) params: params::Params,
    pub(crate) body: Bytes,
}

/// A request for objects of a kind that is served.
pub(crate) struct ObjectCall {
    pub(crate) call: Call,
    pub(crate) resource: Arc<Resource>,
    pub(crate) path: ObjectPath,
}

/// Breaks the connection: only a fault asks for it.
#[derive(Debug, thiserror::Error)]
#[error("the connection is broken on purpose")]
pub struct Broken;

impl ApiServer {
    /// Answers one request.
    ///
    /// # Errors
    /// [`Broken`] if a fault wants the connection to break.
    pub async fn handle<B>(self, request: Request<B>) -> Result<Response<Body>, Broken>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let body = match body::read(body, self.shared.options.max_body_bytes).await {
            Ok(body) => body,
            Err(error) => return Ok(body::refusal(&error)),
        };
        let params = params::Params::parse(parts.uri.query().unwrap_or_default());
        let call = Call {
            shared: self.shared,
            parts,
            params,
            body,
        };
        call.run().await
    }
}

impl Call {
    async fn run(self) -> Result<Response<Body>, Broken> {
        let route = path::parse(self.parts.uri.path());
        let shared = Arc::clone(&self.shared);
        let request = self.describe(route.as_ref());
        let fault = shared.faults.hit(&request);
        let number = shared.log.note(request);
        let drop_answer = matches!(fault, Some(Fault::DropAnswer));
        let result = match fault {
            Some(Fault::Refuse(error)) => Err(error),
            Some(Fault::Drop) => return Err(Broken),
            Some(Fault::Delay(time)) => {
                tokio::time::sleep(time).await;
                self.answer(route).await
            }
            Some(Fault::DropAnswer) | None => self.answer(route).await,
        };
        if drop_answer {
            return Err(Broken);
        }
        let response = result.unwrap_or_else(|error| body::refusal(&error));
        shared.log.answered(number, response.status().as_u16());
        Ok(response)
    }

    async fn answer(self, route: Option<Route>) -> Result<Response<Body>, ApiError> {
        self.authenticate(route.as_ref())?;
        match route.ok_or_else(ApiError::no_such_path)? {
            Route::Objects(path) => self.objects(path).await,
            Route::Health => Ok(body::whole(
                StatusCode::OK,
                "text/plain; charset=utf-8",
                Bytes::from_static(b"ok"),
            )),
            Route::OpenApiV2 => Err(ApiError::no_such_path()),
            Route::OpenApiV3 => openapi::index(&self),
            Route::OpenApiV3Of(part) => openapi::document(&self, &part),
            other => discovery::answer(&self, &other),
        }
    }

    /// With tokens, everything but health needs a known one.
    fn authenticate(&self, route: Option<&Route>) -> Result<(), ApiError> {
        let Some(tokens) = &self.shared.options.tokens else {
            return Ok(());
        };
        let header = self
            .parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|v| v.to_str().ok());
        let is_open = matches!(route, Some(Route::Health));
        if is_open || tokens.user(header).is_some() {
            return Ok(());
        }
        Err(ApiError::unauthorized())
    }

    async fn objects(self, path: ObjectPath) -> Result<Response<Body>, ApiError> {
        if review::is_review(&path) {
            return review::answer(&self, &path);
        }
        let found = self.shared.read(|core| {
            core.registry
                .find(&path.group, &path.version, &path.plural)
                .cloned()
        });
        let resource = found.ok_or_else(ApiError::no_such_path)?;
        let namespaced_url = !path.namespace.is_empty();
        if namespaced_url && !resource.is_namespaced() {
            return Err(ApiError::no_such_path());
        }
        let deprecation = resource.deprecation.clone();
        let call = ObjectCall {
            call: self,
            resource,
            path,
        };
        let mut response = call.verb().await.map_err(|e| warned(e, deprecation.as_deref()))?;
        if let Some(text) = deprecation {
            add_warnings(&mut response, &[text.to_string()]);
        }
        Ok(response)
    }

    fn describe(&self, route: Option<&Route>) -> requests::Request {
        let objects = match route {
            Some(Route::Objects(path)) => path.clone(),
            _ => ObjectPath::default(),
        };
        let is_object = !objects.plural.is_empty();
        let resource = match is_object {
            true => collection_id(&objects.group, &objects.plural).to_string(),
            false => self.parts.uri.path().to_owned(),
        };
        requests::Request {
            verb: if is_object {
                self.verb_of(&objects)
            } else {
                Verb::Other
            },
            resource,
            subresource: objects.subresource,
            namespace: objects.namespace,
            name: objects.name,
            query: self.parts.uri.query().unwrap_or_default().to_owned(),
            content_type: params::content_type(&self.parts.headers).to_owned(),
            agent: params::agent(&self.parts.headers),
            body: self.body.clone(),
            status: 0,
        }
    }

    fn verb_of(&self, path: &ObjectPath) -> Verb {
        let is_collection = path.name.is_empty();
        match self.parts.method {
            Method::GET if self.params.flag("watch") => Verb::Watch,
            Method::GET | Method::HEAD if is_collection => Verb::List,
            Method::GET | Method::HEAD => Verb::Get,
            Method::POST => Verb::Create,
            Method::PUT => Verb::Update,
            Method::PATCH => Verb::Patch,
            Method::DELETE if is_collection => Verb::DeleteCollection,
            Method::DELETE => Verb::Delete,
            _ => Verb::Other,
        }
    }
}

impl ObjectCall {
    async fn verb(self) -> Result<Response<Body>, ApiError> {
        match self.call.verb_of(&self.path) {
            Verb::Get => self.get().await,
            Verb::List => self.list().await,
            Verb::Watch => self.watch(),
            Verb::Create => self.create().await,
            Verb::Update => self.update().await,
            Verb::Patch => self.patch().await,
            Verb::Delete => self.delete().await,
            Verb::DeleteCollection => self.delete_collection().await,
            Verb::Other => Err(ApiError::method_not_allowed()),
        }
    }
}

/// A refusal in a deprecated version says so as well.
fn warned(error: ApiError, deprecation: Option<&str>) -> ApiError {
    match deprecation {
        Some(text) => error.warning(&[text.to_owned()]),
        None => error,
    }
}

/// Adds a `Warning` header (RFC 7234 section 5.5, code 299) for each text.
pub(crate) fn add_warnings(response: &mut Response<Body>, warnings: &[String]) {
    for text in warnings {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(http::header::WARNING, value);
        }
    }
}

impl<B> tower::Service<Request<B>> for ApiServer
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Broken>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(self.clone().handle(request))
    }
}
