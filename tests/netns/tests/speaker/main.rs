//! Speakers on real network stacks: what others on the segment hear of them.

mod answer;
mod burst;
mod configuration;
mod conflict;
mod freeze;
mod groups;
mod interface;
mod neighbor;
mod scene;
mod status;
mod storm;
mod trap;
mod withdrawal;
