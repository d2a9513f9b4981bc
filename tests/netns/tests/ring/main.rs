//! The gossip ring decides who answers: fail-over, hand-over and restart of real processes on real network stacks.

mod doctor;
mod failover;
mod fault;
mod isolation;
mod leaving;
mod mixed;
mod scene;
mod split;
