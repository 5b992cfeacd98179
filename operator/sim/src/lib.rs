//! A deterministic model cluster.
