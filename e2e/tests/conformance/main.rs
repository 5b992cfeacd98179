//! The simulator's API server is held against the real one: both get the same sequences of requests, in the very form the
//! operator sends them, and have to answer alike.
//!
//! `WINDLASS_SEQUENCES` says how many sequences (40), `WINDLASS_SEQUENCE` which one alone.

#[cfg(test)]
mod actions;
#[cfg(test)]
mod deeds;
#[cfg(test)]
mod known;
#[cfg(test)]
mod lease;
#[cfg(test)]
mod model;
#[cfg(test)]
mod quota;
#[cfg(test)]
mod sequence;
#[cfg(test)]
mod server;
#[cfg(test)]
mod setting;
#[cfg(test)]
mod statuses;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod test;
