//! The loop of one watch.

use core::pin::Pin;
use core::time::Duration;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use futures::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};
use kube::Client;
use kube::api::{ListParams, WatchParams};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use ferrolb_api::Object;

use super::index::Index;
use super::{Change, Options};
use crate::Error;
use crate::backoff::{Backoff, spread};
use crate::request::{self, Head, HeadMeta};

/// The longest line of a watch: an object of etcd's limit (1.5 MiB) and then some.
const LINE_BYTES: u64 = 8 << 20;
/// Beyond its length, how long a watch may be silent before it is given up.
const SILENCE: Duration = Duration::from_secs(5);
/// How often objects are listed that may be listed and not watched.
const POLL: Duration = Duration::from_secs(60);
/// Watches refused in a row that mean a role which permits to list and not to watch. One alone says nothing: an API server
/// that has just started refuses everything until it has read the roles.
const REFUSALS: u32 = 2;
/// A watch that ends sooner than this without a word is not repeated at once.
const TOO_SHORT: Duration = Duration::from_secs(1);

type Lines = Pin<Box<dyn AsyncBufRead + Send>>;

pub(super) struct Watcher<T> {
    client: Client,
    options: Options,
    requests: kube::core::Request,
    phase: Phase,
    index: Index,
    /// Reported before anything else is done.
    pending: VecDeque<Change<T>>,
    /// Between requests that fail.
    failures: Backoff,
    /// Between lists and watches that succeed and lead nowhere.
    futile: Backoff,
    /// Waited for before the next request.
    pause: Option<Duration>,
    away: bool,
    /// Watches refused in a row, each after a list that was permitted.
    refused: u32,
    synced: bool,
}

enum Phase {
    /// Ask for a page; the first one without a token.
    List { page: Option<String> },
    /// Ask for what happened after this version.
    Open { version: String },
    /// Take in what happens.
    Read { version: String, open: OpenWatch },
}

struct OpenWatch {
    lines: Lines,
    opened: Instant,
    gives_up: Instant,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: HeadMeta,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

impl<T: Object> Watcher<T> {
    pub(super) fn new(client: Client, options: Options) -> Self {
        let namespace = options.namespace.as_ref().map_or("", |n| n.as_str());
        Self {
            client,
            requests: kube::core::Request::new(request::path::<T>(namespace)),
            options,
            phase: Phase::List { page: None },
            index: Index::default(),
            pending: VecDeque::new(),
            failures: Backoff::new(Duration::from_millis(100), Duration::from_secs(10)),
            futile: Backoff::new(Duration::from_millis(50), Duration::from_secs(5)),
            pause: None,
            away: false,
            refused: 0,
            synced: false,
        }
    }

    pub(super) async fn next(&mut self) -> Change<T> {
        loop {
            if let Some(change) = self.pending.pop_front() {
                return change;
            }
            if let Some(pause) = self.pause.take() {
                tokio::time::sleep(pause).await;
            }
            self.step().await;
        }
    }

    /// One request or one line.
    async fn step(&mut self) {
        let phase = core::mem::replace(&mut self.phase, Phase::List { page: None });
        self.phase = match phase {
            Phase::List { page } => self.list(page).await,
            Phase::Open { version } => self.open(version).await,
            Phase::Read { version, open } => self.read(version, open).await,
        };
    }

    async fn list(&mut self, page: Option<String>) -> Phase {
        if page.is_none() {
            self.index.begin_list();
        }
        let result = self.fetch_page(page.clone()).await;
        match result {
            Ok(text) => self.take_page(&text),
            Err(error) => {
                // A page token lives for minutes only; the next attempt begins with the first page.
                let page = page.filter(|_| !error.is_expired());
                self.refused = 0;
                self.failed(error.of("list", request::resource::<T>()));
                Phase::List { page }
            }
        }
    }

    async fn fetch_page(&mut self, page: Option<String>) -> Result<String, Error> {
        let params = ListParams {
            label_selector: self.options.labels.clone(),
            field_selector: self.options.fields.clone(),
            limit: Some(self.options.page_size),
            continue_token: page,
            ..ListParams::default()
        };
        let request = self.requests.list(&params).map_err(request::unbuildable)?;
        request::send(&self.client, request).await
    }

    fn take_page(&mut self, text: &str) -> Phase {
        let page: Page<'_> = match serde_json::from_str(text) {
            Ok(page) => page,
            Err(error) => {
                self.failed(error.into());
                return Phase::List { page: None };
            }
        };
        if self.refused == 0 {
            self.succeeded();
        } else {
            self.failures.reset();
        }
        for item in page.items.unwrap_or_default() {
            self.apply(item.get());
        }
        if let Some(token) = page.metadata.next_page.filter(|token| !token.is_empty()) {
            return Phase::List { page: Some(token) };
        }
        self.pending
            .extend(self.index.end_list().into_iter().map(Change::Deleted));
        if !core::mem::replace(&mut self.synced, true) {
            self.pending.push_back(Change::Synced);
        }
        Phase::Open {
            version: page.metadata.resource_version.into(),
        }
    }

    async fn open(&mut self, version: String) -> Phase {
        match self.try_open(&version).await {
            Ok(open) => {
                self.refused = 0;
                self.succeeded();
                Phase::Read { version, open }
            }
            Err(error) if error.is_expired() => self.list_again(),
            Err(error) => {
                let error = error.of("watch", request::resource::<T>());
                let is_refused = matches!(error, Error::Forbidden { .. });
                self.failed(error);
                if !is_refused {
                    return Phase::Open { version };
                }
                self.refused += 1;
                if self.refused >= REFUSALS {
                    self.pause = Some(POLL + spread(POLL / 2));
                }
                Phase::List { page: None }
            }
        }
    }

    async fn try_open(&mut self, version: &str) -> Result<OpenWatch, Error> {
        let length = self.options.watch_time + spread(self.options.watch_time / 2);
        let params = WatchParams {
            label_selector: self.options.labels.clone(),
            field_selector: self.options.fields.clone(),
            timeout: Some(u32::try_from(length.as_secs().max(1)).unwrap_or(u32::MAX)),
            bookmarks: true,
            ..WatchParams::default()
        };
        let request = self
            .requests
            .watch(&params, version)
            .map_err(request::unbuildable)?;
        let lines = request::within(request::TIMEOUT, self.client.request_stream(request)).await?;
        let opened = Instant::now();
        Ok(OpenWatch {
            lines: Box::pin(lines),
            opened,
            gives_up: opened + length + SILENCE,
        })
    }

    async fn read(&mut self, version: String, mut open: OpenWatch) -> Phase {
        let line = tokio::time::timeout_at(open.gives_up, read_line(&mut open.lines)).await;
        match line {
            Ok(Ok(Some(line))) => self.take_line(version, open, &line),
            // The end of its time, a broken connection or silence: if the API server is away, opening will tell.
            Ok(Ok(None) | Err(_)) | Err(_) => {
                if open.opened.elapsed() < TOO_SHORT {
                    self.pause = Some(self.futile.pause());
                } else {
                    self.futile.reset();
                }
                Phase::Open { version }
            }
        }
    }

    fn take_line(&mut self, version: String, open: OpenWatch, line: &[u8]) -> Phase {
        let Ok(frame) = serde_json::from_slice::<Frame<'_>>(line) else {
            return self.list_again();
        };
        let text = frame.object.get();
        // Whatever ERROR says (410 as a rule), the version is of no more use.
        let Some(version) = self.take_frame(&frame.kind, text, version) else {
            return self.list_again();
        };
        Phase::Read { version, open }
    }

    /// The version after this frame; none if a new list is needed.
    fn take_frame(&mut self, kind: &str, text: &str, version: String) -> Option<String> {
        if kind == "ERROR" {
            return None;
        }
        let head: Head = serde_json::from_str(text).ok()?;
        match kind {
            "ADDED" | "MODIFIED" => self.apply(text),
            "DELETED" => {
                let key = head.metadata.key();
                if self.index.forget(&key) {
                    self.pending.push_back(Change::Deleted(key));
                }
            }
            // A bookmark, or what a later API server may add.
            _ => {}
        }
        self.futile.reset();
        let newer = head.metadata.resource_version;
        Some(if newer.is_empty() { version } else { newer.into() })
    }

    fn list_again(&mut self) -> Phase {
        self.pause = Some(self.futile.pause());
        Phase::List { page: None }
    }

    fn apply(&mut self, text: &str) {
        match serde_json::from_str::<T>(text) {
            Ok(object) => {
                let meta = object.meta();
                if self.index.note(meta.key(), &meta.resource_version) {
                    self.pending.push_back(Change::Applied(object));
                }
            }
            Err(_) => self.apply_malformed(text),
        }
    }

    /// Decodes a second time, to learn which field it is; one without even a name cannot be reported.
    fn apply_malformed(&mut self, text: &str) {
        let Ok(value) = serde_json::from_str(text) else {
            return;
        };
        let Ok(head) = serde_json::from_str::<Head>(text) else {
            return;
        };
        let Err(problem) = ferrolb_api::decode::<T>(&value) else {
            return;
        };
        let key = head.metadata.key();
        if self.index.note(key.clone(), &head.metadata.resource_version) {
            let uid = head.metadata.uid;
            self.pending.push_back(Change::Malformed { key, uid, problem });
        }
    }

    fn succeeded(&mut self) {
        self.failures.reset();
        if core::mem::take(&mut self.away) {
            self.pending.push_back(Change::Back);
        }
    }

    fn failed(&mut self, error: Error) {
        self.pause = Some(self.failures.pause());
        if !core::mem::replace(&mut self.away, true) {
            let error = Arc::new(error);
            self.pending.push_back(Change::Away { error });
        }
    }
}

/// A line without its line feed; none at the end.
async fn read_line(lines: &mut Lines) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = lines.take(LINE_BYTES).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(line))
}
