//! Every decision of Windlass, without any input or output.
