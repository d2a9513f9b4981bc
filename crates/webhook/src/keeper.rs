//! Keeps the certificate: in the Secret, in what is shown, and in what the API server trusts.
//!
//! One task, one turn for each change of the three objects and for each deadline. A turn brings the Secret in order,
//! tells the API server, and shows the leaf once it is trusted. Nothing is written that is as it should be.

mod observed;

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ferrolb_admission::rotation::{Renewal, UnixTime, plan};
use ferrolb_api::Redacted;
use ferrolb_api::core::Secret;
use ferrolb_kube::connection::{Connection, Watches};
use ferrolb_kube::watch::{self, Change, Options};
use ferrolb_kube::{Client, Error, WallClock, object};
use ferrolb_types::{NamespaceName, ObjectKey};
use futures::StreamExt as _;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use self::observed::Observed;
use crate::certificate::{Show, same};
use crate::material::{Data, Material};
use crate::target::{self, CustomResourceDefinition, Target, ValidatingWebhookConfiguration};

/// Owns the `caBundle` fields.
const FIELD_MANAGER: &str = "ferrolb-webhook-ca";
/// How often a write is tried at once when somebody else was faster.
const ATTEMPTS: usize = 10;
/// Pause after something failed.
const RETRY: Duration = Duration::from_secs(10);
/// How long every API server may take to learn of a bundle that is stored.
const SETTLE: Duration = Duration::from_secs(5);
/// How long a leaf that is not trusted yet is held back; somebody else may see to the bundle.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the certificate is kept and shown.
pub(crate) struct Settings {
    pub(crate) client: Client,
    pub(crate) namespace: NamespaceName,
    /// The Secret's name.
    pub(crate) secret: Box<str>,
    /// What the server is called.
    pub(crate) name: String,
    pub(crate) clock: WallClock,
    pub(crate) connection: Connection,
    pub(crate) show: Show,
    /// Set when there will be no certificate for lack of permission.
    pub(crate) excused: Arc<AtomicBool>,
}

pub(crate) struct Keeper {
    settings: Settings,
    watches: Watches,
    secret: Observed<Secret>,
    webhooks: Observed<ValidatingWebhookConfiguration>,
    crd: Observed<CustomResourceDefinition>,
    /// The authorities of the Secret when it last had any.
    former: Vec<CertificateDer<'static>>,
    /// When a leaf that waits is shown.
    show_at: Option<Instant>,
    wake: Instant,
}

impl Keeper {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            watches: settings.connection.watches(),
            settings,
            secret: Observed::default(),
            webhooks: Observed::default(),
            crd: Observed::default(),
            former: Vec::new(),
            show_at: None,
            wake: Instant::now(),
        }
    }

    /// For ever.
    pub(crate) async fn run(mut self) {
        let client = || self.settings.client.clone();
        let namespace = Some(self.settings.namespace.clone());
        let mut secrets = watch::watch(client(), single(namespace, &self.settings.secret));
        let mut webhooks = watch::watch(client(), single(None, target::WEBHOOKS));
        let mut crds = watch::watch(client(), single(None, target::CRD));
        loop {
            tokio::select! {
                Some(change) = secrets.next() => self.take_secret(change),
                Some(change) = webhooks.next() => self.webhooks.take(change, &mut self.watches),
                Some(change) = crds.next() => self.crd.take(change, &mut self.watches),
                () = tokio::time::sleep_until(self.wake) => {}
            }
            self.turn().await;
        }
    }

    fn take_secret(&mut self, change: Change<Secret>) {
        self.secret.take(change, &mut self.watches);
        self.settings
            .excused
            .store(self.secret.is_forbidden(), Ordering::Relaxed);
    }

    async fn turn(&mut self) {
        self.wake = Instant::now() + RETRY;
        if !self.secret.is_known() {
            return;
        }
        let material = match self.keep_secret().await {
            Ok(material) => material,
            Err(error) => {
                self.secret.failed("write", &error, &self.watches);
                Material::read(&self.secret.or_empty(), &self.settings.name)
            }
        };
        if !material.authorities().is_empty() {
            self.former = material.authorities().to_vec();
        }
        self.tell(&material).await;
        self.show(&material);
    }

    /// Brings the Secret in order; gives what it holds then, and notes when to look at it again.
    async fn keep_secret(&mut self) -> Result<Material, Error> {
        for _ in 0..ATTEMPTS {
            let material = Material::read(&self.secret.or_empty(), &self.settings.name);
            let now = self.now();
            let plan = plan(now, &material.held, self.is_trusted(&material));
            let Some(renewal) = plan.renewal else {
                let seconds = u64::try_from(plan.look_again.0 - now.0).unwrap_or_default();
                self.wake = Instant::now() + Duration::from_secs(seconds);
                return Ok(material);
            };
            match self.write(&material, &renewal, now).await {
                Ok(secret) => {
                    tell_renewal(&renewal);
                    self.secret.set(Some(secret));
                }
                Err(error) if matches!(error.code(), Some(404 | 409)) => {
                    let key = ObjectKey::new(self.settings.namespace.as_str(), &*self.settings.secret);
                    self.secret.set(object::get(&self.settings.client, &key).await?);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Material::read(&self.secret.or_empty(), &self.settings.name))
    }

    async fn write(&self, material: &Material, renewal: &Renewal, now: UnixTime) -> Result<Secret, Error> {
        let Settings {
            client,
            namespace,
            secret,
            name,
            ..
        } = &self.settings;
        let data = material.renew(renewal, &self.former, (name, now));
        let data = data.map_err(|error| Error::Unreadable {
            cause: format!("cannot make a certificate: {error}"),
        })?;
        let data = encoded(&data);
        match self.secret.get() {
            Some(present) => {
                let version = &present.metadata.resource_version;
                let patch = serde_json::json!({ "metadata": { "resourceVersion": version }, "data": data });
                object::merge(client, &ObjectKey::new(namespace.as_str(), &**secret), &patch).await
            }
            None => {
                let metadata = serde_json::json!({ "name": secret, "namespace": namespace.as_str() });
                let object = serde_json::json!({ "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                                                 "metadata": metadata, "data": data });
                object::create(client, namespace.as_str(), &object).await
            }
        }
    }

    /// Whether the API server has been told of what the Secret holds, as far as that is up to us.
    fn is_trusted(&self, material: &Material) -> bool {
        let bundle = BASE64_STANDARD.encode(&material.bundle);
        self.webhooks.holds(|w| w.is_told(&bundle)) && self.crd.holds(|c| c.is_told(&bundle))
    }

    /// Tells the API server whom to trust, where it does not know.
    async fn tell(&mut self, material: &Material) {
        if material.bundle.is_empty() {
            return;
        }
        let bundle = BASE64_STANDARD.encode(&material.bundle);
        let client = &self.settings.client;
        let told = [
            tell_one(client, &mut self.webhooks, &bundle, &self.watches).await,
            tell_one(client, &mut self.crd, &bundle, &self.watches).await,
        ];
        if told.contains(&false) {
            self.wake = self.wake.min(Instant::now() + RETRY);
        }
    }

    /// Shows the leaf: the first one at once, a later one when every API server should trust it.
    fn show(&mut self, material: &Material) {
        let Some(leaf) = &material.leaf else { return };
        let current = self.settings.show.borrow().clone();
        if same(current.as_ref(), leaf) {
            self.show_at = None;
            return;
        }
        let pause = match current {
            None => Duration::ZERO,
            Some(_) if self.is_trusted(material) => SETTLE,
            Some(_) => PATIENCE,
        };
        let latest = Instant::now() + pause;
        let due = self.show_at.map_or(latest, |at| at.min(latest));
        if due <= Instant::now() {
            tracing::info!(
                op = "webhook",
                name = self.settings.name,
                "a certificate is served"
            );
            self.settings.show.send_replace(Some(Arc::clone(leaf)));
            self.show_at = None;
        } else {
            self.show_at = Some(due);
            self.wake = self.wake.min(due);
        }
    }

    fn now(&self) -> UnixTime {
        let since = (self.settings.clock)()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

/// Only the object of this name; roles can be restricted to it.
fn single(namespace: Option<NamespaceName>, name: &str) -> Options {
    Options {
        namespace,
        fields: Some(format!("metadata.name={name}")),
        ..Options::default()
    }
}

/// Whether the object is as it should be, or that is not up to us.
async fn tell_one<T: Target>(
    client: &Client,
    observed: &mut Observed<T>,
    bundle: &str,
    watches: &Watches,
) -> bool {
    let Some(object) = observed.get().filter(|object| !object.is_told(bundle)) else {
        return true;
    };
    let key = object.key();
    match object::apply::<T>(client, &key, FIELD_MANAGER, &object.telling(bundle)).await {
        Ok(stored) => {
            tracing::info!(
                op = "webhook",
                kind = T::KIND,
                name = %key.name,
                "the API server is told whom to trust"
            );
            observed.set(Some(stored));
            true
        }
        Err(error) => {
            observed.failed("patch", &error, watches);
            false
        }
    }
}

fn encoded(data: &Data) -> BTreeMap<&'static str, String> {
    let encode = |value: &Redacted| BASE64_STANDARD.encode(value.expose());
    data.iter().map(|(key, value)| (*key, encode(value))).collect()
}

fn tell_renewal(renewal: &Renewal) {
    let Renewal {
        new_authority,
        keep,
        new_leaf,
    } = renewal;
    let kept = keep.len();
    tracing::info!(
        op = "webhook",
        new_authority,
        new_leaf,
        kept,
        "the Secret with the certificates is renewed"
    );
}
