//! The cluster test tier.
