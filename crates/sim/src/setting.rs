//! What the speakers of a segment are told on their command lines.

use ferrolb_claim::OnIsolation;

/// What the command lines decide, the same everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Of the ring.
    pub gossip: ferrolb_gossip::Config,
    /// Of answering and announcing.
    pub layer2: ferrolb_l2::Config,
    /// `--isolation`.
    pub isolation: OnIsolation,
    /// How many Services there are from the start.
    pub services: u8,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            gossip: ferrolb_gossip::Config::lan(),
            layer2: ferrolb_l2::Config::default(),
            isolation: OnIsolation::default(),
            services: 12,
        }
    }
}
