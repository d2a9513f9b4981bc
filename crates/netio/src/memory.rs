//! Memory of the process.

use crate::sys;

/// Gives the system back what was allocated once and is free now. The allocator keeps it otherwise, as memory of this process,
/// wherever something that is in use lies above it. Takes some milliseconds for each 10 MiB that are free; does nothing where
/// the C library has no such call.
///
/// ```
/// drop(vec![0_u8; 1 << 20]);
/// ferrolb_netio::memory::give_back();
/// ```
pub fn give_back() {
    sys::trim_heap();
}
