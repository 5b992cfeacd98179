//! Lines of the transcript: what passes between the operators and the API server, in short.

use windlass_core::action::{Action, Outcome};
use windlass_core::event::Event;
use windlass_core::objects::{
    EnvironmentStatus, JobStatus, ObservedJob, ObservedMachine, ObservedMachineDeployment, ObservedNodeClass,
    ObservedPod,
};

/// A request in a few words.
pub(crate) fn action(action: &Action) -> String {
    match action {
        Action::CreatePod(order) if order.host.is_empty() => format!("create pod {}", order.pod.name),
        Action::MakeNodeSets(order) => {
            format!(
                "make node sets of {}, attempt {}, launch {}",
                order.job.name, order.attempt, order.launch
            )
        }
        Action::DeleteNodeSets { job, attempt, launch, .. } => {
            format!("delete node sets of {}, attempt {attempt}, launch {launch}", job.name)
        }
        Action::LetGo(order) => {
            let (pod, version) = (&order.guard.key.name, order.guard.resource_version.0);
            format!("let pod {pod} at {version} go to {} ({:?})", order.host, order.main_address)
        }
        Action::CreatePod(order) => format!("create pod {} on {}", order.pod.name, order.host),
        Action::WriteJob(guard, written) => {
            let (job, version) = (&guard.key.name, guard.resource_version.0);
            format!("write job {job} at {version}: {}", status(written))
        }
        Action::WriteRecord(order) => {
            let children = order.record.children.iter();
            let told =
                children.map(|(index, child)| format!("{index}:{}x{}", child.state, child.attempts.len()));
            format!(
                "write record {}+{} {}",
                order.job.name,
                order.first_index,
                told.collect::<Vec<_>>().join(" ")
            )
        }
        Action::ReleasePod(key, _, delete) => format!("release pod {} (delete {delete})", key.name),
        Action::DeletePod(key, ..) => format!("delete pod {}", key.name),
        Action::StopPod { pod, ending, .. } => format!("stop pod {}: {}", pod.name, ending.cause.as_str()),
        Action::DeleteJob(guard) => format!("delete expired job {}", guard.key.name),
        Action::ReadJob(key) => format!("read job {}", key.name),
        Action::ReadPod(key) => format!("read pod {}", key.name),
        Action::LaunchMachine(order) => {
            format!("create machine {} ({})", order.name, order.machine_type.name)
        }
        Action::LookForHost(name) => format!("look for host {name}"),
        Action::ReadMachine(_, name) => format!("read machine {name}"),
        Action::ReadMachineEvents(name, _) => format!("read events of machine {name}"),
        Action::WriteNodeClass(order) => format!("write node class {}: {}", order.name, order.content.digest),
        Action::RetireMachine(_, name, _) => format!("retire machine {name}"),
        Action::RemoveMachine(_, name, _) => format!("delete machine {name}"),
        Action::ReadMachineDeployment(key) => format!("read MachineDeployment {key} and its machines"),
        Action::MakeMachineDeployment(order) => {
            format!("make MachineDeployment {} like {}: {}", order.key, order.pattern, order.content.digest)
        }
        Action::DeleteMachineDeployment(guard) => {
            format!("delete MachineDeployment {} at {}", guard.key, guard.resource_version.0)
        }
        Action::Scale(order) => {
            let (key, version) = (&order.guard.key, order.guard.resource_version.0);
            format!("scale MachineDeployment {key} at {version} to {}", order.replicas)
        }
        Action::WriteEnvironment(guard, status) => {
            let (name, version) = (&guard.key.name, guard.resource_version.0);
            format!("write environment {name} at {version}: {}", pool(status))
        }
        other => in_short(other),
    }
}

/// An answer in a few words.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Written(version) => format!("written {}", version.0),
        Outcome::Pod(found) => pod(found),
        Outcome::Job(found) => job(found),
        Outcome::Machine(found) => machine(found),
        Outcome::NodeClass(found) => node_class(found),
        Outcome::MachineDeployment(found, machines) => {
            let told: Vec<String> = machines.iter().map(machine).collect();
            format!("{}; {}", deployment(found), told.join("; "))
        }
        other => in_short(other),
    }
}

/// A watch event in a few words.
pub(crate) fn event(event: &Event) -> String {
    match event {
        Event::ListStarted(kind) => format!("a list of {kind:?} begins"),
        Event::ListEnded(kind) => format!("the list of {kind:?} ends"),
        Event::Job(found) => job(found),
        Event::Pod(found) => pod(found),
        Event::Host(host) => {
            let node = if host.ready { "ready" } else { "not ready" };
            format!("host {} {node}{}", host.name, if host.unschedulable { ", cordoned" } else { "" })
        }
        Event::Policy(found) => format!("policy {} at {}", found.name, found.resource_version.0),
        Event::Queue(queue) => format!("queue {} at {}", queue.name, queue.resource_version.0),
        Event::Environment(found) => {
            format!("environment {} at {}: {}", found.name, found.resource_version.0, pool(&found.status))
        }
        Event::Machine(found) => machine(found),
        Event::NodeClass(found) => node_class(found),
        Event::MachineDeployment(found) => deployment(found),
        Event::Definition(found) => format!("definition {} at {}", found.key, found.resource_version.0),
        Event::Revision(found) => format!("revision {} at {}", found.key, found.resource_version.0),
        other => in_short(other),
    }
}

fn deployment(found: &ObservedMachineDeployment) -> String {
    let (key, version, replicas) = (&found.key, found.resource_version.0, found.replicas);
    format!(
        "MachineDeployment {key} at {version}: {replicas} replicas {}",
        found.fault.clone().unwrap_or_default()
    )
}

fn machine(machine: &ObservedMachine) -> String {
    let node = machine.node.as_ref().map_or("no node", |node| node.as_str());
    let flags =
        [(machine.leaving, ", leaving"), (machine.marked, ", marked"), (machine.deleting, ", being deleted")];
    let flags: String = flags.into_iter().filter(|(is, _)| *is).map(|(_, words)| words).collect();
    let fault = machine.fault.as_ref().map_or(String::new(), |fault| format!(", {fault}"));
    let (name, version) = (&machine.name, machine.resource_version.0);
    format!("machine {name} at {version} ({}) {node}{flags}{fault}", machine.machine_type)
}

fn node_class(class: &ObservedNodeClass) -> String {
    let (name, version) = (&class.name, class.resource_version.0);
    format!(
        "node class {name} at {version} {}: {:?} deleting {}",
        class.digest, class.readiness, class.deleting
    )
}

fn pool(status: &EnvironmentStatus) -> String {
    let pool = &status.pool;
    let launches: Vec<String> =
        pool.launches.iter().map(|launch| format!("{}:{}", launch.serial, launch.machine_type)).collect();
    let desired = pool.desired_vcpus.map_or("-".to_owned(), |vcpus| vcpus.to_string());
    format!(
        "desired {desired} launching {} last {} [{}] {:?}",
        pool.launching_vcpus,
        pool.last_serial,
        launches.join(" "),
        status.validity.fault
    )
}

fn pod(pod: &ObservedPod) -> String {
    let deleting = if pod.deleting { ", being deleted" } else { "" };
    let gated = if pod.task.as_ref().is_some_and(|task| task.gated) { ", gated" } else { "" };
    format!("pod {} at {} {:?}{gated}{deleting}", pod.key.name, pod.resource_version.0, pod.phase)
}

fn job(job: &ObservedJob) -> String {
    format!("job {} at {}: {}", job.key.name, job.resource_version.0, status(&job.status))
}

fn status(status: &JobStatus) -> String {
    let attempts = status.attempts.iter();
    let attempts: Vec<String> = attempts
        .map(|attempt| format!("{}{}", attempt.number, if attempt.is_over() { "x" } else { "" }))
        .collect();
    let children = status.array.iter().flat_map(|array| &array.children);
    let children: Vec<String> = children.map(|(state, indexes)| format!("{state}={indexes}")).collect();
    format!("{} {} [{}] {}", status.state, status.reason, attempts.join(","), children.join(" "))
        .trim_end()
        .to_owned()
}

fn in_short(thing: &impl std::fmt::Debug) -> String {
    format!("{thing:?}").chars().take(70).collect()
}
