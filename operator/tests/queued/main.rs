//! The operator's memory, and the time of one plan, with many jobs queued: 10 queues, 1,000 hosts of which none has room, needs
//! of 20 kinds. `make test` queues 1,000, `make bench` more, in a release build: `WINDLASS_QUEUED="singles 100000"` or `"children
//! 1000000"`, in arrays of 10,000.
//!
//! What is in memory is what the operator has there: each object comes as the bytes of a watch event, read by the shell's own
//! decoder into the core. Its requests are answered here, and told of by the watch, as an API server would. One process, one
//! measurement, printed as a line of JSON.

#[cfg(test)]
mod objects;
#[cfg(test)]
mod process;
#[cfg(test)]
mod queued;
#[cfg(test)]
mod server;
#[cfg(test)]
mod world;
