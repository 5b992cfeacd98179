//! One request to the API server: with a deadline, counted, its failure told apart.

use super::metrics::{Metrics, Request as Counted};
use crate::convert::{Described, Wire};
use kube::core::{Request, Status};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use std::time::{Duration, Instant};
use windlass_core::action::{Outcome, Refusal};
use windlass_core::ids::{Name, ObjectKey};

/// How long a request may take: kube's client has no limit of its own, and a broken connection must not hold a job up.
const DEADLINE: Duration = Duration::from_secs(30);

/// How a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// No such object.
    NotFound,
    /// It exists already.
    Exists,
    /// Another version, or another object.
    Conflict,
    /// Refused, in these words.
    Refused(Refusal, Name),
    /// Nobody knows whether it was carried out.
    Unknown(Name),
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Outcome {
        match failure {
            Failure::NotFound => Outcome::NotFound,
            Failure::Exists | Failure::Conflict => Outcome::Conflict,
            Failure::Refused(refusal, words) => Outcome::Refused(refusal, words),
            Failure::Unknown(words) => Outcome::Unknown(words),
        }
    }
}

/// Sends requests and counts them.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    metrics: Metrics,
}

/// The URL of a kind's objects in a namespace (all of them, for the empty one).
pub(super) fn url<D: Described>(namespace: &Name) -> String
where
    Wire<D>: Resource<DynamicType = ()>,
{
    let namespace = Some(namespace.as_str()).filter(|namespace| !namespace.is_empty());
    <Wire<D> as Resource>::url_path(&(), namespace)
}

impl Api {
    pub(super) fn new(client: Client, metrics: Metrics) -> Api {
        Api { client, metrics }
    }

    /// Sends a request that was built for kind `D`; `verb` is what it counts as.
    pub(super) async fn send<D: Described, T: DeserializeOwned>(
        &self,
        verb: &'static str,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let result = match request {
            Ok(request) => match tokio::time::timeout(DEADLINE, self.client.request::<T>(request)).await {
                Ok(result) => result.map_err(failure),
                Err(_) => Err(Failure::Unknown(Name::from("no answer within 30 s"))),
            },
            Err(error) => Err(Failure::Refused(Refusal::Invalid, Name::from(error.to_string()))),
        };
        let outcome = result.as_ref().map_or_else(label, |_| "ok");
        self.metrics.request(&Counted { verb, kind: D::KIND, outcome }, started.elapsed());
        result
    }

    /// Reads one object.
    pub(super) async fn get<D: Described>(&self, key: &ObjectKey) -> Result<Wire<D>, Failure>
    where
        Wire<D>: Resource<DynamicType = ()>,
    {
        let request =
            Request::new(url::<D>(&key.namespace)).get(key.name.as_str(), &kube::api::GetParams::default());
        self.send::<D, _>("get", request).await
    }
}

const fn label(failure: &Failure) -> &'static str {
    match failure {
        Failure::NotFound => "not_found",
        Failure::Exists | Failure::Conflict => "conflict",
        Failure::Refused(..) => "refused",
        Failure::Unknown(_) => "unknown",
    }
}

fn failure(error: kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) => api_failure(&status),
        kube::Error::SerdeError(error) => {
            Failure::Unknown(Name::from(format!("the answer cannot be read: {error}")))
        }
        other => Failure::Unknown(Name::from(other.to_string())),
    }
}

/// The API server's own answer. What it may or may not have carried out counts as unknown.
fn api_failure(status: &Status) -> Failure {
    let words = Name::from(status.message.clone());
    match (status.code, status.reason.as_str()) {
        (404, _) => Failure::NotFound,
        (409, "AlreadyExists") => Failure::Exists,
        (409, _) => Failure::Conflict,
        (403, _) => Failure::Refused(refusal(status), words),
        (400 | 413 | 422, _) => Failure::Refused(Refusal::Invalid, words),
        (401 | 405 | 406 | 415, _) => Failure::Refused(Refusal::Other, words),
        _ => Failure::Unknown(words),
    }
}

/// Why something is forbidden: each means another thing for the job.
fn refusal(status: &Status) -> Refusal {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    if causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating") {
        Refusal::NamespaceTerminating
    } else {
        forbidden(&status.message)
    }
}

/// The same, by the API server's words alone, which others hand on.
pub(super) fn forbidden(words: &str) -> Refusal {
    if words.contains("exceeded quota") {
        Refusal::Quota
    } else if words.contains(" cannot ") && words.contains("User ") {
        Refusal::Other
    } else {
        Refusal::Invalid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(message: &str) -> Refusal {
        super::refusal(&Status { message: message.to_owned(), code: 403, ..Status::default() })
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        assert_eq!(
            refusal(
                "pods \"a\" is forbidden: exceeded quota: q, requested: cpu=1, used: cpu=1, limited: cpu=1"
            ),
            Refusal::Quota
        );
        assert_eq!(
            refusal(
                "pods is forbidden: User \"system:serviceaccount:w:w\" cannot create resource \"pods\" \
                 in API group \"\" in the namespace \"a\""
            ),
            Refusal::Other
        );
        assert_eq!(
            refusal("pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": privileged"),
            Refusal::Invalid
        );
    }
}
