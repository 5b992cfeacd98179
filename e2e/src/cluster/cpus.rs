//! How many CPUs a node reports: a kubelet counts those in `/sys/devices/system/node`, and takes no other
//! word for it.
//!
//! The tree written here lists the machine's own CPUs once for each socket it pretends to have, so the count
//! is as wanted while every CPU named is a real one: the kubelet puts the names into its pods' cpuset.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::paths;

/// The folder that a kubelet counts CPUs in.
pub(crate) const FOLDER: &str = "/sys/devices/system/node";

/// Writes such a folder for `count` CPUs.
pub(crate) fn write(folder: &Path, count: u32) -> Result<()> {
    paths::remove(folder)?;
    let path = "/sys/devices/system/cpu/online";
    let online = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let real = parse(&online).with_context(|| format!("cannot understand {path}: {online}"))?;
    let sockets: Vec<&[u32]> = share(&real, count);
    for (socket, cpus) in sockets.iter().enumerate() {
        let node = folder.join(format!("node{socket}"));
        for cpu in *cpus {
            let topology = node.join(format!("cpu{cpu}/topology"));
            paths::write(&topology.join("core_id"), format!("{cpu}\n"))?;
            paths::write(&topology.join("physical_package_id"), format!("{socket}\n"))?;
        }
        let distances = vec!["10"; sockets.len()].join(" ");
        paths::write(&node.join("distance"), distances + "\n")?;
    }
    Ok(())
}

/// Which CPUs each socket has, so that all together have `count`.
fn share(real: &[u32], count: u32) -> Vec<&[u32]> {
    let mut left = usize::try_from(count).unwrap_or(usize::MAX);
    let mut sockets = Vec::new();
    while left > 0 && !real.is_empty() {
        let cpus = real.get(..left).unwrap_or(real);
        left -= cpus.len();
        sockets.push(cpus);
    }
    sockets
}

/// A list of CPUs as the kernel writes it: `0-3,8`.
fn parse(list: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        cpus.extend(first.parse::<u32>().ok()?..=last.parse::<u32>().ok()?);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_ranges_and_single_numbers() {
        assert_eq!(parse("0-3,8\n"), Some(vec![0, 1, 2, 3, 8]));
        assert_eq!(parse("0"), Some(vec![0]));
        assert_eq!(parse(""), None);
        assert_eq!(parse("0-x"), None);
    }

    #[test]
    fn sockets_add_up_to_the_count_with_real_cpus_only() {
        assert_eq!(share(&[0, 1], 5), [&[0, 1][..], &[0, 1], &[0]]);
        assert_eq!(share(&[0, 1, 2, 3], 2), [&[0, 1][..]]);
        assert_eq!(share(&[0, 1], 2), [&[0, 1][..]]);
    }

    #[test]
    fn the_folder_has_as_many_cpus_as_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("node");
        for count in [7, 3] {
            write(&folder, count).unwrap();
            let mut found = 0;
            for node in fs::read_dir(&folder).unwrap() {
                let entries = fs::read_dir(node.unwrap().path()).unwrap();
                let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
                found += names.filter(|name| name.starts_with("cpu")).count();
            }
            assert_eq!(found, count as usize);
        }
    }
}
