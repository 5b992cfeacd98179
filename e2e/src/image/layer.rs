//! A layer of an image: a tar archive whose bytes depend on nothing but its files.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use tar::{Builder, EntryType, Header};

/// One entry of a layer.
enum Entry {
    Folder { mode: u32 },
    File { mode: u32, content: Vec<u8> },
    Link { to: String },
}

/// Files, folders and links by their paths, which begin without a slash. All belong to root.
#[derive(Default)]
pub(crate) struct Layer {
    entries: BTreeMap<String, Entry>,
}

impl Layer {
    /// Adds a folder.
    pub(crate) fn folder(mut self, path: &str, mode: u32) -> Self {
        self.add(path, Entry::Folder { mode });
        self
    }

    /// Adds a file, with the folders it is in.
    pub(crate) fn file(mut self, path: &str, mode: u32, content: impl Into<Vec<u8>>) -> Self {
        self.add(path, Entry::File { mode, content: content.into() });
        self
    }

    /// Adds a symbolic link, with the folders it is in.
    pub(crate) fn link(mut self, path: &str, to: &str) -> Self {
        self.add(path, Entry::Link { to: to.to_owned() });
        self
    }

    fn add(&mut self, path: &str, entry: Entry) {
        let folders = Path::new(path).ancestors().skip(1).filter_map(Path::to_str);
        for folder in folders.filter(|folder| !folder.is_empty()) {
            self.entries.entry(folder.to_owned()).or_insert(Entry::Folder { mode: 0o755 });
        }
        self.entries.insert(path.to_owned(), entry);
    }

    /// The archive. Folders come before what is in them, and all times are 0.
    pub(crate) fn archive(&self) -> Result<Vec<u8>> {
        let mut archive = Archive::default();
        for (path, entry) in &self.entries {
            let (kind, mode, link, content): (_, _, _, &[u8]) = match entry {
                Entry::Folder { mode } => (EntryType::Directory, *mode, None, &[]),
                Entry::File { mode, content } => (EntryType::Regular, *mode, None, content),
                Entry::Link { to } => (EntryType::Symlink, 0o777, Some(to.as_str()), &[]),
            };
            archive.add(path, kind, mode, link, content)?;
        }
        archive.finish()
    }
}

/// A tar archive that is the same for the same entries.
pub(crate) struct Archive {
    builder: Builder<Vec<u8>>,
}

impl Default for Archive {
    fn default() -> Self {
        Self { builder: Builder::new(Vec::new()) }
    }
}

impl Archive {
    /// Adds an entry.
    pub(crate) fn add(
        &mut self,
        path: &str,
        kind: EntryType,
        mode: u32,
        link: Option<&str>,
        content: &[u8],
    ) -> Result<()> {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        let outcome = match link {
            Some(to) => self.builder.append_link(&mut header, path, to),
            None => self.builder.append_data(&mut header, path, content),
        };
        outcome.with_context(|| format!("cannot put {path} into an archive"))
    }

    /// Its bytes.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        self.builder.into_inner().context("cannot finish an archive")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(archive: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().unwrap();
        entries.map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
    }

    #[test]
    fn folders_come_first_whatever_the_order_of_adding() {
        let one = Layer::default().file("bin/sh", 0o755, "x").folder("tmp", 0o1777).link("bin/ls", "sh");
        let other = Layer::default().link("bin/ls", "sh").folder("tmp", 0o1777).file("bin/sh", 0o755, "x");
        let archive = one.archive().unwrap();
        assert_eq!(archive, other.archive().unwrap());
        assert_eq!(paths(&archive), ["bin", "bin/ls", "bin/sh", "tmp"]);
    }

    #[test]
    fn modes_owners_and_times_are_as_given() {
        let archive = Layer::default().folder("tmp", 0o1777).archive().unwrap();
        let mut archive = tar::Archive::new(archive.as_slice());
        let entry = archive.entries().unwrap().next().unwrap().unwrap();
        let header = entry.header();
        assert_eq!(header.mode().unwrap(), 0o1777);
        assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
    }
}
