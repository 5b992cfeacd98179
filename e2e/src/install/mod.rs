//! Windlass on a cluster: its image in the nodes, its chart by Helm, and a look at how it does.

mod operator;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use sha2::{Digest, Sha256};

use crate::cluster::{Checkout, Cluster};
use crate::helm::Helm;
use crate::kubectl::Kubectl;
use crate::progress::Progress;

/// The release's namespace.
pub(crate) const NAMESPACE: &str = "windlass-system";

/// The annotation of the operator's pods that changes with the image, so that they are made anew.
const IMAGE_ANNOTATION: &str = "windlass\\.dev/image";

/// Where the operator may run: a KWOK node would only pretend to run it.
const REAL_NODES: &str = "nodeSelector.windlass\\.dev/pool=real";

/// Marks of a release that a killed Helm left half-way.
const HALF_WAY: &str =
    "--selector=owner=helm,name=windlass,status in (pending-install,pending-upgrade,pending-rollback)";

/// Managed environments of the test cluster have both kinds of machines, which go soon.
const BACKENDS: [&str; 5] = [
    "backends.karpenter=true",
    "backends.clusterApi=true",
    "backends.awsMachineTemplates=true",
    "backends.simulated=true",
    "idleSeconds=10",
];

/// What is installed.
#[derive(Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The archive of the operator's image, as `image operator` writes it
    #[arg(long, value_name = "FILE", default_value = "target/windlass-image.tar")]
    archive: PathBuf,
    /// A value of the chart, as Helm's --set takes it; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE")]
    values: Vec<String>,
}

/// Installs Windlass on the test cluster, or brings it up to date.
pub(crate) fn run(options: &Options) -> Result<()> {
    let progress = Progress::start();
    // It is locked meanwhile, so that a release that is half-way was left by someone who is gone.
    let cluster = Cluster::open()?;
    on_test_cluster(&progress, &cluster, options)
}

/// The same, for a cluster that is open already.
pub(crate) fn on_test_cluster(progress: &Progress, cluster: &Cluster, options: &Options) -> Result<()> {
    progress.step("importing the operator's image");
    let archive = &options.archive;
    let image = fs::read(archive)
        .with_context(|| format!("cannot read {}: `make image` writes it", archive.display()))?;
    cluster.load_images(std::slice::from_ref(archive))?;
    let kubectl = cluster.kubectl();
    // With its labels, by which the API server holds the operator to restricted pod security.
    kubectl.apply(include_str!("../../../deploy/namespace.yaml"))?;
    kubectl.line("delete secrets --namespace").args([NAMESPACE, HALF_WAY]).run()?;
    let annotation = format!("podAnnotations.{IMAGE_ANNOTATION}={}", digest(&image));
    let values: Vec<String> = BACKENDS.map(str::to_owned).into_iter().chain(options.values.clone()).collect();
    upgrade(progress, &cluster.helm(), &[annotation, REAL_NODES.to_owned()], &values)?;
    operator::check(progress, &kubectl, image.len())
}

/// Installs Windlass on the user's own cluster, with an image that the cluster can pull.
pub(crate) fn on_existing(progress: &Progress, context: &str, image: &str, options: &Options) -> Result<()> {
    upgrade(progress, &Helm::of_context(context), &image_values(image), &options.values)?;
    operator::check_health(progress, &Kubectl::of_context(context))
}

/// Installs the chart with values that are text whatever they look like, and others.
fn upgrade(progress: &Progress, helm: &Helm, texts: &[String], values: &[String]) -> Result<()> {
    let chart = Checkout::find()?.root().join("charts/windlass");
    let texts = texts.iter().flat_map(|text| ["--set-string", text]);
    let values = values.iter().flat_map(|value| ["--set", value]);
    progress.long_step("installing Windlass with Helm, and waiting until it runs", || {
        helm.line("upgrade --install windlass")
            .args([chart])
            .args(["--namespace", NAMESPACE, "--create-namespace", "--wait", "--timeout=3m"])
            .args(texts)
            .args(values)
            .run()
    })
}

fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// An image's name as values of the chart: `repository`, and `digest` or `tag`.
fn image_values(image: &str) -> Vec<String> {
    let set = |name: &str, value: &str| format!("image.{name}={value}");
    if let Some((repository, digest)) = image.split_once('@') {
        return vec![set("repository", repository), set("digest", digest)];
    }
    // A colon before the last slash is that of a registry's port.
    match image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')) {
        Some((repository, tag)) => vec![set("repository", repository), set("tag", tag)],
        None => vec![set("repository", image), set("tag", "latest")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_named_by_tag_by_digest_or_by_neither() {
        let values = |image| image_values(image).join(" ");
        assert_eq!(values("example.test:5000/a/b:1"), "image.repository=example.test:5000/a/b image.tag=1");
        assert_eq!(values("example.test:5000/a"), "image.repository=example.test:5000/a image.tag=latest");
        assert_eq!(values("a@sha256:0f"), "image.repository=a image.digest=sha256:0f");
    }

    #[test]
    fn another_image_has_another_digest() {
        assert_eq!(digest(b"a"), digest(b"a"));
        assert_ne!(digest(b"a"), digest(b"b"));
    }
}
