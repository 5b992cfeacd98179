//! The parts that several kinds are made of.

pub mod attempt;
pub mod conditions;
pub mod container;
pub mod limits;
pub mod linux;
pub mod names;
pub mod node_properties;
pub mod open;
pub mod resources;
pub mod retry;
pub mod state;
pub mod tags;
pub mod times;
pub mod volumes;
