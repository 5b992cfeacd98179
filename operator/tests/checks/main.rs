//! What the operator reads and writes, and the house rules.

#[cfg(test)]
mod environments;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod machine_template;
#[cfg(test)]
mod node_class;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod pod;
#[cfg(test)]
mod reasons;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod schemas;
#[cfg(test)]
#[path = "../../../crds/tests/api/structure.rs"]
mod structure;
#[cfg(test)]
mod tidy;
