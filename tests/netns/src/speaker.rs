//! The product's speaker on a host of a segment, in this process.

use std::net::IpAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;

use anyhow::{Context, ensure};
use ferrolb_apiserver::ApiServer;
use ferrolb_kube::Client;
use ferrolb_speaker::{Config, ExcludedInterfaces, Layer2Config, OnIsolation, Speaker};
use ferrolb_telemetry::admin::{Admin, Readiness, StateSource};
use ferrolb_telemetry::metrics::{ClientMetrics, Registry};
use ferrolb_types::NodeName;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::kubernetes::NAMESPACE;
use crate::segment::Host;
use crate::wait;

/// A speaker that runs on a thread inside a host's namespace until it is dropped.
pub struct RunningSpeaker {
    admin: Admin,
    shutdown: CancellationToken,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

/// The settings of the speaker of `host`: as by default, but nothing is announced again after its burst, so that tests
/// can count.
#[must_use]
pub fn config(host: &Host) -> Config {
    Config {
        namespace: NAMESPACE.into(),
        bgp_mode: Default::default(),
        pod: None,
        node: NodeName::new(host.name.as_str()),
        class: "".into(),
        ignore_exclude_lb: false,
        interfaces: Vec::new(),
        excluded: ExcludedInterfaces::default(),
        layer2: Layer2Config {
            refresh_interval: None,
            ..Layer2Config::default()
        },
        ring: None,
        isolation: OnIsolation::default(),
        seed: 7,
    }
}

impl RunningSpeaker {
    /// Starts a speaker on `host` that watches `api`; returns when it knows everything that is there.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(host: &Host, api: &ApiServer, config: Config) -> anyhow::Result<Self> {
        let (registry, shutdown) = (Registry::new(), CancellationToken::new());
        let (made, handles) = mpsc::channel();
        let (api, metrics, stop) = (api.clone(), registry.clone(), shutdown.clone());
        let live = move || -> anyhow::Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let shared = ClientMetrics::register(&metrics)?;
                let speaker = Speaker::new(config, Client::new(api, "default"), &metrics, shared)?;
                made.send((speaker.readiness(), speaker.state()))?;
                speaker.run(stop).await
            })
        };
        let name = format!("speaker-{}", host.name);
        // A thread begins in the namespace of the one that starts it.
        let start = || std::thread::Builder::new().name(name).spawn(live);
        let thread = host.namespace.run(start)??;
        let (readiness, state): (Readiness, StateSource) = handles.recv().context("the speaker is made")?;
        let mut this = Self {
            admin: Admin {
                registry,
                readiness,
                state: vec![("speaker", state)],
                level: None,
            },
            shutdown,
            thread: Some(thread),
        };
        this.wait_until_ready()?;
        Ok(this)
    }

    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        wait::until("the speaker to be ready", || {
            if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
                self.join()?;
            }
            Ok((self.admin.readiness)().is_none().then_some(()))
        })
    }

    /// `/debug/state`.
    ///
    /// # Errors
    /// When the speaker has ended.
    pub fn state(&self) -> anyhow::Result<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let state = runtime.block_on(self.admin.state())["speaker"].take();
        ensure!(state.get("error").is_none(), "the speaker's state is {state}");
        Ok(state)
    }

    /// Waits until the state shows whether the speaker wants to announce `address`, which it has told its layer 2 thread
    /// by then.
    ///
    /// # Errors
    /// That it did not in time.
    pub fn wait_until_announced(&self, address: IpAddr, is_announced: bool) -> anyhow::Result<()> {
        let what = format!("{address} to be announced: {is_announced}");
        let text = address.to_string();
        self.wait_for_state(&what, |state| {
            state["announcedAddresses"].get(&text).is_some() == is_announced
        })
    }

    /// Waits until the state `fits`.
    ///
    /// # Errors
    /// That it did not in time.
    pub fn wait_for_state(&self, what: &str, fits: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
        wait::until(what, || Ok(fits(&self.state()?).then_some(())))
            .with_context(|| format!("the state is {:#}", self.state().unwrap_or_default()))
    }

    /// Its metrics, as scraped.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.admin.registry.encode()
    }

    /// Stops it as SIGTERM does, and waits for its end.
    ///
    /// # Errors
    /// Its own.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.join()
    }

    fn join(&mut self) -> anyhow::Result<()> {
        let outcome = self.thread.take().map(JoinHandle::join);
        match outcome {
            Some(Ok(outcome)) => outcome.context("the speaker ended"),
            Some(Err(_)) => anyhow::bail!("the speaker panicked"),
            None => Ok(()),
        }
    }
}

impl Drop for RunningSpeaker {
    fn drop(&mut self) {
        self.shutdown.cancel();
        // Whoever is interested calls `stop`.
        let _outcome = self.join();
    }
}
