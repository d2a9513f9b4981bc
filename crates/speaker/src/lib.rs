//! Wires watches, the node planner, the layer 2 thread and the writers into the speaker process
