//! Until when a process may write.
//!
//! A client behind the fence passes reads on, and a write only while the fence is open; it gives a write up at the moment up
//! to which the fence was open when the write began. So whoever is given such a client cannot write as a leader that is none
//! any more, not even after the process was stopped in the midst of a request: the time is looked at each time that the
//! request is gone on with. What has left for the API server by then cannot be called back; others start later than the
//! fence closes for the sake of that.

use core::future::poll_fn;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use ferrolb_types::Instant;
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use tokio::sync::watch;

/// The error of a client behind a fence that is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this process may not write: it is not the leader, or its time as the leader ran out")]
pub struct Fenced;

type BoxError = Box<dyn core::error::Error + Send + Sync>;

/// Writes of this process may be under way until a moment that can be moved. Clones are one fence.
#[derive(Clone, Debug)]
pub struct Fence(Arc<State>);

#[derive(Debug)]
struct State {
    epoch: tokio::time::Instant,
    /// Nanoseconds since the epoch.
    until: AtomicU64,
    is_shut: AtomicBool,
    under_way: watch::Sender<usize>,
}

/// A write that is under way.
struct UnderWay(Fence);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.under_way.send_modify(|count| *count -= 1);
    }
}

impl Fence {
    /// A fence that lets no write through yet. Its time begins now.
    #[must_use]
    pub fn closed() -> Self {
        Self(Arc::new(State {
            epoch: tokio::time::Instant::now(),
            until: AtomicU64::new(0),
            is_shut: AtomicBool::new(false),
            under_way: watch::Sender::new(0),
        }))
    }

    /// Time since the fence was made; the moments of [`Fence::open_until`] are on this line.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::ZERO + self.0.epoch.elapsed()
    }

    /// Sleeps until this moment.
    pub async fn reached(&self, at: Instant) {
        tokio::time::sleep_until(self.0.epoch + (at - Instant::ZERO)).await;
    }

    /// Writes may be under way until `until`.
    pub fn open_until(&self, until: Instant) {
        self.0.until.store(until.as_nanos(), Ordering::SeqCst);
    }

    /// Writes are never held back.
    pub fn open(&self) {
        self.open_until(Instant::from_nanos(u64::MAX));
    }

    /// No write may be begun. Those that are under way go on.
    pub fn close(&self) {
        self.open_until(Instant::ZERO);
    }

    /// Closes for good.
    pub fn shut(&self) {
        self.0.is_shut.store(true, Ordering::SeqCst);
    }

    /// Waits until no write is under way.
    pub async fn drained(&self) {
        // The sender lives as long as this fence.
        let _ = self.0.under_way.subscribe().wait_for(|count| *count == 0).await;
    }

    /// A client whose writes pass this fence.
    #[must_use]
    pub fn client(&self, client: &Client) -> Client {
        let (fence, inner) = (self.clone(), client.clone());
        let namespace = client.default_namespace().to_owned();
        let service = tower::service_fn(move |request| fence.clone().pass(inner.clone(), request));
        Client::new(service, namespace)
    }

    async fn pass(self, client: Client, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(client.send(request).await?);
        }
        let until = self.deadline();
        self.0.under_way.send_modify(|count| *count += 1);
        let under_way = UnderWay(self);
        let fence = &under_way.0;
        let mut late = pin!(fence.reached(until.min(fence.now() + LONGEST)));
        let mut sent = pin!(client.send(request));
        poll_fn(|cx| {
            // By the clock itself: after the process was stopped, its timers come late.
            if until <= fence.now() {
                return Poll::Ready(Err(Fenced.into()));
            }
            if let Poll::Ready(result) = sent.as_mut().poll(cx) {
                return Poll::Ready(result.map_err(Into::into));
            }
            late.as_mut().poll(cx).map(|()| Err(Fenced.into()))
        })
        .await
    }

    fn deadline(&self) -> Instant {
        if self.0.is_shut.load(Ordering::SeqCst) {
            return Instant::ZERO;
        }
        Instant::from_nanos(self.0.until.load(Ordering::SeqCst))
    }
}

/// Every request ends earlier by a time limit of its own.
const LONGEST: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Error;
    use crate::request::send;
    use crate::script::{Answer, Script};

    fn request(method: Method) -> Request<Vec<u8>> {
        let request = Request::builder().method(method).uri("/api/v1/x");
        request.body(Vec::new()).expect("a request")
    }

    #[tokio::test(start_paused = true)]
    async fn reads_pass_a_closed_fence_and_writes_do_not() {
        let (client, script) = Script::client([Answer::Json(200, json!({}))]);
        let fence = Fence::closed();
        let client = fence.client(&client);
        assert!(send(&client, request(Method::GET)).await.is_ok());
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(send(&client, request(method)).await, Err(Error::Fenced));
        }
        assert_eq!(script.paths(), ["GET /api/v1/x"], "nothing else was sent");
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_is_not_answered_is_given_up_when_its_time_is_over() {
        let (client, script) = Script::client([]);
        let fence = Fence::closed();
        fence.open_until(Instant::from_millis(4_000));
        let client = fence.client(&client);
        assert_eq!(send(&client, request(Method::PUT)).await, Err(Error::Fenced));
        let now = fence.now();
        assert!(
            now >= Instant::from_millis(4_000) && now < Instant::from_millis(4_010),
            "{now:?}"
        );
        assert_eq!(script.paths().len(), 1);
        fence.drained().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_under_way_outlives_the_closing_and_is_waited_for() {
        let (client, _script) = Script::client([]);
        let fence = Fence::closed();
        fence.open_until(Instant::from_millis(4_000));
        let client = fence.client(&client);
        let write = tokio::spawn(async move { send(&client, request(Method::PUT)).await });
        fence.reached(Instant::from_millis(10)).await;
        fence.shut();
        fence.open();
        fence.drained().await;
        assert!(fence.now() >= Instant::from_millis(4_000), "{:?}", fence.now());
        assert_eq!(write.await.expect("no panic"), Err(Error::Fenced));
    }

    /// An API server that is reached in two steps: a request that is gone on with after the first one arrives.
    #[derive(Clone, Default)]
    struct TwoSteps {
        begun: Arc<AtomicBool>,
        arrived: Arc<AtomicBool>,
    }

    impl TwoSteps {
        fn client(&self) -> Client {
            let steps = self.clone();
            let service = tower::service_fn(move |_: Request<Body>| {
                let steps = steps.clone();
                async move {
                    if !steps.begun.swap(true, Ordering::SeqCst) {
                        tokio::task::yield_now().await;
                    }
                    steps.arrived.store(true, Ordering::SeqCst);
                    Ok::<_, BoxError>(Response::new(Body::from(b"{}".to_vec())))
                }
            });
            Client::new(service, "default")
        }
    }

    /// What has been sent by the time that the process is stopped can arrive when it goes on, before any timer of it is
    /// looked at.
    #[tokio::test(start_paused = true)]
    async fn a_process_that_was_stopped_in_the_midst_of_a_write_does_not_go_on_with_it() {
        for (stopped, want) in [(3_999, true), (4_000, false), (60_000, false)] {
            let server = TwoSteps::default();
            let fence = Fence::closed();
            fence.open_until(Instant::from_millis(4_000));
            let client = fence.client(&server.client());
            let mut write = pin!(send(&client, request(Method::PUT)));
            while !server.begun.load(Ordering::SeqCst) {
                let is_done = poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx).is_ready())).await;
                assert!(!is_done, "under way");
                tokio::task::yield_now().await;
            }
            tokio::time::advance(Duration::from_millis(stopped)).await;
            assert_eq!(write.await.is_ok(), want, "stopped for {stopped} ms");
            assert_eq!(
                server.arrived.load(Ordering::SeqCst),
                want,
                "stopped for {stopped} ms"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fence_that_is_shut_stays_shut() {
        let (client, script) = Script::client([]);
        let fence = Fence::closed();
        fence.open();
        fence.shut();
        fence.open();
        assert_eq!(
            send(&fence.client(&client), request(Method::PUT)).await,
            Err(Error::Fenced)
        );
        assert!(script.paths().is_empty());
    }
}
