//! Bodies: read with a bound, written whole or as a stream.

use core::convert::Infallible;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::Frame;
use serde_json::Value;

use super::json::Parsed;
use crate::error::ApiError;
use crate::protobuf;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A whole answer.
pub(crate) fn whole(status: StatusCode, content_type: &'static str, bytes: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(bytes).boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(
        http::header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, private"),
    );
    response
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    whole(status, "application/json", crate::object::to_bytes(value))
}

/// A refusal.
pub(crate) fn refusal(error: &ApiError) -> Response<Body> {
    let status = StatusCode::from_u16(error.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, &error.to_status());
    let seconds = error.details.as_ref().map_or(0, |d| d.retry_after_seconds);
    if seconds > 0 {
        response
            .headers_mut()
            .insert(http::header::RETRY_AFTER, seconds.into());
    }
    super::add_warnings(&mut response, &error.warnings);
    response
}

/// An answer that goes on until the stream ends.
pub(crate) fn stream(frames: impl Stream<Item = Bytes> + Send + 'static) -> Response<Body> {
    let frames = frames.map(|bytes| Ok(Frame::data(bytes)));
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        http::header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, private"),
    );
    response
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read<B>(body: B, limit: usize) -> Result<Bytes, ApiError>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(ApiError::too_large(limit)),
        Err(error) => Err(ApiError::bad_request(format!("the body cannot be read: {error}"))),
    }
}

/// Reads JSON, or YAML or protobuf where the media type says so.
pub(crate) fn parse(bytes: &[u8], content_type: &str) -> Result<Parsed, ApiError> {
    if content_type == protobuf::MEDIA_TYPE {
        let value = protobuf::decode(bytes).map_err(|e| ApiError::bad_request(e.to_string()))?;
        return Ok(value.into());
    }
    let is_yaml = content_type.ends_with("yaml");
    match super::json::parse(bytes) {
        Ok(parsed) => Ok(parsed),
        Err(_) if is_yaml => {
            let text = core::str::from_utf8(bytes)
                .map_err(|e| ApiError::bad_request(format!("the body is no UTF-8: {e}")))?;
            serde_saphyr::from_str::<Value>(text)
                .map(Parsed::from)
                .map_err(|e| ApiError::bad_request(format!("error decoding YAML: {e}")))
        }
        Err(error) => Err(ApiError::bad_request(format!(
            "the object provided is unrecognized: json parse error: {error}"
        ))),
    }
}
