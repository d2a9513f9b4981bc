//! Whether what matters most has to wait.

use std::sync::Arc;

use tokio::sync::watch;

/// Tells whether status writes wait for their turn. What matters less, like events, gives way meanwhile: an API server that
/// is busy is to give addresses first and then tell about them. Clones are of one writer.
#[derive(Clone, Debug, Default)]
pub struct Pressure(Arc<watch::Sender<bool>>);

impl Pressure {
    /// Returns when no write waits because as many as may be are under way.
    pub async fn relieved(&self) {
        // The sender is alive as long as this is.
        let _ = self.0.subscribe().wait_for(|is_on| !is_on).await;
    }

    pub(crate) fn set(&self, is_on: bool) {
        self.0
            .send_if_modified(|was_on| core::mem::replace(was_on, is_on) != is_on);
    }
}
