//! The user's own cluster: named, and used only when the user says so.

use std::io::{self, Write};

use anyhow::{Context, Result, bail};

use super::job;
use crate::command::Command;
use crate::progress::say;

/// The context of the user's kubeconfig, after the user agreed to what is to happen in it. It is used by name from
/// here on, so that another one made current meanwhile changes nothing.
pub(crate) fn choose(image: &str, agreed: bool) -> Result<String> {
    let context = Command::line("kubectl config current-context").output()?.trim().to_owned();
    let server = Command::line("kubectl config view --minify -o jsonpath={.clusters[0].cluster.server}")
        .args([format!("--context={context}")])
        .output()?;
    say(format!(
        "The cluster: context {context}, API server {server}\n\n\
         This installs there, or brings up to date,\n\
         - the CustomResourceDefinitions of batch.windlass.dev,\n\
         - the operator in namespace {}, from image {image},\n\
         - the environment all-nodes (all its Linux nodes) and the queue first-run-job-queue,\n\
         - in namespace {} the definition and the job {} (seven small containers; a job of that name is replaced).\n",
        crate::install::NAMESPACE,
        job::NAMESPACE,
        job::NAME,
    ));
    if agreed || ask()? {
        return Ok(context);
    }
    bail!("nothing was done; YES=1 answers the question")
}

fn ask() -> Result<bool> {
    let mut output = io::stdout();
    let mut answer = String::new();
    write!(output, "Go on? [y/N] ").and_then(|()| output.flush()).context("cannot ask")?;
    io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(is_yes(&answer))
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        assert!(is_yes("y\n") && is_yes("Yes\n"));
        assert!(!is_yes("") && !is_yes("\n") && !is_yes("no\n") && !is_yes("yesterday\n"));
    }
}
