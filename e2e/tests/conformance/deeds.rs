//! What others do between two requests, on both sides. Whether it can be done at all is looked up in the model.

use crate::model::Model;
use crate::server::{Server, path};
use crate::setting::{Object, Setting};
use crate::steps::{Deed, How, Task};
use serde_json::json;
use windlass_core::objects::{Container, ObservedPod, ObservedQueue, PodPhase, TaskPod};
use windlass_core::time::Time;
use windlass_sim::store::Cascade;

const NOON: Time = Time::from_seconds(1_795_435_620);

/// Does it; false when there was nothing to do it to.
pub(crate) async fn act(deed: &Deed, setting: &Setting, model: &mut Model, server: &Server) -> bool {
    let store = &mut model.cluster.store;
    match deed {
        Deed::DeleteJob(which, how) => {
            let (key, _) = setting.job(*which);
            if !store.jobs.contains_key(&key) {
                return false;
            }
            let cascade = match how {
                How::Background => Cascade::Background,
                How::Foreground => Cascade::Foreground,
                How::Orphan => Cascade::Orphan,
            };
            store.delete_job(&key, cascade);
            server.delete(&path(setting, &Object::Job(*which)), *how).await;
        }
        Deed::DeletePod(task) => {
            store.delete_pod(&setting.pod(*task));
            server.delete(&path(setting, &Object::Pod(*task)), How::Background).await;
        }
        Deed::Bind(task) => return bind(*task, setting, model, server).await,
        Deed::Finish(task, succeeds) => return finish(*task, *succeeds, setting, model, server).await,
        Deed::Stopped(task) => {
            if !store.stopped(&setting.pod(*task)) {
                return false;
            }
            server.delete_at_once(&path(setting, &Object::Pod(*task))).await;
        }
        Deed::Remove(task) => {
            store.remove_pod(&setting.pod(*task));
            let path = path(setting, &Object::Pod(*task));
            let _ = server.send("PATCH", &path, Some(json!({ "metadata": { "finalizers": null } }))).await;
            server.delete_at_once(&path).await;
        }
        Deed::EditQueue(priority) => {
            let name = setting.global().name;
            let Some(queue) = store.queues.get(&name).cloned() else { return false };
            if queue.priority == i64::from(*priority) {
                return false;
            }
            let generation = queue.generation + 1;
            store.put_queue(ObservedQueue { priority: i64::from(*priority), generation, ..queue });
            let change = json!({ "spec": { "priority": priority } });
            server.send("PATCH", &path(setting, &Object::Queue), Some(change)).await.unwrap();
        }
        Deed::DeleteQueue => {
            store.delete_queue(&setting.global().name);
            server.delete(&path(setting, &Object::Queue), How::Background).await;
        }
        Deed::DeleteEnvironment => {
            store.delete_environment(&setting.global().name);
            server.delete(&path(setting, &Object::Environment), How::Background).await;
        }
        Deed::DeleteDefinition => {
            store.delete_definition(&setting.definition());
            server.delete(&path(setting, &Object::Definition), How::Background).await;
        }
    }
    true
}

fn open_pod(model: &Model, setting: &Setting, task: Task) -> Option<(ObservedPod, TaskPod)> {
    let pod = model.cluster.store.pods.get(&setting.pod(task)).cloned()?;
    let task = pod.task.clone()?;
    (pod.phase == PodPhase::Active).then_some((pod, task))
}

async fn bind(task: Task, setting: &Setting, model: &mut Model, server: &Server) -> bool {
    let Some((pod, ours)) = open_pod(model, setting, task) else { return false };
    if pod.host.is_some() || pod.deleting {
        return false;
    }
    let ours = TaskPod { unschedulable: None, bound_at: Some(NOON), ..ours };
    model.cluster.store.put_pod(ObservedPod { host: Some(setting.host()), task: Some(ours), ..pod });
    server.bind(setting, task).await;
    true
}

/// What a kubelet reports of a container that ran.
async fn finish(task: Task, succeeds: bool, setting: &Setting, model: &mut Model, server: &Server) -> bool {
    let Some((pod, ours)) = open_pod(model, setting, task) else { return false };
    if pod.host.is_none() {
        return false;
    }
    let exit_code = i32::from(!succeeds);
    let container = Container::Terminated {
        exit_code,
        reason: "Done".into(),
        message: "".into(),
        started_at: Some(NOON),
        stopped_at: Some(NOON),
    };
    let phase = if succeeds { PodPhase::Succeeded } else { PodPhase::Failed };
    model.cluster.store.put_pod(ObservedPod { phase, task: Some(TaskPod { container, ..ours }), ..pod });
    let time = windlass::convert::timestamp(NOON);
    let status = json!({ "status": {
        "phase": if succeeds { "Succeeded" } else { "Failed" },
        "containerStatuses": [{
            "name": windlass::names::CONTAINER, "image": "", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "terminated": {
                "exitCode": exit_code, "reason": "Done", "startedAt": time, "finishedAt": time,
            } },
        }],
    } });
    let path = format!("{}/status", path(setting, &Object::Pod(task)));
    server.send("PATCH", &path, Some(status)).await.unwrap_or_else(|code| panic!("{path}: {code}"));
    true
}
