//! Which pools an advertisement reaches.

use std::collections::BTreeSet;

use ferrolb_types::{PoolName, Selector};
use serde::{Deserialize, Serialize};

use super::Pool;

/// Pools that an advertisement reaches (api-and-config 3.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolSelection {
    /// Neither names nor selectors were given.
    All,
    /// Those named and those that any selector matches; possibly none.
    Some {
        /// By name; unknown names mean nothing.
        names: BTreeSet<PoolName>,
        /// By label.
        selectors: Vec<Selector>,
    },
}

impl PoolSelection {
    /// Whether `pool` is reached.
    #[must_use]
    pub fn reaches(&self, pool: &Pool) -> bool {
        match self {
            Self::All => true,
            Self::Some { names, selectors } => {
                names.contains(&pool.name) || selectors.iter().any(|s| s.matches(&pool.labels))
            }
        }
    }
}
