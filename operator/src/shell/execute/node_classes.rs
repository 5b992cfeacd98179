//! Node classes of environments.

use super::{json, read as outcome};
use crate::convert::{self, Wire, kinds};
use crate::machines::node_class::{API_VERSION, KIND, ec2_node_class};
use crate::shell::api::{Api, Failure, url};
use kube::api::{GetParams, PostParams};
use kube::core::Request;
use serde_json::Value;
use windlass_core::action::{NodeClassOrder, Outcome, Refusal};
use windlass_core::ids::{Name, ObjectKey};

type Built = Result<http::Request<Vec<u8>>, kube::core::request::Error>;

/// Makes a node class, or has it say something else; finds the one of that name that is there already.
pub(super) async fn write(api: &Api, order: &NodeClassOrder) -> Result<Outcome, Failure> {
    let requests = Request::new(url::<kinds::EC2NodeClass>(&Name::default()));
    let (name, parameters) = (order.name.as_str(), PostParams::default());
    let (verb, request) = match order.replaces {
        None => ("post", requests.create(&parameters, body(order, None)?)),
        Some(_) => {
            ("put", requests.replace(name, &parameters, body(order, Some(current(api, order).await?))?))
        }
    };
    match api.send::<kinds::EC2NodeClass, Wire<_>>(verb, strict(request)).await {
        Ok(written) => outcome(convert::node_class(&written), |class| Outcome::NodeClass(Box::new(class))),
        Err(Failure::Exists) => found(api, order).await,
        Err(Failure::NotFound) if verb == "post" => {
            let words = format!(
                "the API server has no {KIND} ({API_VERSION}): is Karpenter's AWS provider installed?"
            );
            Err(Failure::Refused(Refusal::Other, Name::from(words)))
        }
        Err(Failure::Refused(Refusal::Other, words)) => {
            let words = format!("{words}; the chart's value backends.karpenter allows it");
            Err(Failure::Refused(Refusal::Other, Name::from(words)))
        }
        Err(failure) => Err(failure),
    }
}

fn body(order: &NodeClassOrder, current: Option<Value>) -> Result<Vec<u8>, Failure> {
    let class = ec2_node_class(order, current);
    json(&class.map_err(|error| Failure::Refused(Refusal::Invalid, Name::from(error.to_string())))?)
}

/// The class that is to be replaced, with what others keep on it (Karpenter its finalizer); only the version that was seen.
async fn current(api: &Api, order: &NodeClassOrder) -> Result<Value, Failure> {
    let request = Request::new(url::<kinds::EC2NodeClass>(&Name::default()));
    let request = request.get(order.name.as_str(), &GetParams::default());
    let class: Value = api.send::<kinds::EC2NodeClass, _>("get", request).await?;
    let part = |name: &str| class.pointer(&format!("/metadata/{name}")).and_then(Value::as_str);
    let seen = order.replaces.map(|(uid, version)| (uid.to_string(), version.0.to_string()));
    let is_seen = seen.is_some_and(|(uid, version)| {
        part("uid") == Some(uid.as_str()) && part("resourceVersion") == Some(version.as_str())
    });
    if is_seen { Ok(class) } else { Err(Failure::Conflict) }
}

/// The class that has the name already.
async fn found(api: &Api, order: &NodeClassOrder) -> Result<Outcome, Failure> {
    let key = ObjectKey { namespace: Name::default(), name: order.name.clone() };
    let class = convert::node_class(&api.get(&key).await?);
    match class.ok().filter(|class| class.environment == order.environment_uid) {
        Some(class) => Ok(Outcome::NodeClass(Box::new(class))),
        None => {
            let words = format!("{KIND} {} exists, and is not this environment's: delete it", order.name);
            Err(Failure::Refused(Refusal::Other, Name::from(words)))
        }
    }
}

/// Has the API server refuse fields that its version of the kind does not know, instead of dropping them.
pub(super) fn strict(request: Built) -> Built {
    let mut request = request?;
    let uri = request.uri().to_string();
    let separator = if uri.contains('?') { '&' } else { '?' };
    *request.uri_mut() = format!("{uri}{separator}fieldValidation=Strict")
        .parse()
        .map_err(|error: http::uri::InvalidUri| kube::core::request::Error::BuildRequest(error.into()))?;
    Ok(request)
}
