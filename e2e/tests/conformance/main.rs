//! The model API server against the real one.
