//! Argo CD, for the test that it brings Windlass's objects into the cluster. Built only when that test asks for it.

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::{Context, Result};

use super::paths::{self, Checkout};
use super::{go_build, go_module, packages};
use crate::progress::Progress;

const MODULE: &str = "github.com/argoproj/argo-cd/v3";
const PACKAGE: &str = "github.com/argoproj/argo-cd/v3/cmd";

/// Its resource definitions that its controller needs, in its own module.
const DEFINITIONS: [&str; 2] = ["application-crd.yaml", "appproject-crd.yaml"];

/// Makes `target/argocd` lead to its program and to its resource definitions, and installs what it runs with.
pub(crate) fn build() -> Result<()> {
    let progress = Progress::start();
    let checkout = Checkout::find()?;
    packages::install(&progress, &packages::ARGO_CD)?;
    let module = checkout.argocd_module();
    let [go_mod, go_sum] = ["go.mod", "go.sum"].map(|name| go_build::read(&module.join(name)));
    let folder = go_build::folder("argocd", &[&go_mod?, &go_sum?, go_build::STRIPPED])?;
    let program = folder.join("argocd");
    if !program.exists() {
        progress.step(format!("building {}, once; it takes half an hour", program.display()));
        go_build::download(&progress, &module)?;
        let definitions = go_module::folder(&module, MODULE)?.join("manifests/crds");
        for name in DEFINITIONS {
            paths::write(&folder.join("crds").join(name), go_build::read(&definitions.join(name))?)?;
        }
        progress.long_step("building Argo CD", || {
            go_build::build(&module, PACKAGE, go_build::STRIPPED, &program)
        })?;
    }
    let target = checkout.root().join("target");
    let link = target.join("argocd");
    fs::create_dir_all(&target).with_context(|| format!("cannot create {}", target.display()))?;
    paths::remove(&link)?;
    symlink(&folder, &link).with_context(|| format!("cannot link {}", link.display()))?;
    progress.step(format!("Argo CD is at {}", link.display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn its_version_is_pinned() {
        let checkout = Checkout::at(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
        let go_mod = go_build::read(&checkout.argocd_module().join("go.mod")).unwrap();
        assert!(go_module::version(&go_mod, MODULE).unwrap().starts_with("v3."));
        assert!(go_mod.lines().any(|line| line == format!("tool {PACKAGE}")));
    }
}
