//! A node's pod is let go to its host (DESIGN.md, Multi-node jobs).

use super::build::this_host;
use crate::names;
use k8s_openapi::api::core::v1::NodeSelectorTerm;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use windlass_core::action::LetGoOrder;

/// A strategic merge patch: it takes our gate and no other, pins the pod to its host, and tells where the main node is. All in
/// one, so that a pod without our gate always has its host. Of a pod that has a gate Kubernetes lets the node affinity become
/// narrower, so what webhooks have given it (`terms`, any of which is enough) stays beside.
pub fn let_go(order: &LetGoOrder, terms: Vec<NodeSelectorTerm>) -> Value {
    let address = order.main_address.as_ref().map(|address| (names::MAIN_NODE_ADDRESS, address.as_str()));
    let annotations: BTreeMap<&str, &str> =
        [(names::HOST, order.host.as_str())].into_iter().chain(address).collect();
    let terms = if terms.is_empty() { vec![NodeSelectorTerm::default()] } else { terms };
    let pinned: Vec<NodeSelectorTerm> =
        terms.into_iter().map(|term| pinned(term, order.host.as_str())).collect();
    let required = json!({ "nodeSelectorTerms": pinned });
    json!({
        "metadata": {
            "uid": order.guard.uid.to_string(),
            "resourceVersion": order.guard.resource_version.0.to_string(),
            "annotations": annotations,
        },
        "spec": {
            "schedulingGates": [{ "$patch": "delete", "name": names::GATE }],
            "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": required } },
        },
    })
}

fn pinned(term: NodeSelectorTerm, host: &str) -> NodeSelectorTerm {
    let mut fields = term.match_fields.unwrap_or_default();
    fields.push(this_host(host));
    NodeSelectorTerm { match_fields: Some(fields), ..term }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_core::action::Guard;
    use windlass_core::ids::{ObjectKey, ResourceVersion, Uid};

    fn terms_of(terms: Value) -> Value {
        let guard = Guard {
            key: ObjectKey::new("a", "p"),
            uid: Uid::from_u128(1),
            resource_version: ResourceVersion(7),
        };
        let order = LetGoOrder { guard, host: "n1".into(), main_address: None };
        let patch = let_go(&order, serde_json::from_value(terms).unwrap());
        let path =
            "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms";
        patch.pointer(path).unwrap().clone()
    }

    #[test]
    fn what_others_ask_of_a_host_stays_in_each_of_their_terms() {
        let ours = json!({ "key": "metadata.name", "operator": "In", "values": ["n1"] });
        assert_eq!(terms_of(json!([])), json!([{ "matchFields": [ours] }]));
        let zone = |value: &str| json!({ "key": "zone", "operator": "In", "values": [value] });
        let theirs = json!([{ "matchExpressions": [zone("a")] }, { "matchExpressions": [zone("b")] }]);
        let expected = json!([
            { "matchExpressions": [zone("a")], "matchFields": [ours] },
            { "matchExpressions": [zone("b")], "matchFields": [ours] },
        ]);
        assert_eq!(terms_of(theirs), expected);
    }
}
