//! Whole rings in virtual time, on a network that loses, delays and cuts.
//!
//! A failing simulation prints its seed; `FERROLB_SIM_SEED=<seed>` runs it alone, and `FERROLB_SIM_SEEDS=<count>` more of them.

mod clocks;
mod death;
mod dialect;
mod joining;
mod loss;
mod membership;
mod mixed;
mod partition;
mod restart;
mod stranger;
mod traffic;
mod words;
mod world;
