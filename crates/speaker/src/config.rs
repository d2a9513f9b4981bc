//! What a speaker is told by its command line.

use ferrolb_api::{BgpMode, Component, Rules};
use ferrolb_claim::OnIsolation;
use ferrolb_kube::configuration_state::Identity;
use ferrolb_kube::l2_status;
use ferrolb_plan::Options;
use ferrolb_types::{InterfaceName, NamespaceName, NodeName};

use crate::exclude::ExcludedInterfaces;
use crate::ring::RingConfig;

/// What the command line decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// The namespace whose pools and advertisements count.
    pub namespace: NamespaceName,
    /// `METALLB_BGP_TYPE`: whose restrictions the objects of BGP are judged by.
    pub bgp_mode: BgpMode,
    /// `--pod-name`: the Pod that the speaker's ConfigurationState belongs to.
    pub pod: Option<Box<str>>,
    /// The node that this speaker runs on.
    pub node: NodeName,
    /// `--lb-class`.
    pub class: Box<str>,
    /// `--ignore-exclude-lb`.
    pub ignore_exclude_lb: bool,
    /// Announce on these interfaces only; empty: on all that can.
    pub interfaces: Vec<InterfaceName>,
    /// Interfaces never to announce on.
    pub excluded: ExcludedInterfaces,
    /// Bursts and refresh.
    pub layer2: ferrolb_l2::Config,
    /// How to take part in the ring; none: every Node object counts as having a speaker (layer2 5.1).
    pub ring: Option<RingConfig>,
    /// What to do when this node hears neither another speaker nor its gateway.
    pub isolation: OnIsolation,
    /// Decides the jitter of the layer 2 thread; another one on each node.
    pub seed: u64,
}

impl Config {
    /// Whose ConfigurationState it is.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            component: Component::Speaker(self.node.clone()),
            namespace: self.namespace.clone(),
            pod: self.pod.clone(),
        }
    }

    /// Whose ServiceL2Status objects they are.
    pub(crate) fn owner_identity(&self) -> l2_status::Identity {
        l2_status::Identity {
            node: self.node.clone(),
            namespace: self.namespace.clone(),
            pod: self.pod.clone(),
        }
    }

    /// What the objects that configure are held against.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            namespace: self.namespace.as_str().into(),
            bgp_mode: self.bgp_mode,
            ..Rules::default()
        }
    }

    /// What the planner needs to know of the command line.
    pub(crate) fn options(&self) -> Options {
        Options {
            node: self.node.clone(),
            class: self.class.clone(),
            ignore_exclude_lb: self.ignore_exclude_lb,
        }
    }
}
