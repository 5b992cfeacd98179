//! What the operator has seen of each object on one side, and answers in a form in which both sides can be compared.

use crate::setting::{NOBODY, Object, Setting};
use crate::steps::{Identity, Version};
use std::collections::BTreeMap;
use windlass_core::action::Outcome;
use windlass_core::ids::{ResourceVersion, Uid};
use windlass_core::objects::{JobStatus, ObservedPod, TaskPod};
use windlass_core::time::Time;

/// Identities and versions of objects, in the order in which they were seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    uids: BTreeMap<Object, Vec<Uid>>,
    versions: BTreeMap<Object, Vec<ResourceVersion>>,
}

impl Known {
    /// The identity a request names.
    pub(crate) fn uid(&self, setting: &Setting, object: &Object, identity: Identity) -> Uid {
        let fixed = match object {
            Object::Job(which) => Some(setting.job(*which).1),
            Object::Definition => Some(setting.definition),
            Object::Queue => Some(setting.queue),
            Object::Environment => Some(setting.environment),
            Object::Pod(_) | Object::Record(_) | Object::Revision(_) => None,
        };
        let seen = self.uids.get(object).and_then(|uids| uids.last()).copied();
        match identity {
            Identity::Right => fixed.or(seen).unwrap_or(NOBODY),
            Identity::Wrong => NOBODY,
        }
    }

    /// The version a request is for.
    pub(crate) fn version(&self, object: &Object, version: Version) -> ResourceVersion {
        let seen = self.versions.get(object).map_or(&[][..], Vec::as_slice);
        let at = match version {
            Version::Seen => seen.len().checked_sub(1),
            Version::Older => seen.len().checked_sub(2),
        };
        at.and_then(|at| seen.get(at)).copied().unwrap_or(ResourceVersion(1))
    }

    /// Notes a version; which of the object's versions it is, in the order in which they were seen.
    pub(crate) fn note(&mut self, object: &Object, version: ResourceVersion) -> String {
        let seen = self.versions.entry(object.clone()).or_default();
        let at = seen.iter().position(|known| *known == version).unwrap_or_else(|| {
            seen.push(version);
            seen.len() - 1
        });
        format!("version {at}")
    }

    fn note_uid(&mut self, object: &Object, uid: Uid) -> String {
        let seen = self.uids.entry(object.clone()).or_default();
        let at = seen.iter().position(|known| *known == uid).unwrap_or_else(|| {
            seen.push(uid);
            seen.len() - 1
        });
        format!("identity {at}")
    }

    /// An answer about `object`.
    pub(crate) fn told(&mut self, object: &Object, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Written(version) => format!("written, {}", self.note(object, *version)),
            Outcome::Pod(pod) => self.told_of_pod(object, pod),
            Outcome::Job(job) => {
                let version = self.note(object, job.resource_version);
                let status = JobStatus { created_at: Time::ZERO, ..job.status.clone() };
                format!("job {} generation {} {version}: {status:?}", job.key, job.generation)
            }
            Outcome::Record(record, version) => {
                format!("record {}: {record:?}", self.note(object, *version))
            }
            Outcome::Definition(definition) => {
                let version = self.note(object, definition.resource_version);
                let (key, generation) = (&definition.key, definition.generation);
                format!("definition {key} generation {generation} {version}: {:?}", definition.status)
            }
            Outcome::Revision(revision) => {
                let version = self.note(object, revision.resource_version);
                let uid = self.note_uid(object, revision.uid);
                let content = String::from_utf8_lossy(&revision.content.payload.0);
                format!(
                    "revision {} {uid} {version} of {} number {} deleting {} held {}: {content}",
                    revision.key, revision.definition, revision.number, revision.deleting, revision.held
                )
            }
            Outcome::Machine(machine) => {
                let version = self.note(object, machine.resource_version);
                format!(
                    "machine {} {version}: {} leaving {}",
                    machine.name, machine.machine_type, machine.leaving
                )
            }
            Outcome::MachineDeployment(found, machines) => {
                let version = self.note(object, found.resource_version);
                let (key, replicas) = (&found.key, found.replicas);
                format!("MachineDeployment {key} {version}: {replicas} replicas, {} machines", machines.len())
            }
            Outcome::NodeClass(class) => {
                let version = self.note(object, class.resource_version);
                let (name, digest) = (&class.name, &class.digest);
                format!("node class {name} {version}: {digest}, {:?}", class.readiness)
            }
            Outcome::Refused(refusal, _) => format!("refused: {refusal:?}"),
            Outcome::Words(words) => format!("words: {}", words.is_some()),
            Outcome::Unknown(words) => format!("unknown: {words}"),
            Outcome::Done | Outcome::NotFound | Outcome::Conflict | Outcome::Expired => {
                format!("{outcome:?}")
            }
        }
    }

    fn told_of_pod(&mut self, object: &Object, pod: &ObservedPod) -> String {
        let version = self.note(object, pod.resource_version);
        let uid = self.note_uid(object, pod.uid);
        let task = pod.task.clone().map(|task| TaskPod {
            // The scheduler's words name the cluster's nodes; when a pod was bound is another moment on each side.
            // A pod that is deleted at once may be gone before the scheduler has looked at it.
            unschedulable: task.unschedulable.filter(|_| !pod.deleting).map(|_| "yes".into()),
            bound_at: task.bound_at.map(|_| Time::ZERO),
            ..task
        });
        format!(
            "pod {} {uid} {version} on {:?} {:?} {:?} deleting {}: {task:?}",
            pod.key, pod.host, pod.requests, pod.phase, pod.deleting
        )
    }
}
