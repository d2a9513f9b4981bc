//! Wires watches, the allocation engine and the writers into the controller process
