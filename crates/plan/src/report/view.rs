//! What lies behind a plan, for those who explain it.

use serde_json::Value;

use ferrolb_api::core::Service;
use ferrolb_api::resolve;
use ferrolb_api::resolved::Config;
use ferrolb_ipam::Fitness;
use ferrolb_types::ObjectKey;

use super::Options;
use super::allocation::Allocation;
use super::objects::{self, Objects};

/// The objects, what they mean, and the engine that has decided.
pub(crate) struct View {
    objects: Objects,
    config: Config,
    allocation: Allocation,
}

impl View {
    pub(crate) fn of(manifests: Vec<Value>, options: &Options) -> Self {
        let mut objects = Objects::read(manifests, &options.namespace);
        objects.raw.rules = options.rules();
        let config = resolve(&objects.raw).config;
        let allocation = Allocation::run(&objects, &config, options);
        Self {
            objects,
            config,
            allocation,
        }
    }

    pub(crate) fn service(&self, key: &ObjectKey) -> Option<&Service> {
        self.objects.services.get(key)
    }

    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn fitness(&self, key: &ObjectKey) -> Vec<Fitness> {
        self.allocation.engine().fitness(key)
    }
}

/// The objects of lists, however deep.
pub(crate) fn flat(manifests: Vec<Value>) -> Vec<Value> {
    let mut flat = Vec::new();
    manifests.into_iter().for_each(|m| objects::flatten(m, &mut flat));
    flat
}
