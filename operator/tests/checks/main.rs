//! What the operator reads and writes, and the house rules.

#[cfg(test)]
mod limits;
#[cfg(test)]
mod pod;
#[cfg(test)]
mod reasons;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tidy;
