//! The cluster's programs, built from the Go module that pins them, and kept in the user's cache folder: a
//! clean clone on the same machine does not build them again.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::go_build::{self, read};
use super::go_module;
use super::paths::Checkout;
use crate::progress::Progress;

/// One program: the name of its file, and the package it is built from.
struct Program {
    name: &'static str,
    package: &'static str,
    /// Where its version goes: a variable, and the module whose version it is.
    version: Option<(&'static str, &'static str)>,
}

const KUBERNETES: &str = "k8s.io/kubernetes";
const COMPONENT_VERSION: &str = "k8s.io/component-base/version";

const PROGRAMS: [Program; 10] = [
    // The largest first: it compiles most of what the others share.
    kubernetes("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    kubernetes("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    kubernetes("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
    kubernetes("kubelet", "k8s.io/kubernetes/cmd/kubelet"),
    kubernetes("kube-proxy", "k8s.io/kubernetes/cmd/kube-proxy"),
    kubernetes("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    Program { name: "etcd", package: "go.etcd.io/etcd/server/v3", version: None },
    Program {
        name: "kwok",
        package: "sigs.k8s.io/kwok/cmd/kwok",
        version: Some(("sigs.k8s.io/kwok/pkg/consts.Version", "sigs.k8s.io/kwok")),
    },
    Program {
        name: "helm",
        package: "helm.sh/helm/v4/cmd/helm",
        version: Some(("helm.sh/helm/v4/internal/version.version", "helm.sh/helm/v4")),
    },
    Program { name: "coredns", package: "./coredns", version: None },
];

/// Built only when asked for: it takes minutes.
const KARPENTER: Program =
    Program { name: "karpenter-kwok", package: "sigs.k8s.io/karpenter/kwok", version: None };

const fn kubernetes(name: &'static str, package: &'static str) -> Program {
    Program { name, package, version: None }
}

/// Where the programs of one state of the Go module are, or will be.
pub(crate) struct Programs {
    module: PathBuf,
    flags: Vec<String>,
    folder: PathBuf,
}

impl Programs {
    /// Those that a checkout pins.
    pub(crate) fn of(checkout: &Checkout) -> Result<Self> {
        let module = checkout.go_module();
        let files = ["go.mod", "go.sum", "coredns/main.go"].map(|name| read(&module.join(name)));
        let [go_mod, go_sum, coredns] = files;
        let go_mod = go_mod?;
        let flags = flags(&go_mod)?;
        let folder = go_build::folder("cluster", &[&go_mod, &go_sum?, &coredns?, &flags.join(" ")])?;
        Ok(Self { module, flags, folder })
    }

    /// The folder they are in.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Builds those that are missing.
    pub(crate) fn build(&self, progress: &Progress, karpenter: bool) -> Result<()> {
        let wanted = PROGRAMS.iter().chain(karpenter.then_some(&KARPENTER));
        let missing: Vec<_> = wanted.filter(|program| !self.folder.join(program.name).exists()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        progress.step(format!(
            "building what {} lacks, once; it takes minutes: {}",
            self.folder.display(),
            missing.iter().map(|program| program.name).collect::<Vec<_>>().join(", ")
        ));
        go_build::download(progress, &self.module)?;
        for (index, program) in missing.iter().enumerate() {
            let next = missing.get(index + 1).map_or("the cluster itself", |next| next.name);
            let text = format!("building {} ({} of {}), next {next}", program.name, index + 1, missing.len());
            progress.long_step(&text, || self.build_one(program))?;
        }
        Ok(())
    }

    fn build_one(&self, program: &Program) -> Result<()> {
        let mut linker = self.flags.join(" ");
        if let Some((variable, module)) = program.version {
            let go_mod = read(&self.module.join("go.mod"))?;
            linker += &format!(" -X {variable}={}", go_module::version(&go_mod, module)?);
        }
        go_build::build(&self.module, program.package, &linker, &self.folder.join(program.name))
    }
}

/// Flags of the linker for all programs. Without a version an API server calls itself v0.0.0.
fn flags(go_mod: &str) -> Result<Vec<String>> {
    let version = go_module::version(go_mod, KUBERNETES)?;
    let (major, minor) = go_module::major_and_minor(version)?;
    let set = |name: &str, value: &str| format!("-X {COMPONENT_VERSION}.{name}={value}");
    Ok(vec![
        go_build::STRIPPED.to_owned(),
        set("gitVersion", version),
        set("gitMajor", major),
        set("gitMinor", minor),
        set("gitTreeState", "clean"),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::paths;
    use super::*;

    fn repository() -> Checkout {
        Checkout::at(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
    }

    #[test]
    fn every_version_that_is_linked_in_is_pinned() {
        let go_mod = read(&repository().go_module().join("go.mod")).unwrap();
        assert!(flags(&go_mod).unwrap().iter().any(|flag| flag.contains(".gitVersion=v1.")));
        for (_, module) in PROGRAMS.iter().filter_map(|program| program.version) {
            go_module::version(&go_mod, module).unwrap();
        }
    }

    #[test]
    fn every_program_is_a_tool_of_the_go_module() {
        let go_mod = read(&repository().go_module().join("go.mod")).unwrap();
        for program in PROGRAMS.iter().chain([&KARPENTER]).filter(|program| !program.package.starts_with('.'))
        {
            let line = format!("\t{}", program.package);
            assert!(go_mod.lines().any(|known| known == line), "{} is not a tool", program.package);
        }
    }

    #[test]
    fn the_folder_depends_on_the_content_only() {
        let one = Programs::of(&repository()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let copy = Checkout::at(folder.path());
        for name in ["go.mod", "go.sum", "coredns/main.go"] {
            let content = read(&repository().go_module().join(name)).unwrap();
            paths::write(&copy.go_module().join(name), content).unwrap();
        }
        assert_eq!(Programs::of(&copy).unwrap().folder(), one.folder());
        paths::write(&copy.go_module().join("go.sum"), "").unwrap();
        assert_ne!(Programs::of(&copy).unwrap().folder(), one.folder());
    }
}
