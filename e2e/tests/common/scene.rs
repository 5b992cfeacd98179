//! The place of one test: a namespace of its own, and cluster-scoped objects with names of its own.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Namespace, Node};
use kube::api::{ApiResource, DeleteParams, DynamicObject, ListParams, PostParams};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, oneshot::pinned_kind};
use kube::{Api, Client, Resource};
use serde_json::{Value, json};
use windlass_crds::{ComputeEnvironment, Job, JobQueue, SchedulingPolicy};

use crate::catalog;
use crate::cluster;
use crate::wait::{Object, until};

/// Label of all that is of one scene.
const SCENE: &str = "windlass.dev/e2e-scene";

/// One test's place. [`Scene::leave`] removes it; a test that fails leaves it, for a person to look at.
/// `kubectl delete namespaces,jobqueues,schedulingpolicies,computeenvironments,nodes --selector=windlass.dev/e2e-scene`
/// removes all such.
pub(crate) struct Scene {
    /// The administrator.
    pub(crate) client: Client,
    /// The test's namespace; names of cluster-scoped objects begin with it.
    pub(crate) namespace: String,
}

/// Hexadecimal digits that no other run of the tests has.
fn run() -> &'static str {
    static RUN: OnceLock<String> = OnceLock::new();
    RUN.get_or_init(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        format!("{:08x}", since.as_millis() & 0xffff_ffff)
    })
}

impl Scene {
    /// Makes the place of a test.
    pub(crate) async fn new(topic: &str) -> Self {
        let client = cluster::client().await;
        let scene = Self { client, namespace: format!("{topic}-{}", run()) };
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some(scene.namespace.clone());
        namespace.metadata.labels = Some([(SCENE.to_owned(), scene.namespace.clone())].into());
        let namespaces = Api::<Namespace>::all(scene.client.clone());
        namespaces.create(&PostParams::default(), &namespace).await.unwrap();
        scene
    }

    /// The scene's objects of a namespaced kind.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// A name for a cluster-scoped object.
    pub(crate) fn unique(&self, name: &str) -> String {
        format!("{}-{name}", self.namespace)
    }

    /// Creates an object of any kind.
    pub(crate) async fn create(&self, object: Value) {
        if let Err(error) = self.try_create(&self.client, object.clone()).await {
            panic!("{object:#}\n{error}");
        }
    }

    /// Creates an object as the user of `client`; gives the API server's answer.
    pub(crate) async fn try_create(&self, client: &Client, object: Value) -> kube::Result<DynamicObject> {
        let (resource, scope) = kind_of(&self.client, &object).await;
        let object: DynamicObject = serde_json::from_value(self.marked(object)).unwrap();
        let api: Api<DynamicObject> = match scope {
            Scope::Cluster => Api::all_with(client.clone(), &resource),
            Scope::Namespaced => Api::namespaced_with(client.clone(), &self.namespace, &resource),
        };
        api.create(&PostParams::default(), &object).await
    }

    /// An object with the scene's label, by which [`Scene::leave`] finds it.
    pub(crate) fn marked(&self, mut object: Value) -> Value {
        object["metadata"]["labels"][SCENE] = json!(self.namespace);
        object
    }

    /// Makes an environment of the nodes with a label, and its queue; gives the queue's name.
    pub(crate) async fn queue(&self, name: &str, label: (&str, &str)) -> String {
        self.create(catalog::environment(&self.unique(name), label)).await;
        self.queue_of(name, &self.unique(name)).await
    }

    /// Makes the queue of an environment; gives its name.
    pub(crate) async fn queue_of(&self, name: &str, environment: &str) -> String {
        let name = self.unique(name);
        self.create(catalog::queue(&name, environment)).await;
        let queues = Api::<JobQueue>::all(self.client.clone());
        until(&queues, &name, "is VALID", |queue| is_ready(queue.status.as_ref())).await;
        name
    }

    /// Waits until the job is as wanted.
    pub(crate) async fn job(&self, name: &str, what: &str, wanted: impl Fn(&Job) -> bool) -> Job {
        until(&self.api(), name, what, wanted).await
    }

    /// Removes the scene. The namespace and its jobs go in the background.
    pub(crate) async fn leave(self) {
        let selector = ListParams::default().labels(&format!("{SCENE}={}", self.namespace));
        self.remove::<Namespace>(&selector).await;
        self.remove::<JobQueue>(&selector).await;
        self.remove::<SchedulingPolicy>(&selector).await;
        self.remove::<ComputeEnvironment>(&selector).await;
        self.remove::<Node>(&selector).await;
    }

    async fn remove<K: Object + Resource<DynamicType = ()>>(&self, selector: &ListParams) {
        let api = Api::<K>::all(self.client.clone());
        for object in api.list(selector).await.unwrap() {
            let name = object.meta().name.clone().unwrap();
            api.delete(&name, &DeleteParams::background()).await.unwrap();
        }
    }
}

/// Whether condition Ready holds.
fn is_ready(status: Option<&windlass_crds::JobQueueStatus>) -> bool {
    let conditions = status.map(|status| status.conditions.as_slice()).unwrap_or_default();
    conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// What the API server knows about an object's kind.
pub(crate) async fn kind_of(client: &Client, object: &Value) -> (ApiResource, Scope) {
    let text = |field: &str| object[field].as_str().unwrap().to_owned();
    let version = text("apiVersion");
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let kind = GroupVersionKind::gvk(group, version, &text("kind"));
    let (resource, capabilities) = pinned_kind(client, &kind).await.unwrap();
    (resource, capabilities.scope)
}
