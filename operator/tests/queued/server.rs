//! An API server's answers, as far as a queue of jobs needs them. What it has it tells in the bytes of watch events.

use crate::objects::{self, Family, uid};
use anyhow::{Context, bail};
use kube::core::WatchEvent;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use windlass::convert::{self, Described, Wire, kinds};
use windlass::{names, pod, render};
use windlass_core::action::{Action, Guard, Held, Outcome, PodOrder};
use windlass_core::event::Event;
use windlass_core::ids::{Name, ObjectKey, ResourceVersion, Uid};
use windlass_core::objects::{JobStatus, ObservedRevision, Payload};
use windlass_core::time::Time;

/// The objects that are not jobs or pods, by kind and name; of jobs only what names them is kept.
#[derive(Default)]
pub(crate) struct Server {
    version: u64,
    made: u64,
    catalog: BTreeMap<(&'static str, Name), Value>,
    /// What time it is.
    pub(crate) now: Time,
    /// Children of each Job, if it is an array.
    pub(crate) size: Option<u32>,
    /// What the watches have to tell.
    pub(crate) told: Vec<Event>,
}

/// Reads what a watch sends, with the shell's decoder.
fn read<D: Described, T>(
    object: &Value,
    convert: fn(&Wire<D>) -> Result<T, convert::Error>,
) -> anyhow::Result<T> {
    let sent = format!("{{\"type\":\"MODIFIED\",\"object\":{object}}}");
    let event: WatchEvent<Wire<D>> = serde_json::from_slice(sent.as_bytes()).with_context(|| sent.clone())?;
    let WatchEvent::Modified(wire) = event else { bail!("{sent} was read as something else") };
    Ok(convert(&wire)?)
}

impl Server {
    /// Has an object, and tells of it.
    pub(crate) fn put(&mut self, object: Value) -> anyhow::Result<()> {
        let kind = object["kind"].as_str().context("an object without a kind")?;
        let (kind, event) = match kind {
            "Node" => ("Node", Event::Host(Box::new(read(&object, convert::host)?))),
            "Pod" => ("Pod", Event::Pod(Box::new(read(&object, convert::pod)?))),
            "ComputeEnvironment" => {
                ("ComputeEnvironment", Event::Environment(Box::new(read(&object, convert::environment)?)))
            }
            "JobQueue" => ("JobQueue", Event::Queue(Box::new(read(&object, convert::queue)?))),
            "JobDefinition" => {
                ("JobDefinition", Event::Definition(Box::new(read(&object, convert::definition)?)))
            }
            "ControllerRevision" => {
                ("ControllerRevision", Event::Revision(Box::new(read(&object, convert::revision)?)))
            }
            "Job" => ("Job", Event::Job(Box::new(read(&object, convert::job)?))),
            other => bail!("no watch for {other}"),
        };
        self.told.push(event);
        if matches!(kind, "ComputeEnvironment" | "JobQueue" | "JobDefinition" | "ControllerRevision") {
            let name = object["metadata"]["name"].as_str().context("an object without a name")?;
            self.catalog.insert((kind, name.into()), object);
        }
        Ok(())
    }

    fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version + 1
    }

    /// Carries a request out; a pod is bound at once.
    pub(crate) fn answer(&mut self, action: Action) -> anyhow::Result<Outcome> {
        match action {
            Action::ReadDefinition(key) => {
                let found = self.find("JobDefinition", &key.name)?;
                Ok(Outcome::Definition(Box::new(read(found, convert::definition)?)))
            }
            Action::CreateRevision { definition, definition_uid, number, content } => {
                let revision = self.make_revision(&definition, definition_uid, number, &content)?;
                Ok(Outcome::Revision(Box::new(revision)))
            }
            Action::WriteDefinition(guard, status) => {
                self.change("JobDefinition", &guard, "status", json!(render::definition_status(&status)))
            }
            Action::WriteQueue(guard, status) => {
                self.change("JobQueue", &guard, "status", json!(render::queue_status(&status)))
            }
            Action::WriteEnvironment(guard, status) => self.change(
                "ComputeEnvironment",
                &guard,
                "status",
                json!(render::environment_status(&status)),
            ),
            Action::Hold(held, guard, hold) => {
                let kind = match held {
                    Held::Queue => "JobQueue",
                    Held::Environment => "ComputeEnvironment",
                    Held::Revision => "ControllerRevision",
                };
                let finalizers = if hold { vec![names::FINALIZER] } else { Vec::new() };
                self.change(kind, &guard, "finalizers", json!(finalizers))
            }
            Action::WriteJob(guard, status) => self.write_job(&guard, &status),
            Action::CreatePod(order) => self.make_pod(&order),
            other => bail!("nothing here asks for {other:?}"),
        }
    }

    fn find(&self, kind: &'static str, name: &Name) -> anyhow::Result<&Value> {
        self.catalog.get(&(kind, name.clone())).with_context(|| format!("there is no {kind} {name}"))
    }

    fn change(
        &mut self,
        kind: &'static str,
        guard: &Guard,
        part: &str,
        new: Value,
    ) -> anyhow::Result<Outcome> {
        let version = self.next_version();
        let mut object = self.find(kind, &guard.key.name)?.clone();
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let place = if part == "finalizers" { &mut object["metadata"] } else { &mut object };
        place[part] = new;
        self.put(object)?;
        Ok(Outcome::Written(ResourceVersion(version)))
    }

    fn write_job(&mut self, guard: &Guard, status: &JobStatus) -> anyhow::Result<Outcome> {
        let version = self.next_version();
        let number = guard.key.name.as_str().strip_prefix("job-").and_then(|number| number.parse().ok());
        let number = number.with_context(|| format!("there is no Job {}", guard.key.name))?;
        let status = json!(render::job_status(&guard.key, guard.uid, status));
        self.put(objects::job(number, self.size, version, &status)?)?;
        Ok(Outcome::Written(ResourceVersion(version)))
    }

    fn make_revision(
        &mut self,
        definition: &ObjectKey,
        owner: Uid,
        number: u32,
        content: &Payload,
    ) -> anyhow::Result<ObservedRevision> {
        let mut revision = json!({
            "apiVersion": "apps/v1",
            "kind": "ControllerRevision",
            "metadata": {
                "name": format!("{}-{}-{number}", definition.name, owner.prefix()),
                "namespace": definition.namespace.as_str(),
                "labels": {names::DEFINITION_UID: owner.to_string()},
                "finalizers": [names::FINALIZER],
            },
            "revision": number,
        });
        revision["data"] = serde_json::from_slice(&content.0)?;
        self.identify(&mut revision);
        let made = read::<kinds::ControllerRevision, _>(&revision, convert::revision)?;
        self.put(revision)?;
        Ok(made)
    }

    fn make_pod(&mut self, order: &PodOrder) -> anyhow::Result<Outcome> {
        let mut pod = serde_json::to_value(pod::pod(order)?)?;
        self.identify(&mut pod);
        let made = read(&pod, convert::pod)?;
        pod["spec"]["nodeName"] = json!(order.host.as_str());
        pod["metadata"]["resourceVersion"] = json!(self.next_version().to_string());
        self.put(pod)?;
        Ok(Outcome::Pod(Box::new(made)))
    }

    /// Gives a new object what only an API server gives.
    fn identify(&mut self, object: &mut Value) {
        self.made += 1;
        let version = self.next_version().to_string();
        object["metadata"]["uid"] = json!(uid(Family::Made, self.made));
        object["metadata"]["resourceVersion"] = json!(version);
        object["metadata"]["creationTimestamp"] = json!(convert::timestamp(self.now));
    }
}
