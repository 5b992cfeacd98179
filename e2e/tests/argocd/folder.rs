//! A folder that Argo CD takes objects from: a Git repository on this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A Git repository.
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes an empty one.
    pub(crate) fn new(root: &Path) -> Self {
        fs::create_dir_all(root).unwrap();
        let folder = Self { root: root.to_owned() };
        folder.git(&["init", "--quiet", "--initial-branch=main"]);
        folder
    }

    /// The address that Argo CD finds it at.
    pub(crate) fn address(&self) -> String {
        format!("file://{}", self.root.display())
    }

    /// Commits objects, each in the file beside it; gives the revision.
    pub(crate) fn commit(&self, files: &[(&str, &Value)]) -> String {
        for (file, object) in files {
            let path = self.root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            // JSON is YAML too.
            fs::write(path, format!("{object:#}\n")).unwrap();
        }
        self.git(&["add", "--all"]);
        self.commit_index()
    }

    /// Commits that a file is gone; gives the revision.
    pub(crate) fn remove(&self, file: &str) -> String {
        self.git(&["rm", "--quiet", file]);
        self.commit_index()
    }

    fn commit_index(&self) -> String {
        self.git(&["commit", "--quiet", "--message=A change"]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let ended = Command::new("git")
            .args(["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"])
            .args(arguments)
            .current_dir(&self.root)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(ended.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).unwrap()
    }
}
