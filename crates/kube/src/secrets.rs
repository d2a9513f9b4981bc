//! Secrets by name: only those that are named are ever read.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::core::Secret;
use ferrolb_types::NamespaceName;
use futures::StreamExt;
use futures::stream::{BoxStream, SelectAll};
use kube::Client;
use tokio::sync::oneshot;

use crate::configuration::{Report, reports};
use crate::watch::Options;

/// Watches of single Secrets, which begin and end as the names come and go.
pub struct NamedSecrets {
    client: Client,
    namespace: NamespaceName,
    watches: SelectAll<BoxStream<'static, (Box<str>, Report)>>,
    /// By name; a watch ends when its entry is dropped.
    open: BTreeMap<Box<str>, oneshot::Sender<()>>,
}

impl NamedSecrets {
    /// No Secret is named yet.
    #[must_use]
    pub fn new(client: Client, namespace: NamespaceName) -> Self {
        Self {
            client,
            namespace,
            watches: SelectAll::new(),
            open: BTreeMap::new(),
        }
    }

    /// Watches exactly these from now on; gives those that are watched no more.
    pub fn follow(&mut self, names: BTreeSet<Box<str>>) -> Vec<Box<str>> {
        let gone = self.open.extract_if(.., |name, _| !names.contains(name));
        let gone = gone.map(|(name, _)| name).collect();
        for name in names {
            if !self.open.contains_key(&name) {
                self.open(name);
            }
        }
        gone
    }

    /// The next report about a named Secret, with its name; none while no Secret is named.
    pub async fn next(&mut self) -> Option<(Box<str>, Report)> {
        self.watches.next().await
    }

    fn open(&mut self, name: Box<str>) {
        let options = Options {
            fields: Some(format!("metadata.name={name}")),
            ..Options::in_namespace(self.namespace.clone())
        };
        let (end, ended) = oneshot::channel::<()>();
        let about = name.clone();
        let watch = reports::<Secret>(&self.client, options)
            .map(move |report| (about.clone(), report))
            .take_until(ended);
        self.watches.push(watch.boxed());
        self.open.insert(name, end);
    }
}
