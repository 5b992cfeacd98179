//! A pod that is there already, asked for again when the namespace's quota is used up: the quota speaks first.

use crate::model::Model;
use crate::server::{Clients, Server};
use crate::setting::Setting;
use crate::steps::{Ask, Place, Task};
use serde_json::json;
use std::time::Duration;
use windlass_core::action::Refusal;

/// Plays it. Nothing can be created in the namespace any more afterwards.
pub(crate) async fn play(setting: &Setting, clients: Clients) -> Result<(), String> {
    let (mut model, mut server) = (Model::new(setting), Server::new(clients));
    let task = Task { child: None, attempt: 1, launch: 0 };
    let create = Ask::CreatePod(task, Place::Here);
    compare(&create, setting, &mut model, &mut server).await?;
    use_up(setting, &server).await;
    model.cluster.refusal = Some((Refusal::Quota, "used up".into()));
    compare(&create, setting, &mut model, &mut server).await?;
    compare(&Ask::ReadPod(task), setting, &mut model, &mut server).await
}

async fn compare(ask: &Ask, setting: &Setting, model: &mut Model, server: &mut Server) -> Result<(), String> {
    let (told, expected) = (server.ask(ask, setting).await, model.ask(ask, setting));
    if told == expected { Ok(()) } else { Err(format!("{ask:?}\nserver: {told}\nmodel:  {expected}")) }
}

/// A quota of no pods at all, once the API server goes by it.
async fn use_up(setting: &Setting, server: &Server) {
    let quotas = format!("/api/v1/namespaces/{}/resourcequotas", setting.namespace);
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "none" },
        "spec": { "hard": { "pods": "0" } },
    });
    server.send("POST", &quotas, Some(quota)).await.unwrap();
    while server.send("GET", &format!("{quotas}/none"), None).await.unwrap()["status"]["used"].is_null() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
