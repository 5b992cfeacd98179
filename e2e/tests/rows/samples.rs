//! Every sample of the API, given to a real API server: it says what the offline tests say.

use std::collections::BTreeMap;
use std::fs;

use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::Request;
use kube::{Api, Client};
use serde_json::Value;

use crate::cluster::{OPERATOR, client_as};
use crate::programs::checkout;
use crate::scene::{Scene, kind_of};

/// Objects as a person writes them, and a part of the words that refuse them.
pub(crate) struct Sample {
    pub(crate) file: String,
    pub(crate) objects: Vec<Value>,
    pub(crate) expected: Option<String>,
}

/// The samples in a folder of `crds/samples`.
pub(crate) fn samples(folder: &str) -> Vec<Sample> {
    let folder = checkout().join("crds/samples").join(folder);
    let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let samples: Vec<Sample> = files
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let first = text.lines().next().unwrap();
            Sample {
                file: path.display().to_string(),
                objects: serde_saphyr::from_multiple(&text).unwrap(),
                expected: first.strip_prefix("# expect: ").map(str::to_owned),
            }
        })
        .collect();
    assert!(samples.len() > 5, "only {} samples in {}", samples.len(), folder.display());
    samples
}

/// Asks for an object to be made as kubectl does, unknown fields refused; nothing is kept.
pub(crate) async fn try_out(client: &Client, url: &str, object: &Value) -> kube::Result<Value> {
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    let mut request = Request::new(url).create(&parameters, serde_json::to_vec(object).unwrap()).unwrap();
    *request.uri_mut() = format!("{}&fieldValidation=Strict", request.uri()).parse().unwrap();
    client.request(request).await
}

/// Refused, in words that have `expected` in them.
pub(crate) fn assert_refused<T: std::fmt::Debug>(sample: &Sample, answer: kube::Result<T>) {
    let expected = sample.expected.as_deref().unwrap_or_else(|| panic!("{}: no # expect", sample.file));
    match answer {
        Err(kube::Error::Api(status)) if status.message.contains(expected) => {}
        other => panic!("{}: expected {expected:?}, not {other:#?}", sample.file),
    }
}

/// Where objects of each kind are made.
struct Urls<'a> {
    scene: &'a Scene,
    known: BTreeMap<String, String>,
}

impl Urls<'_> {
    async fn of(&mut self, object: &Value) -> String {
        let kind = object["kind"].as_str().unwrap().to_owned();
        if !self.known.contains_key(&kind) {
            let (resource, scope) = kind_of(&self.scene.client, object).await;
            let namespace = (scope == kube::discovery::Scope::Namespaced).then_some(&*self.scene.namespace);
            self.known.insert(kind.clone(), url(&resource, namespace));
        }
        self.known[&kind].clone()
    }
}

/// Where objects of a kind are made.
pub(crate) fn url(resource: &ApiResource, namespace: Option<&str>) -> String {
    <DynamicObject as kube::Resource>::url_path(resource, namespace)
}

#[tokio::test]
async fn the_api_server_says_of_each_sample_what_it_should() {
    let scene = Scene::new("samples").await;
    // Only the operator makes JobRecords.
    let operator = client_as(Some(OPERATOR)).await;
    let mut urls = Urls { scene: &scene, known: BTreeMap::new() };
    for sample in samples("valid") {
        for object in &sample.objects {
            let client = if object["kind"] == "JobRecord" { &operator } else { &scene.client };
            let answer = try_out(client, &urls.of(object).await, object).await;
            assert!(answer.is_ok(), "{}: {answer:#?}", sample.file);
        }
    }
    for sample in samples("invalid").iter().chain(&samples("not-yet")) {
        for object in &sample.objects {
            assert_refused(sample, try_out(&scene.client, &urls.of(object).await, object).await);
        }
    }
    let jobs: Api<windlass_crds::Job> = scene.api();
    assert!(jobs.list(&kube::api::ListParams::default()).await.unwrap().items.is_empty());
    scene.leave().await;
}
