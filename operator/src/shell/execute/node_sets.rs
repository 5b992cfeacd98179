//! The StatefulSets and Services of multi-node jobs.

use super::json;
use super::node_classes::strict;
use crate::convert::{Described, Wire, kinds};
use crate::names;
use crate::pod::node_sets;
use crate::shell::api::{Api, Failure, url};
use crate::shell::clock::Clock;
use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use kube::api::{DeleteParams, GetParams, ListParams, PostParams};
use kube::core::{Request, ResourceExt};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use windlass_core::action::{NodeSetsOrder, Outcome, Refusal};
use windlass_core::ids::{Name, ObjectKey, Uid};

/// Makes what is ordered, as far as it is not there. Pods that the API server refuses are found before anything is made: of a
/// StatefulSet's pods only events of the StatefulSet would tell.
pub(super) async fn make(api: &Api, clock: &Clock, order: &NodeSetsOrder) -> Result<Outcome, Failure> {
    let built = node_sets(order)
        .map_err(|error| Failure::Refused(Refusal::Invalid, Name::from(error.to_string())))?;
    for pod in &built.samples {
        try_out(api, order, pod).await.map_err(in_no_namespace)?;
    }
    let maker = Maker { api, clock, order };
    for service in &built.services {
        if !maker.make::<kinds::Service>(&service.name_any(), service).await? {
            return Ok(Outcome::Expired);
        }
    }
    for set in &built.stateful_sets {
        if !maker.make::<kinds::StatefulSet>(&set.name_any(), set).await? {
            return Ok(Outcome::Expired);
        }
    }
    Ok(Outcome::Done)
}

/// Asks whether the API server would make this pod, and whether it knows of containers that run once: one that does not would
/// drop the field in silence, and a node that exits would run again.
async fn try_out(api: &Api, order: &NodeSetsOrder, pod: &Pod) -> Result<(), Failure> {
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    let request = Request::new(url::<kinds::Pod>(&order.job.namespace)).create(&dry_run, json(pod)?);
    let tried = match api.send::<kinds::Pod, Value>("dry run", strict(request)).await {
        // The set was made before, and this pod of it.
        Err(Failure::Exists) => return Ok(()),
        tried => tried?,
    };
    if runs_once(&tried) {
        return Ok(());
    }
    let words = "the API server does not keep restartPolicy Never of a container: multi-node jobs need Kubernetes 1.35 \
                 or later with the feature ContainerRestartRules, and no webhook that changes it";
    Err(Failure::Refused(Refusal::Other, Name::from(words)))
}

fn runs_once(pod: &Value) -> bool {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let ours = containers.into_iter().flatten().find(|container| container["name"] == names::CONTAINER);
    ours.is_some_and(|container| container["restartPolicy"] == "Never")
}

fn in_no_namespace(failure: Failure) -> Failure {
    match failure {
        Failure::NotFound => Failure::Refused(Refusal::Other, Name::from("the namespace does not exist")),
        failure => failure,
    }
}

/// Makes one object after the other, in time.
struct Maker<'a> {
    api: &'a Api,
    clock: &'a Clock,
    order: &'a NodeSetsOrder,
}

impl Maker<'_> {
    /// False when it is too late to make it.
    async fn make<D: Described>(&self, name: &str, object: &impl Serialize) -> Result<bool, Failure>
    where
        Wire<D>: Resource<DynamicType = ()>,
    {
        let body = json(object)?;
        // Looked at last: from here on the API server's own limit bounds when the create can take effect.
        if self.clock.now() > self.order.not_after {
            return Ok(false);
        }
        let namespace = &self.order.job.namespace;
        let request = Request::new(url::<D>(namespace)).create(&PostParams::default(), body);
        match self.api.send::<D, IgnoredAny>("post", strict(request)).await {
            Ok(_) => Ok(true),
            Err(Failure::Exists) => self.is_the_jobs::<D>(name).await.map(|()| true),
            Err(failure) => Err(in_no_namespace(failure)),
        }
    }

    /// Fails where the object of that name is not the job's, or is on its way out.
    async fn is_the_jobs<D: Described>(&self, name: &str) -> Result<(), Failure>
    where
        Wire<D>: Resource<DynamicType = ()>,
    {
        let namespace = &self.order.job.namespace;
        let request = Request::new(url::<D>(namespace)).get(name, &GetParams::default());
        let going =
            || Failure::Unknown(Name::from(format!("a {} of the name {name} is just going", D::KIND)));
        let found = match self.api.send::<D, Value>("get", request).await {
            Err(Failure::NotFound) => return Err(going()),
            found => found?,
        };
        if !is_controlled_by(&found, self.order.job_uid) {
            let words = format!("{} {namespace}/{name} exists, and is not this job's: delete it", D::KIND);
            return Err(Failure::Refused(Refusal::Other, Name::from(words)));
        }
        if found.pointer("/metadata/deletionTimestamp").is_some() { Err(going()) } else { Ok(()) }
    }
}

fn is_controlled_by(object: &Value, job: Uid) -> bool {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let is_it = |owner: &Value| owner["controller"] == true && owner["uid"] == job.to_string().as_str();
    owners.into_iter().flatten().any(is_it)
}

/// Deletes what was made for one launch of the job. The pods of the sets go as their finalizers do.
pub(super) async fn delete(
    api: &Api,
    job: &ObjectKey,
    uid: Uid,
    launch: (u8, u16),
) -> Result<Outcome, Failure> {
    let selector = ListParams::default().labels(&selector(uid, launch));
    delete_all::<kinds::StatefulSet>(api, &job.namespace, &selector).await?;
    delete_all::<kinds::Service>(api, &job.namespace, &selector).await?;
    Ok(Outcome::Done)
}

fn selector(job: Uid, (attempt, launch): (u8, u16)) -> String {
    format!("{}={job},{}={}", names::JOB_UID, names::NODE_SETS, names::node_sets(attempt, launch))
}

async fn delete_all<D: Described>(api: &Api, namespace: &Name, which: &ListParams) -> Result<(), Failure>
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let request = Request::new(url::<D>(namespace)).delete_collection(&DeleteParams::background(), which);
    match api.send::<D, IgnoredAny>("delete collection", request).await {
        // The namespace is gone, and all in it.
        Ok(_) | Err(Failure::NotFound) => Ok(()),
        Err(failure) => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const JOB: &str = "1a2b3c4d-0000-4000-8000-000000000001";

    #[test]
    fn one_launch_goes_and_no_other() {
        let selector = selector(Uid::parse(JOB).unwrap(), (2, 1));
        let expected = format!("batch.windlass.dev/job-uid={JOB},batch.windlass.dev/node-sets=2-1");
        assert_eq!(selector, expected);
    }

    #[test]
    fn what_somebody_else_made_is_told_from_what_is_the_jobs() {
        let job = Uid::parse(JOB).unwrap();
        let owned = |uid: &str, controller: bool| {
            let owner = json!({ "uid": uid, "controller": controller });
            json!({ "metadata": { "ownerReferences": [owner] } })
        };
        assert!(is_controlled_by(&owned(JOB, true), job));
        assert!(!is_controlled_by(&owned(JOB, false), job));
        assert!(!is_controlled_by(&owned("1a2b3c4d-0000-4000-8000-000000000002", true), job));
        assert!(!is_controlled_by(&json!({ "metadata": {} }), job));
    }

    #[test]
    fn a_server_that_drops_the_containers_restart_policy_is_noticed() {
        let pod = |container: Value| json!({ "spec": { "containers": [{ "name": "proxy" }, container] } });
        assert!(runs_once(&pod(json!({ "name": "default", "restartPolicy": "Never" }))));
        assert!(!runs_once(&pod(json!({ "name": "default" }))));
        assert!(!runs_once(&json!({})));
    }
}
