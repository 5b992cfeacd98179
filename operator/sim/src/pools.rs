//! Managed environments: what people ask for, and change, at the worst moments.

use crate::classes;
use crate::cluster::Cluster;
use crate::coverage::About;
use crate::deployments;
use crate::store::{Store, selector};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;
use windlass_core::ids::{Name, ObjectKey, ResourceVersion};
use windlass_core::objects::{
    Autoscaled, Backend, EnvironmentStatus, MachineType, Managed, ObservedEnvironment, ObservedHost,
    ObservedMachineDeployment, ObservedQueue, Payload, Strategy,
};
use windlass_core::reference::Reference;
use windlass_core::units::{GPUS, Resources};

/// The environment that everybody has, whose hosts are there.
pub const UNMANAGED: &str = "ce";

/// Those that have machines made.
const MANAGED: [(&str, Option<Backend>); 4] = [
    ("claims", Some(Backend::Karpenter)),
    ("nodes", Some(Backend::Simulated)),
    ("groups", Some(Backend::ClusterApi)),
    (AUTOSCALED, None),
];

/// The one whose nodes somebody else's autoscaler adds.
const AUTOSCALED: &str = "auto";

/// By how many thousandths of a vCPU a node may offer more than the catalogue's estimate, and less.
pub const MORE: u64 = 20;
/// See [`MORE`].
pub const LESS: u64 = 100;

/// The largest job there is, in thousandths of a vCPU.
pub const LARGEST: u64 = 2000;

/// A job that may or may not fit on the smallest machine: the catalogue says so, its node perhaps not.
pub const ON_THE_EDGE: u64 = 1900;

/// The family of machines that have a GPU.
const WITH_GPUS: &str = "g4";

/// The MachineDeployment whose machines have one.
const SCALED_WITH_GPUS: &str = "capi/gpu";

/// What is kept for the system of each node, in thousandths of a vCPU, as the catalogue has it.
const SYSTEM: u64 = 80;

/// The types of machines there are: two families of 2 to 16 vCPUs, and small ones with a GPU.
pub fn catalogue() -> &'static [MachineType] {
    static CATALOGUE: LazyLock<Vec<MachineType>> = LazyLock::new(made_up);
    &CATALOGUE
}

fn made_up() -> Vec<MachineType> {
    let families = [("c5", 1, 0), ("m5", 4, 0), (WITH_GPUS, 4, 1)];
    let sizes = [("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16)];
    let types = families.into_iter().flat_map(|(family, gib, gpus)| {
        let sizes = sizes.into_iter().filter(move |(_, vcpus)| gpus == 0 || *vcpus <= 4);
        sizes.map(move |(size, vcpus)| MachineType {
            name: format!("{family}.{size}").into(),
            vcpus,
            architecture: "amd64".into(),
            allocatable: Resources {
                cpu_millis: u64::from(vcpus) * 1000 - SYSTEM,
                memory_bytes: (u64::from(vcpus) * gib) << 30,
                gpus,
                pods: 20,
            },
        })
    });
    types.collect()
}

/// The MachineDeployments of Cluster API, as the types of their machines.
pub fn deployments() -> &'static [MachineType] {
    static DEPLOYMENTS: LazyLock<Vec<MachineType>> = LazyLock::new(|| {
        let of_size = |name: &str, size: &str| {
            let found = catalogue().iter().find(|found| found.name.as_str() == size);
            found.map(|found| MachineType { name: name.into(), ..found.clone() })
        };
        let all = [("capi/small", "c5.large"), ("capi/large", "c5.xlarge"), (SCALED_WITH_GPUS, "g4.xlarge")];
        all.into_iter().filter_map(|(name, size)| of_size(name, size)).collect()
    });
    &DEPLOYMENTS
}

/// All types of machines, whoever makes them.
pub fn types() -> impl Iterator<Item = &'static MachineType> {
    catalogue().iter().chain(deployments())
}

/// What the machines of this type are; the MachineDeployments that were made for environments are like their patterns.
pub fn type_of(name: &Name) -> Option<&'static MachineType> {
    let is_like = |found: &MachineType| {
        let rest = name.as_str().strip_prefix(found.name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    types().find(|found| found.name == *name).or_else(|| deployments().iter().find(|found| is_like(found)))
}

/// A MachineDeployment with so many machines to have.
pub fn put_deployment(cluster: &mut Cluster, size: &MachineType, replicas: u32) {
    let (namespace, name) = size.name.as_str().split_once('/').unwrap_or_default();
    let uid = cluster.store.next_uid();
    cluster.store.put_deployment(ObservedMachineDeployment {
        key: ObjectKey::new(namespace, name),
        uid,
        resource_version: ResourceVersion(0),
        digest: "spec-1".into(),
        replicas,
        size: Some(size.clone()),
        gpu_resource: None,
        fault: None,
        not_to_scale: None,
        deleting: false,
        made: None,
    });
}

/// Makes the managed environments that are not there. True when any was missing.
pub fn bring_back(cluster: &mut Cluster) -> bool {
    let is_missing = |(name, _): &(&str, Option<Backend>)| {
        cluster.faults.managed && !cluster.store.environments.contains_key(&Name::from(*name))
    };
    let missing: Vec<(&str, Option<Backend>)> = MANAGED.into_iter().filter(is_missing).collect();
    for (name, backend) in &missing {
        make(cluster, name, *backend);
    }
    !missing.is_empty()
}

fn make(cluster: &mut Cluster, name: &str, backend: Option<Backend>) {
    if backend == Some(Backend::ClusterApi) && cluster.store.deployments.is_empty() {
        for size in deployments() {
            // There may be machines before anybody has them scaled.
            let replicas = cluster.rng.u32(0..=1);
            put_deployment(cluster, size, replicas);
        }
    }
    let uid = cluster.store.next_uid();
    let wishes = wishes(cluster, backend);
    cluster.tell(|| format!("administrator: makes environment {name} {}: {wishes:?}", uid.prefix()));
    let Wishes { managed, autoscaled } = wishes;
    let is_autoscaled = autoscaled.is_some();
    let autoscaled_nodes = BTreeMap::from([("pool".into(), AUTOSCALED.into())]);
    cluster.store.put_environment(ObservedEnvironment {
        name: name.into(),
        uid,
        resource_version: ResourceVersion(0),
        generation: 1,
        created_at: Store::stamp(cluster.now),
        aws_name: None,
        enabled: true,
        selector: if is_autoscaled { autoscaled_nodes } else { selector(uid) },
        gpu_resource: gpu_resource(backend),
        managed,
        autoscaled,
        ignored: None,
        deleting: false,
        held: false,
        status: EnvironmentStatus::default(),
    });
}

/// What GPUs are called there.
fn gpu_resource(backend: Option<Backend>) -> Name {
    Name::from(if backend == Some(Backend::Karpenter) { "amd.com/gpu" } else { GPUS })
}

/// What an environment may have.
#[derive(Debug)]
struct Wishes {
    managed: Option<Managed>,
    autoscaled: Option<Autoscaled>,
}

fn wishes(cluster: &mut Cluster, backend: Option<Backend>) -> Wishes {
    match backend {
        Some(backend) => Wishes { managed: Some(of_managed(cluster, backend)), autoscaled: None },
        None => Wishes { managed: None, autoscaled: Some(of_autoscaled(cluster)) },
    }
}

fn of_autoscaled(cluster: &mut Cluster) -> Autoscaled {
    let Cluster { rng, faults, .. } = cluster;
    let types: &[&str] = [&[][..], &["m5.large", "m5.xlarge"], &["c5.xlarge"]][rng.usize(0..3)];
    let with_gpus: &[&str] = if faults.gpus && !types.is_empty() { &["g4.xlarge"] } else { &[] };
    Autoscaled {
        max_vcpus: [4, 8, 16][rng.usize(0..3)],
        instance_types: types.iter().chain(with_gpus).map(|name| Name::from(*name)).collect(),
        patience: Duration::from_secs(rng.u64(10..600)),
    }
}

/// Any job of the model fits on a machine within it.
fn of_managed(cluster: &mut Cluster, backend: Backend) -> Managed {
    let node_class = if backend == Backend::Simulated { None } else { classes::wish(cluster) };
    let rng = &mut cluster.rng;
    let (min_vcpus, max_vcpus) = [(0, 4), (0, 8), (2, 4), (3, 8), (5, 12), (0, 16)][rng.usize(0..6)];
    let choices: [&[&str]; 4] = if backend == Backend::ClusterApi {
        [&["capi/large"], &["capi/large", "capi/small"], &["capi/small", "capi/large"], &["capi/large"]]
    } else {
        [&[], &["c5"], &["m5.large", "m5.xlarge"], &["optimal"]]
    };
    let with_gpus = if backend == Backend::ClusterApi { SCALED_WITH_GPUS } else { WITH_GPUS };
    let instance_types = match (cluster.faults.gpus, choices[rng.usize(0..4)]) {
        (false, types) => types.to_vec(),
        (true, []) => vec!["optimal", with_gpus],
        (true, types) => [types, &[with_gpus]].concat(),
    };
    Managed {
        spot: false,
        backend,
        min_vcpus,
        desired_vcpus: rng.u32(min_vcpus..=max_vcpus),
        max_vcpus,
        instance_types: instance_types.into_iter().map(Name::from).collect(),
        strategy: [Strategy::BestFit, Strategy::Progressive, Strategy::ProgressiveOrdered][rng.usize(0..3)],
        idle_limit: rng.bool().then(|| Duration::from_secs(rng.u64(0..30))),
        node_class,
        fault: None,
        payload: Payload::default(),
    }
}

impl Wishes {
    fn grant(self, environment: &mut ObservedEnvironment) {
        (environment.managed, environment.autoscaled) = (self.managed, self.autoscaled);
    }
}

/// The processors of a node, in vCPUs.
pub fn vcpus(host: &ObservedHost) -> u64 {
    let machine_type = host.labels.get(&Name::from("node.kubernetes.io/instance-type"));
    let known = catalogue().iter().find(|found| machine_type == Some(&found.name));
    known.map_or(host.allocatable.amounts.cpu_millis.div_ceil(1000), |found| u64::from(found.vcpus))
}

/// The environments of a queue, in one order or another.
pub fn choices(cluster: &mut Cluster) -> Vec<Reference> {
    let orders: [&[&str]; 12] = [
        &["groups"],
        &["groups", "claims"],
        &[UNMANAGED, "groups"],
        &[AUTOSCALED],
        &[AUTOSCALED, "claims"],
        &[UNMANAGED, AUTOSCALED],
        &[UNMANAGED],
        &["claims"],
        &["nodes"],
        &["claims", "nodes"],
        &["nodes", UNMANAGED],
        &[UNMANAGED, "claims"],
    ];
    let order = orders[cluster.rng.usize(0..orders.len())];
    let order = if cluster.faults.managed { order } else { &[UNMANAGED] };
    order.iter().map(|name| Reference::plain(name)).collect()
}

/// Somebody changes, disables or deletes a managed environment, or takes the operator's right to make machines.
pub fn edit(cluster: &mut Cluster) {
    let (name, backend) = MANAGED[cluster.rng.usize(0..MANAGED.len())];
    let dice = cluster.rng.u64(0..9);
    let wishes = wishes(cluster, backend);
    cluster.note(About::Faults, "edits of managed environments");
    cluster.tell(|| format!("administrator: edit {dice} of environment {name}"));
    match dice {
        0..3 => change(cluster, name, |known| wishes.grant(known)),
        3 => change(cluster, name, |known| known.enabled = !known.enabled),
        4 if backend == Some(Backend::ClusterApi) => disturb(cluster),
        4 => change(cluster, name, |known| {
            let managed = known.managed.as_mut().map(|found| &mut found.instance_types);
            let autoscaled = known.autoscaled.as_mut().map(|found| &mut found.instance_types);
            if let Some(types) = managed.or(autoscaled) {
                *types = vec!["x9".into()];
            }
        }),
        5 => {
            let words = Name::from("nodeclaims.karpenter.sh is forbidden: the operator lacks a right");
            cluster.store.machine_refusal = cluster.store.machine_refusal.take().xor(Some(words));
        }
        6 => cluster.store.delete_environment(&name.into()),
        7 if backend == Some(Backend::ClusterApi) => deployments::delete_own(cluster, &name.into()),
        7 => classes::delete(cluster, &name.into()),
        _ => {
            bring_back(cluster);
        }
    }
}

/// A MachineDeployment is paused, or goes on; or a pattern is changed.
fn disturb(cluster: &mut Cluster) {
    let all: Vec<ObservedMachineDeployment> = cluster.store.deployments.values().cloned().collect();
    let Some(found) = all.get(cluster.rng.usize(0..all.len().max(1))).cloned() else { return };
    if found.made.is_none() && cluster.rng.bool() {
        cluster.note(About::Faults, "patterns changed");
        let digest = if found.digest.as_str() == "spec-1" { "spec-2" } else { "spec-1" };
        return cluster.store.put_deployment(ObservedMachineDeployment { digest: digest.into(), ..found });
    }
    let paused = "is paused: Cluster API makes no machines for it";
    let not_to_scale = found.not_to_scale.is_none().then(|| Name::from(paused));
    cluster.store.put_deployment(ObservedMachineDeployment { not_to_scale, ..found });
}

fn change(cluster: &mut Cluster, name: &str, change: impl FnOnce(&mut ObservedEnvironment)) {
    if let Some(mut environment) = cluster.store.environments.get(&Name::from(name)).cloned() {
        environment.generation += 1;
        change(&mut environment);
        let ObservedEnvironment { managed, autoscaled, enabled, .. } = &environment;
        cluster.tell(|| format!("now {managed:?} {autoscaled:?} enabled {enabled}"));
        cluster.store.put_environment(environment);
    }
}

/// All that is wrong is mended, and no queue names an environment that is to go.
pub fn calm_down(cluster: &mut Cluster) {
    for (name, backend) in MANAGED {
        let wishes = wishes(cluster, backend);
        change(cluster, name, |known| {
            known.enabled = true;
            wishes.grant(known);
        });
    }
    let paused = |found: &&ObservedMachineDeployment| found.not_to_scale.is_some();
    let paused: Vec<_> = cluster.store.deployments.values().filter(paused).cloned().collect();
    for found in paused {
        cluster.store.put_deployment(ObservedMachineDeployment { not_to_scale: None, ..found });
    }
    let goes = |reference: &Reference| {
        cluster.store.environments.get(&reference.name).is_none_or(|environment| environment.deleting)
    };
    let names_one = |queue: &&ObservedQueue| queue.environments.iter().any(goes);
    let queues: Vec<ObservedQueue> = cluster.store.queues.values().filter(names_one).cloned().collect();
    for queue in queues {
        let environments = vec![Reference::plain(UNMANAGED)];
        let generation = queue.generation + 1;
        cluster.store.put_queue(ObservedQueue { environments, generation, ..queue });
    }
    bring_back(cluster);
}

/// True for a node whose machine is to go.
pub fn is_leaving(cluster: &Cluster, node: &Name) -> bool {
    cluster.store.machine_of(node).is_some_and(|machine| machine.leaving || machine.deleting)
}
