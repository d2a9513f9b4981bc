//! Whether what matters most has to wait.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

/// Tells whether status writes wait for their turn. What matters less, like events, gives way meanwhile: an API server that
/// is busy is to give addresses first and then tell about them. Clones are of one writer.
#[derive(Clone, Debug, Default)]
pub struct Pressure(Arc<AtomicBool>);

impl Pressure {
    /// Whether some write waits, for as many as may be are under way.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, is_on: bool) {
        self.0.store(is_on, Ordering::Relaxed);
    }
}
