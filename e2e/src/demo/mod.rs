//! The demonstration: Windlass installed, and the rainbow array job run in real containers.

mod children;
mod existing;
mod job;
mod objects;

use anyhow::{Result, bail};
use clap::Args;

use crate::cluster::{Checkout, Cluster};
use crate::install;
use crate::kubectl::Kubectl;
use crate::progress::{Progress, say};
use objects::Objects;

/// Where the demonstration is given.
#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    install: install::Options,
    /// Use the cluster of your own kubeconfig, after a question
    #[arg(long)]
    existing: bool,
    /// With --existing: the operator's image, where that cluster can pull it
    #[arg(long, value_name = "NAME", default_value = "")]
    image: String,
    /// With --existing: an image with a shell for the job
    #[arg(long, value_name = "NAME", default_value = "busybox")]
    job_image: String,
    /// With --existing: answer the question with yes
    #[arg(long)]
    yes: bool,
}

/// Gives the demonstration.
pub(crate) fn run(options: &Options) -> Result<()> {
    let progress = Progress::start();
    if options.existing {
        return on_existing(&progress, options);
    }
    let kubectl = {
        let cluster = Cluster::open()?;
        install::on_test_cluster(&progress, &cluster, &options.install)?;
        cluster.kubectl()
    };
    rainbow(&progress, &kubectl, &Objects::for_test_cluster())?;
    let target = Checkout::find()?.target();
    let target = target.display();
    how_to_go_on(
        &format!("export KUBECONFIG={target}/kubeconfig\n  export PATH={target}/bin:$PATH"),
        "make cluster-down                         # stop the cluster",
    );
    Ok(())
}

fn on_existing(progress: &Progress, options: &Options) -> Result<()> {
    let image = &options.image;
    if image.is_empty() {
        bail!(
            "say with IMAGE=… where your cluster can pull the operator's image from; `make image` writes it as \
             an OCI archive, for any tool that pushes those"
        );
    }
    let context = existing::choose(image, options.yes)?;
    let kubectl = Kubectl::of_context(&context);
    install::on_existing(progress, &context, image, &options.install)?;
    rainbow(progress, &kubectl, &Objects::for_job_image(&options.job_image))?;
    how_to_go_on(
        &format!("kubectl config use-context {context}"),
        "helm uninstall windlass --namespace windlass-system    # jobs stay; charts/windlass/README.md",
    );
    Ok(())
}

/// Runs the job and shows what becomes of it. An error unless it succeeds.
fn rainbow(progress: &Progress, kubectl: &Kubectl, objects: &Objects) -> Result<()> {
    job::remove_earlier(progress, kubectl)?;
    progress.step(objects.what());
    kubectl.apply(objects.yaml())?;
    let end = job::follow(progress, kubectl)?;
    say("");
    children::show(kubectl, end.uid())?;
    say(format!("\n{} {}: {}", job::NAME, end.status(), end.status_reason()));
    if !end.succeeded() {
        bail!("the job did not succeed");
    }
    Ok(())
}

fn how_to_go_on(first: &str, last: &str) {
    say(format!(
        "\nTo go on:\n\n  {first}\n  \
         kubectl get windlass --all-namespaces     # everything of Windlass\n  \
         kubectl get batchjob {name} -o yaml  # the job and its summary\n  \
         kubectl get jobrecords -o yaml            # every attempt of every child\n  \
         kubectl logs --prefix --selector batch.windlass.dev/job-name={name}\n  \
         kubectl explain batchjob.spec             # what a job can say\n  \
         {last}\n\n\
         README.md has a first job by hand.",
        name = job::NAME,
    ));
}
