//! Scenarios of managed environments: what their commands do, and what is told of them.

use crate::cluster::Cluster;
use crate::script::{number, option};
use crate::store::{Store, selector};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;
use windlass_core::ids::{Name, ResourceVersion};
use windlass_core::limits::LAUNCH_PATIENCE;
use windlass_core::objects::{
    Autoscaled, Backend, EnvironmentStatus, Managed, ObservedEnvironment, ObservedMachine, Payload, Strategy,
};

/// `managed NAME karpenter|simulated [min=N] [desired=N] [max=N] [types=a,b] [idle=SECONDS] [strategy=progressive|ordered]
/// [disabled]`,
/// `managed NAME external [max=N] [types=a,b] [patience=SECONDS] [disabled]`: its nodes are those labelled `pool=NAME`.
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
        backend: match backend {
            "karpenter" => Backend::Karpenter,
            "simulated" => Backend::Simulated,
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
    let environment = match cluster.store.environments.get(&Name::from(name)).cloned() {
        Some(known) => {
            let generation = known.generation + 1;
            ObservedEnvironment { enabled, generation, managed, autoscaled, ..known }
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
                managed,
                autoscaled,
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

/// `machines short|short-of-TYPE|there|broken|mended|forbidden|allowed`
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
    for (is, words) in [(machine.leaving, ", takes no more jobs"), (machine.deleting, ", is being deleted")] {
        told.push_str(if is { words } else { "" });
    }
    told
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
