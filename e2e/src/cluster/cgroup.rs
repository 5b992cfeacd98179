//! Control groups: every process of the cluster is in one, so that all of them can be found and killed,
//! whoever started them, whatever they became, and however the program that started them ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::wait::{self, Seen};

/// The group of the whole cluster, in every hierarchy.
pub(crate) const CLUSTER: &str = "windlass-e2e";

/// The hierarchies mounted on this machine.
#[derive(Debug, PartialEq)]
pub(crate) struct Hierarchies {
    /// Version 2. It may have no controllers; its `cgroup.kill` is what is needed.
    unified: PathBuf,
    /// Version 1, one a controller. None on most machines today.
    controllers: Vec<PathBuf>,
}

impl Hierarchies {
    /// Those of this machine.
    pub(crate) fn find() -> Result<Self> {
        let mounts =
            fs::read_to_string("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
        Self::parse(&mounts)
    }

    fn parse(mountinfo: &str) -> Result<Self> {
        let mounted = |kind: &'static str| {
            mountinfo.lines().filter_map(move |line| {
                let (place, source) = line.split_once(" - ")?;
                let path = place.split(' ').nth(4)?;
                (source.split(' ').next()? == kind).then(|| PathBuf::from(path))
            })
        };
        match mounted("cgroup2").next() {
            Some(unified) => Ok(Self { unified, controllers: mounted("cgroup").collect() }),
            None => bail!("no cgroup v2 hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified"),
        }
    }

    /// Makes the groups of a machine (a node, or where the control plane runs): one for its processes, and
    /// the one its kubelet puts pods into.
    pub(crate) fn create(&self, machine: &str) -> Result<()> {
        create(&self.processes(machine))?;
        // A kubelet wants version 2's controllers in its group. Where they are version 1's there are none.
        delegate(&self.unified)?;
        delegate(&self.unified.join(CLUSTER))?;
        self.controllers.iter().try_for_each(|root| create(&root.join(CLUSTER).join(machine)))
    }

    /// Where the processes of a machine are. Beside, not above, the pods' group: version 2 has no processes
    /// in inner groups.
    pub(crate) fn processes(&self, machine: &str) -> PathBuf {
        self.unified.join(CLUSTER).join(machine).join("processes")
    }

    /// Puts this process, and what it runs from here on, into the cluster's control group, so that `down`
    /// finds a tool that outlives it. Components leave for their machine's group.
    pub(crate) fn enter(&self) -> Result<()> {
        self.create("commands")?;
        join(&self.processes("commands"))
    }

    /// Kills every process in `group` (as in `windlass-e2e/node-1`) and below, at once, and waits for their
    /// ends.
    pub(crate) fn kill(&self, group: &str) -> Result<()> {
        let folder = self.unified.join(group);
        if !folder.exists() {
            return Ok(());
        }
        fs::write(folder.join("cgroup.kill"), "1")
            .with_context(|| format!("cannot kill {}", folder.display()))?;
        wait::until(&format!("all of {} has died", folder.display()), Duration::from_secs(15), || {
            let events = fs::read_to_string(folder.join("cgroup.events"))?;
            Ok(Seen::when(events.contains("populated 0"), "processes in cgroup.procs"))
        })
    }

    /// Removes `group` and the groups below it from every hierarchy. They must have no processes.
    pub(crate) fn remove(&self, group: &str) -> Result<()> {
        for root in self.controllers.iter().chain([&self.unified]) {
            let folder = root.join(group);
            // The kernel may need a moment to let go of a group whose last process has just died.
            wait::until(&format!("{} is removed", folder.display()), Duration::from_secs(10), || {
                Ok(match remove(&folder) {
                    Ok(()) => Seen::Holds(()),
                    Err(error) => Seen::NotYet(error.to_string()),
                })
            })?;
        }
        Ok(())
    }
}

/// Gives the groups in `folder` the controllers that it has itself.
fn delegate(folder: &Path) -> Result<()> {
    let words = |name: &str| -> Result<Vec<String>> {
        let path = folder.join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text.split_whitespace().map(str::to_owned).collect())
    };
    let (all, given) = (words("cgroup.controllers")?, words("cgroup.subtree_control")?);
    for controller in all.iter().filter(|controller| !given.contains(controller)) {
        let path = folder.join("cgroup.subtree_control");
        fs::write(&path, format!("+{controller}"))
            .with_context(|| format!("cannot add {controller} to {}", path.display()))?;
    }
    Ok(())
}

/// Puts this process into a group.
pub(crate) fn join(group: &Path) -> Result<()> {
    let path = group.join("cgroup.procs");
    fs::write(&path, "0").with_context(|| format!("cannot join {}", path.display()))
}

fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

/// Removes a group's folder, the inner ones first. Its files are the kernel's and go with it.
fn remove(folder: &Path) -> std::io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
20 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 20 0:26 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
31 20 0:27 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
32 20 0:28 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn finds_both_versions() {
        let found = Hierarchies::parse(HYBRID).unwrap();
        assert_eq!(found.unified, Path::new("/sys/fs/cgroup/unified"));
        let controllers = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"].map(PathBuf::from);
        assert_eq!(found.controllers, controllers);
        assert_eq!(
            found.processes("node-1"),
            Path::new("/sys/fs/cgroup/unified/windlass-e2e/node-1/processes")
        );
    }

    #[test]
    fn version_2_alone_is_enough_and_version_1_alone_is_not() {
        let line = "24 20 0:22 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate";
        let expected = Hierarchies { unified: "/sys/fs/cgroup".into(), controllers: Vec::new() };
        assert_eq!(Hierarchies::parse(line).unwrap(), expected);
        let error = Hierarchies::parse(&HYBRID.replace("cgroup2", "tmpfs")).unwrap_err();
        assert!(error.to_string().starts_with("no cgroup v2 hierarchy"), "{error}");
    }

    #[test]
    fn only_controllers_that_are_not_given_yet_are_added() {
        let folder = tempfile::tempdir().unwrap();
        let control = folder.path().join("cgroup.subtree_control");
        fs::write(folder.path().join("cgroup.controllers"), "cpu memory\n").unwrap();
        fs::write(&control, "memory\n").unwrap();
        delegate(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&control).unwrap(), "+cpu");
        fs::write(&control, "memory cpu\n").unwrap();
        delegate(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&control).unwrap(), "memory cpu\n");
    }

    #[test]
    fn removes_inner_groups_first() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("top");
        fs::create_dir_all(top.join("kubepods/besteffort/pod1")).unwrap();
        fs::create_dir_all(top.join("processes")).unwrap();
        remove(&top).unwrap();
        assert!(!top.exists());
        remove(&top).unwrap();
    }
}
