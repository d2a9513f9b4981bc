//! A frame of any content, read as a Multicast Listener Query.

use ferrolb_wire::mld::Query;

/// Panics where something does not hold.
pub(crate) fn run(data: &[u8]) {
    if let Ok(query) = Query::decode(data) {
        assert!(Query::is_likely(data), "the machine would not have read it");
        assert!(query.group.is_none_or(|group| group.is_multicast()));
    }
}
