//! The API, as Kubernetes sees it.

#[cfg(test)]
mod check;
#[cfg(test)]
mod defaults;
#[cfg(test)]
mod fields;
#[cfg(test)]
mod ignored;
#[cfg(test)]
mod immutable;
#[cfg(test)]
mod lint;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod record_size;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod sample_files;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod size;
#[cfg(test)]
mod skeleton;
#[cfg(test)]
mod structure;
#[cfg(test)]
mod unset;
#[cfg(test)]
mod unsupported;
