//! Keeps one object as wanted.

use core::time::Duration;
use std::collections::BTreeMap;

use ferrolb_api::annotations::{LAST_ACCEPTED, TOLD};
use ferrolb_api::metallb::{ConfigurationState, ConfigurationStateStatus};
use futures::StreamExt;
use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Identity, Report, Wanted, head, key, labels, only, owner};
use crate::backoff::Backoff;
use crate::connection::Watches;
use crate::request::{path, send, unbuildable};
use crate::watch::{Change, Options};
use crate::write::{Desired, ObjectClient, brief};
use crate::{Error, WallClock, time};

/// Every annotation that a process may leave.
const ANNOTATIONS: [&str; 2] = [LAST_ACCEPTED, TOLD];

/// Carries reports to the API server. To be run once.
pub struct Writer {
    client: Client,
    identity: Identity,
    clock: WallClock,
    watches: Watches,
    report: watch::Receiver<Report>,
    status: ObjectClient,
    owner: Option<Value>,
    present: Present,
    /// The annotations that were applied last.
    applied: Option<BTreeMap<&'static str, String>>,
    /// The status that was written last, so that the time of the last transition outlives a deletion.
    reported: ConfigurationStateStatus,
    failures: Backoff,
    /// The failure that was logged last; the same one is not logged again.
    failure: Option<Error>,
    not_before: Instant,
}

/// What is known of the object.
enum Present {
    Unknown,
    Missing,
    Object(Box<ConfigurationState>),
}

/// The next write.
enum Due {
    Metadata(Wanted),
    Status(ConfigurationStateStatus),
}

impl Writer {
    pub(super) fn new(
        client: Client,
        identity: Identity,
        (clock, watches): (WallClock, Watches),
        report: watch::Receiver<Report>,
    ) -> Self {
        Self {
            status: ObjectClient::new(client.clone(), "status"),
            client,
            identity,
            clock,
            watches,
            report,
            owner: None,
            present: Present::Unknown,
            applied: None,
            reported: ConfigurationStateStatus::default(),
            failures: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
            failure: None,
            not_before: Instant::now(),
        }
    }

    /// Writes for ever.
    pub async fn run(mut self) {
        self.owner = owner::find(
            &self.client,
            &self.identity.namespace,
            self.identity.pod.as_deref(),
        )
        .await;
        let options = Options {
            fields: only(&self.identity.component.object_name()),
            ..Options::in_namespace(self.identity.namespace.clone())
        };
        let mut object = crate::watch::watch::<ConfigurationState>(self.client.clone(), options);
        loop {
            let due = self.due();
            tokio::select! {
                Some(change) = object.next() => self.take(change),
                // The sender ends only together with the process.
                Ok(()) = self.report.changed() => {}
                () = tokio::time::sleep_until(self.not_before), if due.is_some() => {
                    if let Some(due) = due {
                        let result = self.write(due).await;
                        self.settle(result);
                    }
                }
            }
        }
    }

    fn take(&mut self, change: Change<ConfigurationState>) {
        use ferrolb_api::Object as _;
        match change {
            Change::Applied(object) if self.is_older(&object) => {}
            Change::Applied(object) => {
                self.note_status(&object);
                self.present = Present::Object(Box::new(object));
            }
            // What cannot be read is written anew.
            Change::Deleted(_) | Change::Malformed { .. } => self.present = Present::Missing,
            Change::Synced if matches!(self.present, Present::Unknown) => self.present = Present::Missing,
            Change::Synced => {}
            Change::Away { error } => self.watches.lost(ConfigurationState::KIND, &error),
            Change::Back => self.watches.found(ConfigurationState::KIND),
        }
    }

    fn note_status(&mut self, object: &ConfigurationState) {
        if object.status != ConfigurationStateStatus::default() {
            self.reported.clone_from(&object.status);
        }
    }

    /// Whether the watch tells of a version from before the last write. Versions are opaque by the API's contract, but
    /// every server counts; where one does not, a write too many does no harm.
    fn is_older(&self, object: &ConfigurationState) -> bool {
        let number = |object: &ConfigurationState| object.metadata.resource_version.parse::<u64>().ok();
        let Present::Object(present) = &self.present else {
            return false;
        };
        present.metadata.uid == object.metadata.uid
            && number(object)
                .zip(number(present))
                .is_some_and(|(theirs, ours)| theirs < ours)
    }

    /// What has to be written, if anything: the object first, then its status.
    fn due(&self) -> Option<Due> {
        let report = self.report.borrow();
        let wanted = report.wanted.as_ref()?;
        match &self.present {
            Present::Unknown => None,
            Present::Missing => Some(Due::Metadata(wanted.clone())),
            Present::Object(object) if !self.has_metadata(object, wanted) => {
                Some(Due::Metadata(wanted.clone()))
            }
            Present::Object(object) => {
                // A new object has no status; the time of the last transition is then the one that was reported.
                let present = if object.status == ConfigurationStateStatus::default() {
                    ConfigurationStateStatus {
                        result: None,
                        ..self.reported.clone()
                    }
                } else {
                    object.status.clone()
                };
                let now = time::seconds(self.clock);
                let component = &self.identity.component;
                wanted
                    .verdict
                    .status(component, report.alerts.values(), &present, &now)
                    .map(Due::Status)
            }
        }
    }

    fn has_metadata(&self, object: &ConfigurationState, wanted: &Wanted) -> bool {
        let labels = self.identity.component.labels();
        let mut labels = labels.iter();
        let annotated = |key: &&str| {
            let present = object.metadata.annotations.get(key);
            match wanted.annotations.get(*key).filter(|text| !text.is_empty()) {
                Some(text) => present == Some(text),
                // One that somebody else has put there does not go by being left out.
                None => present.is_none() || self.applied.as_ref() == Some(&wanted.annotations),
            }
        };
        labels.all(|(key, value)| object.metadata.labels.get(key) == Some(*value))
            && ANNOTATIONS.iter().all(annotated)
    }

    async fn write(&mut self, due: Due) -> Result<ConfigurationState, Error> {
        match due {
            Due::Metadata(wanted) => {
                let object = self.apply(None, &self.metadata(&wanted)).await?;
                self.applied = Some(wanted.annotations);
                Ok(object)
            }
            Due::Status(status) => {
                let mut object = head(&self.identity);
                object["status"] = json!(status);
                match self.apply(Some("status"), &object).await {
                    Err(error) if error.code() == Some(403) => self.update(&status).await,
                    result => result,
                }
            }
        }
    }

    fn metadata(&self, wanted: &Wanted) -> Value {
        let mut object = head(&self.identity);
        let annotations: BTreeMap<&str, &String> = wanted
            .annotations
            .iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(key, text)| (*key, text))
            .collect();
        object["metadata"]["labels"] = labels(&self.identity);
        if !annotations.is_empty() {
            object["metadata"]["annotations"] = json!(annotations);
        } else if let Some(owner) = &self.owner {
            object["metadata"]["ownerReferences"] = json!([owner]);
        }
        object
    }

    /// Server-side apply: what other managers have put there stays.
    async fn apply(&self, subresource: Option<&str>, object: &Value) -> Result<ConfigurationState, Error> {
        let requests = kube::core::Request::new(path::<ConfigurationState>(self.identity.namespace.as_str()));
        let name = self.identity.component.object_name();
        let params = PatchParams::apply(self.identity.component.field_manager()).force();
        let patch = Patch::Apply(object);
        let request = match subresource {
            Some(subresource) => requests.patch_subresource(subresource, &name, &params, &patch),
            None => requests.patch(&name, &params, &patch),
        };
        let text = send(&self.client, request.map_err(unbuildable)?).await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Where the role does not permit to patch the status.
    async fn update(&self, status: &ConfigurationStateStatus) -> Result<ConfigurationState, Error> {
        let key = key(&self.identity);
        let status = json!(status);
        let desired = Desired {
            patch: json!({ "status": &status }),
            version: None,
            present: None,
            edit: &|object| object["status"] = status.clone(),
        };
        self.status.write::<ConfigurationState>(&key, &desired).await?;
        Ok(serde_json::from_value(
            self.status.get::<ConfigurationState>(&key).await?,
        )?)
    }

    fn settle(&mut self, result: Result<ConfigurationState, Error>) {
        match result {
            Ok(object) => {
                self.note_status(&object);
                self.present = Present::Object(Box::new(object));
                self.failures.reset();
                self.failure = None;
            }
            Err(error) => {
                if error.code() == Some(404) {
                    self.present = Present::Missing;
                }
                if self.failure.as_ref() != Some(&error) && error != Error::Fenced {
                    tracing::warn!(
                        op = "setConfig", error = %brief(&error),
                        "cannot write the ConfigurationState, will keep trying"
                    );
                }
                self.failure = Some(error);
                self.not_before = Instant::now() + self.failures.pause();
            }
        }
    }
}
