//! What the demonstration applies: the examples in `deploy/`, made to fit the cluster.

const CATALOG: &str = include_str!("../../../deploy/examples/catalog.yaml");
const RAINBOW: &str = include_str!("../../../deploy/examples/rainbow.yaml");

/// The environment's hosts, as the example has it, and those that have real containers.
const HOSTS: (&str, &str) = ("kubernetes.io/os: linux", "windlass.dev/pool: real");

/// The job's image, as the example has it.
const IMAGE: &str = "image: windlass.dev/print-color:1";

/// What that image does, for any image with a shell.
const COMMAND: &str = r#"command:
    - sh
    - -c
    - |
      set -- red orange yellow green blue indigo violet
      shift "$AWS_BATCH_JOB_ARRAY_INDEX"
      echo "My favorite color of the rainbow is $1.""#;

/// Objects to apply.
pub(crate) struct Objects {
    yaml: String,
    what: &'static str,
}

impl Objects {
    /// For the test cluster, which has the job's image, and KWOK nodes that would only pretend to run it.
    pub(crate) fn for_test_cluster() -> Self {
        let catalog = CATALOG.replace(HOSTS.0, HOSTS.1);
        let what = "applying deploy/examples/catalog.yaml (for the real nodes) and rainbow.yaml";
        Self { yaml: format!("{catalog}---\n{RAINBOW}"), what }
    }

    /// For a cluster that has to pull an image with a shell.
    pub(crate) fn for_job_image(image: &str) -> Self {
        let rainbow = RAINBOW.replace(IMAGE, &format!("image: {image}\n    {COMMAND}"));
        let what = "applying deploy/examples/catalog.yaml and rainbow.yaml (with another image)";
        Self { yaml: format!("{CATALOG}---\n{rainbow}"), what }
    }

    /// As YAML.
    pub(crate) fn yaml(&self) -> &str {
        &self.yaml
    }

    /// What is being done with them.
    pub(crate) fn what(&self) -> &'static str {
        self.what
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn parsed(objects: &Objects) -> Vec<Value> {
        serde_saphyr::from_multiple(objects.yaml()).unwrap()
    }

    fn text<'a>(objects: &'a [Value], kind: &str, pointer: &str) -> &'a str {
        let object = objects.iter().find(|object| object["kind"] == kind).unwrap();
        object.pointer(pointer).and_then(Value::as_str).unwrap()
    }

    #[test]
    fn the_test_cluster_runs_the_examples_on_its_real_nodes() {
        let objects = parsed(&Objects::for_test_cluster());
        assert_eq!(objects.len(), 4);
        assert_eq!(text(&objects, "ComputeEnvironment", "/spec/nodeSelector/windlass.dev~1pool"), "real");
        let image = text(&objects, "JobDefinition", "/spec/containerProperties/image");
        assert_eq!(image, "windlass.dev/print-color:1");
    }

    #[test]
    fn another_image_gets_a_command_that_does_the_same() {
        let objects = parsed(&Objects::for_job_image("example.test/shell:2"));
        assert_eq!(
            text(&objects, "JobDefinition", "/spec/containerProperties/image"),
            "example.test/shell:2"
        );
        let script = text(&objects, "JobDefinition", "/spec/containerProperties/command/2");
        for (index, color) in
            ["red", "orange", "yellow", "green", "blue", "indigo", "violet"].iter().enumerate()
        {
            let run = crate::command::Command::new("sh")
                .args(["-c", script])
                .env("AWS_BATCH_JOB_ARRAY_INDEX", index.to_string());
            assert_eq!(run.output().unwrap(), format!("My favorite color of the rainbow is {color}.\n"));
        }
    }
}
