//! The kinds as they will be when all is built, under a group of the test's own: nothing acts on them, and no policy
//! guards them. So rules about fields that are still refused, and about the status, are put to a real API server.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DeleteParams, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client};
use serde_json::{Value, json};
use windlass_crds::unsupported::{Until, refusals};
use windlass_crds::{Kind, VERSION, manifests};

use crate::samples::{Sample, assert_refused, samples, try_out, url};
use crate::scene::Scene;
use crate::wait::until;

/// The copied kinds.
struct Copies {
    client: Client,
    group: String,
    namespace: String,
    made: Vec<(CustomResourceDefinition, ApiResource)>,
}

impl Copies {
    async fn make(scene: &Scene) -> Self {
        let group = format!("{}.windlass.dev", scene.namespace);
        let definitions = Api::<CustomResourceDefinition>::all(scene.client.clone());
        let made: Vec<_> = Kind::ALL.map(|kind| copy(kind, &group)).into();
        for (definition, _) in &made {
            definitions.create(&PostParams::default(), definition).await.unwrap();
        }
        for (definition, _) in &made {
            let name = definition.metadata.name.as_deref().unwrap();
            until(&definitions, name, "is established", is_established).await;
        }
        Self { client: scene.client.clone(), group, namespace: scene.namespace.clone(), made }
    }

    async fn remove(self) {
        let definitions = Api::<CustomResourceDefinition>::all(self.client.clone());
        for (definition, _) in self.made {
            let name = definition.metadata.name.unwrap();
            definitions.delete(&name, &DeleteParams::default()).await.unwrap();
        }
    }

    /// The API of the kind that an object has, and the object as one of the copied kind.
    fn api(&self, object: &Value) -> (Api<DynamicObject>, String, Value) {
        let is_kind = |(_, resource): &&(_, ApiResource)| object["kind"] == resource.kind;
        let (definition, resource) = self.made.iter().find(is_kind).unwrap();
        let client = self.client.clone();
        let mut object = object.clone();
        object["apiVersion"] = json!(format!("{}/{VERSION}", self.group));
        let (api, namespace) = match definition.spec.scope.as_str() {
            "Namespaced" => (Api::namespaced_with(client, &self.namespace, resource), Some(&*self.namespace)),
            _ => (Api::all_with(client, resource), None),
        };
        (api, url(resource, namespace), object)
    }
}

/// A kind with only those fields refused that always will be. Its names are others, so that `kubectl get bj` still
/// means the installed kind.
fn copy(kind: Kind, group: &str) -> (CustomResourceDefinition, ApiResource) {
    let refused = refusals().filter(|refusal| refusal.until == Until::Never);
    let mut definition = manifests::definition_refusing(kind, refused).unwrap();
    let names = &mut definition.spec.names;
    names.plural = format!("copied{}", names.plural);
    names.singular = names.singular.as_ref().map(|singular| format!("copied{singular}"));
    names.short_names = None;
    names.categories = None;
    let kind = GroupVersionKind::gvk(group, VERSION, &names.kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, &names.plural);
    definition.metadata.name = Some(format!("{}.{group}", names.plural));
    group.clone_into(&mut definition.spec.group);
    (definition, resource)
}

fn is_established(definition: &CustomResourceDefinition) -> bool {
    let conditions = definition.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|all| all.iter().any(|one| one.type_ == "Established" && one.status == "True"))
}

/// Makes the first object of a sample, status included.
async fn make_first(copies: &Copies, sample: &Sample, name: &str) -> (Api<DynamicObject>, DynamicObject) {
    let (api, _, mut before) = copies.api(&sample.objects[0]);
    before["metadata"]["name"] = json!(name);
    let status = before["status"].take();
    let object: DynamicObject = serde_json::from_value(before).unwrap();
    let say = |error| panic!("{}: the first object: {error}", sample.file);
    let mut made = api.create(&PostParams::default(), &object).await.unwrap_or_else(say);
    if !status.is_null() {
        made.data["status"] = status;
        made = api.replace_status(name, &PostParams::default(), &made).await.unwrap_or_else(say);
    }
    (api, made)
}

/// Makes the first object of a sample, and gives the answer to its change into the second.
async fn change(copies: &Copies, sample: &Sample, name: &str) -> kube::Result<DynamicObject> {
    let (api, made) = make_first(copies, sample, name).await;
    let (_, _, mut after) = copies.api(&sample.objects[1]);
    after["metadata"]["name"] = json!(name);
    after["metadata"]["resourceVersion"] = json!(made.metadata.resource_version);
    let status = after["status"].take();
    let object: DynamicObject = serde_json::from_value(after).unwrap();
    let mut changed = api.replace(name, &PostParams::default(), &object).await?;
    if !status.is_null() {
        changed.data["status"] = status;
        changed = api.replace_status(name, &PostParams::default(), &changed).await?;
    }
    Ok(changed)
}

#[tokio::test]
async fn changes_are_accepted_or_refused_as_they_say() {
    let scene = Scene::new("updates").await;
    let copies = Copies::make(&scene).await;
    for sample in samples("not-yet") {
        for object in &sample.objects {
            let (_, url, object) = copies.api(object);
            let answer = try_out(&scene.client, &url, &object).await;
            assert!(answer.is_ok(), "{} when all is built: {answer:#?}", sample.file);
        }
    }
    for (number, sample) in samples("updates").iter().enumerate() {
        let answer = change(&copies, sample, &format!("sample-{number}")).await;
        match &sample.expected {
            None => assert!(answer.is_ok(), "{}: {answer:#?}", sample.file),
            Some(_) => assert_refused(sample, answer),
        }
    }
    copies.remove().await;
    scene.leave().await;
}
