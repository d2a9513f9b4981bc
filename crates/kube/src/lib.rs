//! Watches into slim objects, status writes, events
