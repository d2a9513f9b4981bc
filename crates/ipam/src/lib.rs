//! Pools, holders, sharing and waiting Services: an engine fed by events that answers with effects
