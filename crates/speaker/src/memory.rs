//! What a start takes and nothing later does.

use core::time::Duration;

use ferrolb_netio::memory;

/// Counted from the one before: the lists have been read; each address has been told of; what came in between.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(9),
    Duration::from_secs(50),
];

/// Gives back what a start took: lists as text, decisions about everything at once, writes that waited for their turn. Beside
/// 10,000 addresses that is up to 5 MiB, which the allocator would keep for as long as the process lives.
pub(crate) async fn give_back_after_start() {
    for pause in PAUSES {
        tokio::time::sleep(pause).await;
        memory::give_back();
    }
}
