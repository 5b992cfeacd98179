//! One sequence, played on both sides.

use crate::actions::object;
use crate::deeds;
use crate::model::Model;
use crate::server::{Clients, Server};
use crate::setting::{Object, Setting};
use crate::steps::{Ask, RECORDS, REVISIONS, Step, Which, steps, tasks};
use windlass_core::objects::ObservedPod;

/// Steps of a sequence.
const STEPS: usize = 50;

/// How many answers were compared, and the first that differs.
pub(crate) struct Played {
    pub(crate) compared: usize,
    pub(crate) difference: Option<String>,
}

/// Plays a sequence to its end, or to the first difference.
pub(crate) async fn play(seed: u64, setting: &Setting, clients: Clients) -> Played {
    let mut both = Both {
        model: Model::new(setting),
        server: Server::new(clients),
        setting,
        log: Vec::new(),
        compared: 0,
    };
    let difference = match both.play(seed).await {
        Ok(()) => None,
        Err(words) => Some(format!("sequence {seed}:\n{}\n{words}", both.log.join("\n"))),
    };
    Played { compared: both.compared, difference }
}

struct Both<'a> {
    model: Model,
    server: Server,
    setting: &'a Setting,
    /// The steps so far, a line each.
    log: Vec<String>,
    compared: usize,
}

impl Both<'_> {
    async fn play(&mut self, seed: u64) -> Result<(), String> {
        self.look_at_all().await?;
        for step in steps(seed, STEPS) {
            match step {
                Step::Ask(ask) => self.ask(&ask).await?,
                Step::Meanwhile(deed) => {
                    if deeds::act(&deed, self.setting, &mut self.model, &self.server).await {
                        self.log.push(format!("  {deed:?}"));
                    }
                }
            }
            if self.model.cluster.collect_garbage() {
                self.server.wait_for(self.setting, &self.model.shape()).await?;
            }
        }
        self.look_at_all().await
    }

    async fn ask(&mut self, ask: &Ask) -> Result<(), String> {
        let known = self.model.known.clone();
        let pod = match object(ask) {
            Object::Pod(task) => self.model.cluster.store.pods.get(&self.setting.pod(task)).cloned(),
            _ => None,
        };
        let mut model = self.model.ask(ask, self.setting);
        let server = self.server.ask(ask, self.setting).await;
        self.log.push(format!("  {ask:?} -> {server}"));
        if let Some(pod) = pod.filter(|_| server != model)
            && self.pod_was_collected(pod)
        {
            self.log.push("  the pod garbage collector has been there".to_owned());
            self.model.known = known;
            model = self.model.ask(ask, self.setting);
        }
        self.compare(&server, &model)
    }

    /// The pod garbage collector comes when it likes: the model follows once it is seen to have been there. What was asked last
    /// is undone; false when the collector has no business with this pod.
    fn pod_was_collected(&mut self, before: ObservedPod) -> bool {
        let (key, pods) = (before.key.clone(), &mut self.model.cluster.store.pods);
        let after = pods.insert(key.clone(), before);
        if self.model.cluster.look_at_pod(&key) {
            return true;
        }
        let pods = &mut self.model.cluster.store.pods;
        match after {
            Some(after) => pods.insert(key, after),
            None => pods.remove(&key),
        };
        false
    }

    fn compare(&mut self, server: &str, model: &str) -> Result<(), String> {
        self.compared += 1;
        if server == model { Ok(()) } else { Err(format!("server: {server}\nmodel:  {model}")) }
    }

    /// Every object as it is now.
    async fn look_at_all(&mut self) -> Result<(), String> {
        let jobs = [Which::Single, Which::Array].map(Ask::ReadJob);
        let pods = tasks().into_iter().map(Ask::ReadPod);
        let others =
            RECORDS.into_iter().map(Ask::ReadRecord).chain(REVISIONS.into_iter().map(Ask::ReadRevision));
        for ask in jobs.into_iter().chain(pods).chain(others).chain([Ask::ReadDefinition]) {
            self.ask(&ask).await?;
        }
        let server = self.server.catalog(self.setting).await;
        let model = self.model.catalog();
        for (server, model) in server.iter().zip(&model) {
            self.compare(server, model)?;
        }
        Ok(())
    }
}
