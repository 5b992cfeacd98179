//! Kinds of other projects, which the API server is to know.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};

use crate::wait::until;

/// Has the API server know a kind by its definition.
pub(crate) async fn serve(client: &Client, definition: &str) {
    let definition: CustomResourceDefinition = serde_saphyr::from_str(definition).unwrap();
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    let name = definition.name_any();
    definitions.patch(&name, &PatchParams::apply("e2e").force(), &Patch::Apply(&definition)).await.unwrap();
    until(&definitions, &name, "is served", |definition| {
        let conditions = definition.status.iter().flat_map(|status| status.conditions.iter().flatten());
        conditions.into_iter().any(|condition| condition.type_ == "Established" && condition.status == "True")
    })
    .await;
}
