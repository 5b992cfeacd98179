//! What a go.mod pins.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::Command;

/// The version that a go.mod requires of `module`, such as `v1.36.3`.
pub(crate) fn version<'text>(go_mod: &'text str, module: &str) -> Result<&'text str> {
    let required = go_mod.lines().find_map(|line| {
        let line = line.trim();
        let mut words = line.strip_prefix("require ").unwrap_or(line).split_whitespace();
        (words.next()? == module).then(|| words.next())?.filter(|version| version.starts_with('v'))
    });
    required.with_context(|| format!("go.mod requires no version of {module}"))
}

/// Where the files of a module are that the one in `main` requires.
pub(crate) fn folder(main: &Path, module: &str) -> Result<PathBuf> {
    let list = Command::line("go list -m -f {{.Dir}}").args([module]).current_dir(main);
    Ok(Path::new(list.output()?.trim()).to_owned())
}

/// Major and minor number of a version: `("1", "36")`.
pub(crate) fn major_and_minor(version: &str) -> Result<(&str, &str)> {
    let mut numbers = version.trim_start_matches('v').split('.');
    numbers.next().zip(numbers.next()).with_context(|| format!("{version} is not a version such as v1.36.3"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GO_MOD: &str = "module x\n\nrequire github.com/coredns/coredns v1.14.5\n\nrequire (\n\
        \tk8s.io/kubernetes v1.36.3 // indirect\n\tk8s.io/kubernetes-not v9.9.9\n)\n\
        replace (\n\tk8s.io/api => k8s.io/api v0.36.3\n)\n";

    #[test]
    fn both_forms_of_require_are_read() {
        assert_eq!(version(GO_MOD, "github.com/coredns/coredns").unwrap(), "v1.14.5");
        assert_eq!(version(GO_MOD, "k8s.io/kubernetes").unwrap(), "v1.36.3");
    }

    #[test]
    fn a_module_that_is_only_replaced_or_missing_is_an_error() {
        assert!(version(GO_MOD, "k8s.io/api").is_err());
        let error = version(GO_MOD, "k8s.io/none").unwrap_err();
        assert_eq!(error.to_string(), "go.mod requires no version of k8s.io/none");
    }

    #[test]
    fn versions_have_a_major_and_a_minor_number() {
        assert_eq!(major_and_minor("v1.36.3").unwrap(), ("1", "36"));
        assert!(major_and_minor("v1").is_err());
    }
}
