//! A step as the core would ask for it, with the identities and versions of one side.

use crate::known::Known;
use crate::setting::{CHILDREN, Object, Setting};
use crate::statuses;
use crate::steps::{Aim, Ask, Place, Task, Which};
use std::collections::BTreeMap;
use std::sync::Arc;
use windlass_core::action::{Action, Guard, Held, PodOrder, RecordOrder};
use windlass_core::ids::ObjectKey;
use windlass_core::objects::{Cause, Ending, Payload};
use windlass_core::time::Time;
use windlass_core::units::{GPUS, Resources};

/// The object that a request is about.
pub(crate) fn object(ask: &Ask) -> Object {
    match ask {
        Ask::StopPod(task, _)
        | Ask::CreatePod(task, _)
        | Ask::ReadPod(task)
        | Ask::DeletePod(task, ..)
        | Ask::ReleasePod(task, ..) => Object::Pod(*task),
        Ask::ReadJob(which) | Ask::WriteJob(which, ..) | Ask::DeleteJob(which, _) => Object::Job(*which),
        Ask::ReadRecord(first) | Ask::WriteRecord(first, ..) => Object::Record(*first),
        Ask::ReadDefinition | Ask::WriteDefinition(..) => Object::Definition,
        Ask::CreateRevision(number, ..) | Ask::ReadRevision(number) => Object::Revision(*number),
        Ask::WriteQueue(..) | Ask::Hold(Held::Queue, ..) => Object::Queue,
        Ask::WriteEnvironment(..) | Ask::Hold(Held::Environment, ..) => Object::Environment,
        Ask::Hold(Held::Revision, ..) => Object::Revision(1),
    }
}

/// The request as an action.
pub(crate) fn action(ask: &Ask, setting: &Setting, known: &Known) -> Action {
    let object = object(ask);
    let guard = |key: ObjectKey, aim: &Aim| Guard {
        key,
        uid: known.uid(setting, &object, aim.identity),
        resource_version: known.version(&object, aim.version),
    };
    match ask {
        Ask::CreatePod(task, place) => Action::CreatePod(Box::new(order(setting, *task, *place))),
        Ask::ReadPod(task) => Action::ReadPod(setting.pod(*task)),
        Ask::DeletePod(task, identity, version) => Action::DeletePod(
            setting.pod(*task),
            known.uid(setting, &object, *identity),
            version.map(|version| known.version(&object, version)),
        ),
        Ask::StopPod(task, aim) => Action::StopPod {
            pod: setting.pod(*task),
            uid: known.uid(setting, &object, aim.identity),
            resource_version: known.version(&object, aim.version),
            ending: Ending { cause: Cause::Timeout, words: "too long".into() },
        },
        Ask::DeleteJob(which, aim) => Action::DeleteJob(guard(setting.job(*which).0, aim)),
        Ask::ReleasePod(task, identity, delete) => {
            Action::ReleasePod(setting.pod(*task), known.uid(setting, &object, *identity), *delete)
        }
        Ask::ReadJob(which) => Action::ReadJob(setting.job(*which).0),
        Ask::WriteJob(which, aim, choice) => {
            let status = statuses::job(*choice, *which == Which::Array);
            Action::WriteJob(guard(setting.job(*which).0, aim), Box::new(status))
        }
        Ask::ReadRecord(first_index) => {
            let (job, job_uid) = setting.job(Which::Array);
            Action::ReadRecord { job, job_uid, first_index: *first_index }
        }
        Ask::WriteRecord(first_index, version, choice, place) => {
            let (job, job_uid) = setting.job(Which::Array);
            Action::WriteRecord(Box::new(RecordOrder {
                job: ObjectKey { namespace: setting.place(*place), ..job },
                job_uid,
                definition: "hello".into(),
                nodes: None,
                first_index: *first_index,
                resource_version: version.map(|version| known.version(&object, version)),
                record: statuses::record(*choice, *first_index),
            }))
        }
        Ask::ReadDefinition => Action::ReadDefinition(setting.definition()),
        Ask::WriteDefinition(aim, choice) => {
            let status = statuses::definition(*choice, &setting.definition().name);
            Action::WriteDefinition(guard(setting.definition(), aim), Box::new(status))
        }
        Ask::CreateRevision(number, choice, place) => Action::CreateRevision {
            definition: ObjectKey { namespace: setting.place(*place), ..setting.definition() },
            definition_uid: setting.definition,
            number: *number,
            content: content(*choice),
        },
        Ask::ReadRevision(number) => Action::ReadRevision(setting.revision(*number)),
        Ask::WriteQueue(aim, choice) => {
            Action::WriteQueue(guard(setting.global(), aim), Box::new(statuses::queue(*choice)))
        }
        Ask::WriteEnvironment(aim, choice) => {
            Action::WriteEnvironment(guard(setting.global(), aim), Box::new(statuses::environment(*choice)))
        }
        Ask::Hold(held, aim, hold) => {
            let key = if *held == Held::Revision { setting.revision(1) } else { setting.global() };
            Action::Hold(*held, guard(key, aim), *hold)
        }
    }
}

/// The content of a revision, in the form the operator gives it.
fn content(choice: u8) -> Payload {
    windlass::convert::definition_content(statuses::definition_spec(choice)).unwrap().payload
}

fn order(setting: &Setting, task: Task, place: Place) -> PodOrder {
    let (job, uid) = setting.job_of(task);
    let submission = serde_json::json!({ "jobQueue": setting.name, "jobDefinition": setting.name });
    PodOrder {
        pod: ObjectKey { namespace: setting.place(place), ..setting.pod(task) },
        job_name: job.name,
        job: uid,
        submission: Payload(Arc::from(serde_json::to_vec(&submission).unwrap())),
        revision: content(0),
        child: task.child.map(|index| (index, CHILDREN)),
        attempt: task.attempt,
        launch: task.launch,
        queue: setting.name.as_str().into(),
        environment: "ce".into(),
        definition: (setting.name.as_str().into(), 1),
        host: setting.host(),
        selector: BTreeMap::new(),
        direct: false,
        need: Resources::of_job(1000, 64, 0),
        gpu_resource: GPUS.into(),
        not_after: Time::from_millis(i64::MAX),
    }
}
