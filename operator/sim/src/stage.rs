//! Scenarios of hosts and managed environments: what their commands do, and what is told of them.

use crate::classes;
use crate::cluster::Cluster;
use crate::kubelet::Kubelet;
use crate::options::{number, option};
use crate::pools;
use crate::store::{Store, selector};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;
use windlass_core::ids::{Name, ResourceVersion};
use windlass_core::limits::LAUNCH_PATIENCE;
use windlass_core::objects::{
    Autoscaled, Backend, EnvironmentStatus, Managed, ObservedEnvironment, ObservedHost, ObservedMachine,
    ObservedMachineDeployment, ObservedNodeClass, Payload, Readiness, Strategy, Taint,
};
use windlass_core::units::{GPUS, ResourceList, Resources};

/// `host NAME CPUS [LABEL=VALUE] [+RESOURCE=NUMBER] [!KEY=VALUE] [cordoned] [old-kubelet]`: a new one, or what has become of it.
pub(crate) fn host(cluster: &mut Cluster, name: &str, cpus: &str, options: &[&str]) -> Result<(), String> {
    let pairs = |mark: &'static str| {
        options.iter().filter_map(move |option| option.strip_prefix(mark)?.split_once('='))
    };
    let is_label = |(key, _): &(&str, &str)| !key.starts_with(['+', '!']);
    let labels = pairs("").filter(is_label).map(|(key, value)| (Name::from(key), Name::from(value)));
    let mut labels: BTreeMap<Name, Name> = labels.collect();
    if labels.is_empty() {
        labels.insert("pool".into(), "batch".into());
    }
    let extended = pairs("+").map(|(name, count)| number(count).map(|count| (Name::from(name), count)));
    let taint = |(key, value): (&str, &str)| Taint { key: key.into(), value: value.into(), evicts: false };
    let amounts = Resources { pods: 110, ..Resources::of_job(1000 * number(cpus)?, 8192, 0) };
    let known = cluster.store.hosts.get(&Name::from(name)).map(|known| known.uid);
    let node = ObservedHost {
        name: name.into(),
        uid: known.unwrap_or_else(|| cluster.store.next_uid()),
        labels,
        allocatable: ResourceList { amounts, extended: extended.collect::<Result<_, String>>()? },
        ready: true,
        unschedulable: options.contains(&"cordoned"),
        taints: pairs("!").map(taint).collect(),
        old_kubelet: options.contains(&"old-kubelet"),
        ..ObservedHost::default()
    };
    if let Some(kubelet) = cluster.kubelets.get_mut(&Name::from(name)) {
        kubelet.node = node.clone();
        cluster.store.put_host(node);
        return Ok(());
    }
    cluster.kubelets.insert(name.into(), Kubelet::new(node.clone()));
    cluster.store.put_host(node);
    Ok(())
}

/// `managed NAME karpenter|simulated|clusterapi [min=N] [desired=N] [max=N] [types=a,b] [idle=SECONDS] [gpus=NAME] [class=A]
/// [strategy=progressive|ordered] [disabled]`, or `managed NAME external [max=N] [types=a,b] [patience=SECONDS] [gpus=NAME]
/// [disabled]`: its nodes are those labelled `pool=NAME`.
pub(crate) fn managed(
    cluster: &mut Cluster,
    name: &str,
    backend: &str,
    options: &[&str],
) -> Result<(), String> {
    let vcpus = |key: &str, unset: u32| match option(options, key) {
        Some(text) => text.parse().map_err(|_| format!("'{text}' is no number")),
        None => Ok(unset),
    };
    let min_vcpus = vcpus("min", 0)?;
    let types = option(options, "types").into_iter().flat_map(|types| types.split(','));
    let (max_vcpus, instance_types) = (vcpus("max", 16)?, types.map(Name::from).collect());
    if backend == "external" {
        let patience = option(options, "patience").map_or(Ok(LAUNCH_PATIENCE.as_secs()), number)?;
        let patience = Duration::from_secs(patience);
        let autoscaled = Autoscaled { max_vcpus, instance_types, patience };
        put(cluster, name, options, None, Some(autoscaled));
        return Ok(());
    }
    let managed = Managed {
        spot: option(options, "spot").is_some(),
        backend: match backend {
            "karpenter" => Backend::Karpenter,
            "simulated" => Backend::Simulated,
            "clusterapi" => Backend::ClusterApi,
            _ => return Err(format!("nothing is called a {backend}")),
        },
        min_vcpus,
        desired_vcpus: vcpus("desired", min_vcpus)?,
        max_vcpus,
        instance_types,
        strategy: match option(options, "strategy") {
            None => Strategy::BestFit,
            Some("progressive") => Strategy::Progressive,
            Some("ordered") => Strategy::ProgressiveOrdered,
            Some(text) => return Err(format!("'{text}' is no strategy")),
        },
        idle_limit: option(options, "idle").map(number).transpose()?.map(Duration::from_secs),
        node_class: option(options, "class").map(classes::content),
        fault: option(options, "fault").map(Name::from),
        payload: Payload::default(),
    };
    put(cluster, name, options, Some(managed), None);
    Ok(())
}

/// Makes an environment, or changes it.
fn put(
    cluster: &mut Cluster,
    name: &str,
    options: &[&str],
    managed: Option<Managed>,
    autoscaled: Option<Autoscaled>,
) {
    let enabled = !options.contains(&"disabled");
    let gpu_resource = Name::from(option(options, "gpus").unwrap_or(GPUS));
    let environment = match cluster.store.environments.get(&Name::from(name)).cloned() {
        Some(known) => {
            let generation = known.generation + 1;
            ObservedEnvironment { enabled, generation, gpu_resource, managed, autoscaled, ..known }
        }
        None => {
            let uid = cluster.store.next_uid();
            ObservedEnvironment {
                name: name.into(),
                uid,
                resource_version: ResourceVersion(0),
                generation: 1,
                created_at: Store::stamp(cluster.now),
                aws_name: None,
                enabled,
                selector: match autoscaled {
                    Some(_) => BTreeMap::from([("pool".into(), name.into())]),
                    None => selector(uid),
                },
                gpu_resource,
                managed,
                autoscaled,
                ignored: None,
                deleting: false,
                held: false,
                status: EnvironmentStatus::default(),
            }
        }
    };
    cluster.store.put_environment(environment);
}

/// `autoscaler asleep|awake`
pub(crate) fn autoscaler(cluster: &mut Cluster, what: &str) -> Result<(), String> {
    cluster.autoscaler.asleep_until = match what {
        "asleep" => Some(Cluster::NEVER),
        "awake" => None,
        _ => return Err(format!("an autoscaler cannot be {what}")),
    };
    Ok(())
}

/// `machinedeployment NAMESPACE/NAME [replicas=N] [gpus=NAME] [fault=WORDS_WITH_UNDERSCORES] [sizeless] [says=NAME]`: its
/// machines are those that all runs have under this name.
pub(crate) fn machine_deployment(cluster: &mut Cluster, name: &str, options: &[&str]) -> Result<(), String> {
    let mut known = pools::deployments().iter();
    let size = known.find(|found| found.name.as_str() == name).ok_or_else(|| format!("no size of {name}"))?;
    let replicas = option(options, "replicas").map(number).transpose()?;
    if !cluster.store.deployments.contains_key(&size.name) {
        pools::put_deployment(cluster, size, 0);
    }
    let Some(found) = cluster.store.deployments.get(&size.name).cloned() else { return Ok(()) };
    let replicas = replicas.and_then(|number| u32::try_from(number).ok()).unwrap_or(found.replicas);
    let size = (!options.contains(&"sizeless")).then(|| size.clone());
    let gpu_resource = option(options, "gpus").map(Name::from);
    let fault = option(options, "fault").map(|words| Name::from(words.replace('_', " ")));
    let digest = option(options, "says").map_or(found.digest.clone(), Name::from);
    let found = ObservedMachineDeployment { replicas, size, gpu_resource, fault, digest, ..found };
    cluster.store.put_deployment(found);
    Ok(())
}

/// `machines short|short-of-TYPE|there|broken|mended|forbidden|allowed|without-gpus|with-gpus`
pub(crate) fn machines(cluster: &mut Cluster, what: &str) -> Result<(), String> {
    match what {
        "short" => cluster.backends.is_short = true,
        "there" => {
            cluster.backends.is_short = false;
            cluster.backends.short_of.clear();
        }
        "broken" => cluster.backends.broken = Some("LaunchFailed: no subnet 'blue'".into()),
        "mended" => cluster.backends.broken = None,
        "forbidden" => cluster.store.machine_refusal = Some("nodeclaims is forbidden".into()),
        "allowed" => cluster.store.machine_refusal = None,
        "without-gpus" => cluster.backends.without_gpus = true,
        "with-gpus" => cluster.backends.without_gpus = false,
        _ => match what.strip_prefix("short-of-") {
            Some(machine_type) => _ = cluster.backends.short_of.insert(machine_type.into()),
            None => return Err(format!("machines cannot be {what}")),
        },
    }
    Ok(())
}

/// A machine is taken away, whatever runs there.
pub(crate) fn interrupt(cluster: &mut Cluster, name: &str) -> Result<(), String> {
    let found = cluster.store.machines.values().find(|machine| machine.name.as_str() == name).cloned();
    let machine = found.ok_or_else(|| format!("no machine {name}"))?;
    cluster.store.remove_machine(machine.backend, &machine.name);
    crate::backend::sweep(cluster);
    Ok(())
}

/// A machine in a few words.
pub(crate) fn told_of_machine(machine: &ObservedMachine) -> String {
    let mut told = machine.machine_type.to_string();
    match &machine.node {
        Some(node) => _ = write!(told, ", node {node}"),
        None => told.push_str(", no node yet"),
    }
    if let Some(fault) = &machine.fault {
        let _ = write!(told, ", {fault}");
    }
    for (is, words) in [
        (machine.leaving, ", takes no more jobs"),
        (machine.marked, ", is marked to go"),
        (machine.deleting, ", is being deleted"),
    ] {
        told.push_str(if is { words } else { "" });
    }
    told
}

/// A node class in a few words.
pub(crate) fn told_of_class(class: &ObservedNodeClass) -> String {
    let readiness = match &class.readiness {
        Readiness::Unknown => "not looked at",
        Readiness::Ready => "ready",
        Readiness::Broken(words) => words.as_str(),
    };
    format!("{}, {readiness}{}", class.digest, if class.deleting { ", is being deleted" } else { "" })
}

/// The machines of an environment in a few words; nothing of an UNMANAGED one.
pub(crate) fn told_of_pool(environment: &ObservedEnvironment) -> String {
    let pool = &environment.status.pool;
    let managed = environment.managed.as_ref().map(|found| found.max_vcpus);
    let maximum = managed.or(environment.autoscaled.as_ref().map(|found| found.max_vcpus));
    match maximum.zip(pool.desired_vcpus) {
        Some((maximum, desired)) => {
            let launching = match pool.launching_vcpus {
                0 => String::new(),
                vcpus => format!(", {vcpus} of them still launching"),
            };
            format!("; {desired} of {maximum} vCPUs{launching}")
        }
        _ => String::new(),
    }
}
