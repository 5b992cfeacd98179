//! This process, as the kernel sees it.

use anyhow::Context;
use std::fs;

/// Memory, in KiB.
pub(crate) struct Memory {
    /// Now.
    pub(crate) resident: u64,
    /// At most so far.
    pub(crate) peak: u64,
}

/// The memory of this process.
pub(crate) fn memory() -> anyhow::Result<Memory> {
    let told = fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let read = |name: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        number.with_context(|| format!("/proc/self/status has no {name}"))
    };
    Ok(Memory { resident: read("VmRSS:")?, peak: read("VmHWM:")? })
}
