//! The API, as Kubernetes sees it.

#[cfg(test)]
mod check;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod sample_files;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod structure;
