//! The object of a component that judges nothing: it is there, and says `Unknown` (controller 10.4).
//!
//! Whoever judges, now or later, writes over it. What is there already is left alone, be it another process's.

use core::time::Duration;

use ferrolb_api::Object as _;
use ferrolb_api::metallb::{ConfigurationResult, ConfigurationState, ConfigurationStateStatus};
use futures::StreamExt as _;
use kube::Client;
use kube::api::PostParams;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Identity, head, key, labels, only, owner};
use crate::Error;
use crate::backoff::Backoff;
use crate::connection::Watches;
use crate::request::{path, send, unbuildable};
use crate::watch::{Change, Options, watch};
use crate::write::{Desired, ObjectClient, brief};

/// What is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    Object,
    /// At this version.
    Status(Box<str>),
}

struct Placeholder {
    client: Client,
    identity: Identity,
    owner: Option<Value>,
    status: ObjectClient,
    due: Due,
    not_before: Instant,
    failures: Backoff,
    /// The failure that was logged last; the same one is not logged again.
    failure: Option<Error>,
}

/// Sees to it that the object exists and has a result, for ever.
pub async fn keep_placeholder(client: Client, identity: Identity, mut watches: Watches) {
    let owner = owner::find(&client, &identity.namespace, identity.pod.as_deref()).await;
    let options = Options {
        fields: only(&identity.component.object_name()),
        ..Options::in_namespace(identity.namespace.clone())
    };
    let mut changes = watch::<ConfigurationState>(client.clone(), options);
    let mut placeholder = Placeholder {
        status: ObjectClient::new(client.clone(), "status"),
        client,
        identity,
        owner,
        due: Due::Nothing,
        not_before: Instant::now(),
        failures: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
        failure: None,
    };
    let mut is_there = false;
    loop {
        let is_due = placeholder.due != Due::Nothing;
        tokio::select! {
            Some(change) = changes.next() => match change {
                Change::Applied(object) => {
                    is_there = true;
                    placeholder.due = due_of(&object);
                }
                Change::Deleted(_) => (is_there, placeholder.due) = (false, Due::Object),
                Change::Synced if !is_there => placeholder.due = Due::Object,
                Change::Synced | Change::Malformed { .. } => {}
                Change::Away { error } => watches.lost(ConfigurationState::KIND, &error),
                Change::Back => watches.found(ConfigurationState::KIND),
            },
            () = tokio::time::sleep_until(placeholder.not_before), if is_due => placeholder.fill().await,
        }
    }
}

fn due_of(object: &ConfigurationState) -> Due {
    if object.status == ConfigurationStateStatus::default() {
        Due::Status(object.metadata.resource_version.clone())
    } else {
        Due::Nothing
    }
}

impl Placeholder {
    async fn fill(&mut self) {
        let result = match &self.due {
            Due::Nothing => return,
            // The watch shows it, and then its status is due.
            Due::Object => self.create().await,
            Due::Status(version) => self.say_unknown(version).await.map(drop),
        };
        match result {
            Ok(()) => {
                self.due = Due::Nothing;
                self.failures.reset();
            }
            // Somebody else was faster; what they wrote is on its way here.
            Err(error) if matches!(error.code(), Some(404 | 409)) => self.due = Due::Nothing,
            Err(error) => {
                if self.failure.as_ref() != Some(&error) {
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

    async fn create(&self) -> Result<(), Error> {
        let mut object = head(&self.identity);
        object["metadata"]["labels"] = labels(&self.identity);
        if let Some(owner) = &self.owner {
            object["metadata"]["ownerReferences"] = json!([owner]);
        }
        let requests = kube::core::Request::new(path::<ConfigurationState>(self.identity.namespace.as_str()));
        let request = requests.create(&PostParams::default(), object.to_string().into_bytes());
        send(&self.client, request.map_err(unbuildable)?).await.map(drop)
    }

    async fn say_unknown(&self, version: &str) -> Result<Box<str>, Error> {
        let status = json!({ "result": ConfigurationResult::Unknown });
        let desired = Desired {
            patch: json!({ "metadata": { "resourceVersion": version }, "status": &status }),
            version: Some(version),
            present: None,
            edit: &|object| object["status"] = status.clone(),
        };
        self.status
            .write::<ConfigurationState>(&key(&self.identity), &desired)
            .await
    }
}
