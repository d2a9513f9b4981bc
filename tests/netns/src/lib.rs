//! The netns test tier.
