//! Machines of managed environments, as the API server has them: NodeClaims, and nodes that stand for themselves.

use super::Store;
use std::collections::BTreeMap;
use windlass_core::action::{MachineOrder, Outcome, Refusal};
use windlass_core::event::{Event, Kind};
use windlass_core::ids::{Name, ResourceVersion, Uid};
use windlass_core::objects::{Backend, MachineType, ObservedHost, ObservedMachine, PodPhase};
use windlass_core::time::Time;
use windlass_core::units::ResourceList;

impl Store {
    /// Stores a machine.
    pub fn put_machine(&mut self, mut machine: ObservedMachine) {
        machine.resource_version = self.next_version();
        self.tell(Kind::of_machines(machine.backend), Event::Machine(Box::new(machine.clone())));
        self.machines.insert((machine.backend, machine.name.clone()), machine);
    }

    /// Removes a machine, and the node on it.
    pub fn remove_machine(&mut self, backend: Backend, name: &Name) {
        if let Some(machine) = self.machines.remove(&(backend, name.clone())) {
            self.revision += 1;
            self.tell(Kind::of_machines(backend), Event::MachineGone(machine.uid));
            if let Some(node) = &machine.node {
                self.remove_host(node);
            }
        }
    }

    /// The machine that a node is on.
    pub fn machine_of(&self, node: &Name) -> Option<&ObservedMachine> {
        self.machines.values().find(|machine| machine.node.as_ref() == Some(node))
    }

    /// The machines of an environment.
    pub fn machines_of(&self, environment: Uid) -> impl Iterator<Item = &ObservedMachine> {
        self.machines.values().filter(move |machine| self.environment_of(machine) == environment)
    }

    /// True when a pod of a job is on this node that is not over.
    pub fn has_jobs(&self, node: &Name) -> bool {
        let mut pods = self.pods.values();
        pods.any(|pod| pod.task.is_some() && pod.host.as_ref() == Some(node) && pod.phase == PodPhase::Active)
    }

    /// The garbage collector deletes a machine whose environment is gone.
    pub fn collect_machine(&mut self, machine: &ObservedMachine) {
        self.delete_machine(machine.backend, &machine.name, machine.uid);
    }

    pub(super) fn read_machine(&self, backend: Backend, name: &Name) -> Outcome {
        let found = self.machines.get(&(backend, name.clone()));
        found.map_or(Outcome::NotFound, |found| Outcome::Machine(Box::new(found.clone())))
    }

    /// Admission comes before the name is looked at.
    pub(super) fn launch_machine(&mut self, order: MachineOrder, now: Time) -> Outcome {
        if let Some(words) = &self.machine_refusal {
            return Outcome::Refused(Refusal::Other, words.clone());
        }
        let (backend, name) = (order.backend, order.name.clone());
        if !self.machines.contains_key(&(backend, name.clone())) {
            let machine = ObservedMachine {
                name: order.name,
                uid: self.next_uid(),
                resource_version: ResourceVersion(0),
                backend,
                environment: order.environment_uid,
                machine_type: order.machine_type.name.clone(),
                node_class: order.node_class.map(|(_, digest)| digest),
                created_at: Store::stamp(now),
                // A node that stands for itself is there at once, though not ready.
                node: (backend == Backend::Simulated).then(|| name.clone()),
                fault: None,
                leaving: false,
                marked: false,
                deleting: false,
            };
            if let Some(node) = &machine.node {
                let allocatable =
                    ResourceList::with_gpus(order.machine_type.allocatable, &order.gpu_resource);
                let host = self.node_of(&machine, node, &order.machine_type, allocatable, machine.uid);
                self.put_host(host);
            }
            self.put_machine(machine);
        }
        self.read_machine(backend, &name)
    }

    /// A NodeClaim that is deleted takes no more jobs; a node that stands for itself is tainted, a Machine only says so.
    pub(super) fn retire_machine(&mut self, backend: Backend, name: &Name, uid: Uid) -> Outcome {
        if backend == Backend::Karpenter {
            return self.delete_machine(backend, name, uid);
        }
        let found = self.machines.get(&(backend, name.clone())).filter(|found| found.uid == uid);
        let Some(machine) = found.filter(|found| !found.leaving).cloned() else {
            return if found.is_some() { Outcome::Done } else { Outcome::NotFound };
        };
        if let Some(host) = self.hosts.get(name).filter(|_| backend == Backend::Simulated).cloned() {
            self.put_host(ObservedHost { unschedulable: true, ..host });
        }
        self.put_machine(ObservedMachine { leaving: true, ..machine });
        Outcome::Done
    }

    /// A NodeClaim is marked: Karpenter ends it. A Machine is marked as the next that goes. A node that stands for itself goes at
    /// once, whatever runs there.
    pub(super) fn delete_machine(&mut self, backend: Backend, name: &Name, uid: Uid) -> Outcome {
        let found = self.machines.get(&(backend, name.clone())).filter(|found| found.uid == uid);
        let Some(machine) = found.cloned() else { return Outcome::NotFound };
        match backend {
            Backend::Karpenter if machine.deleting => {}
            Backend::Karpenter => self.put_machine(ObservedMachine { deleting: true, ..machine }),
            Backend::ClusterApi if machine.marked => {}
            Backend::ClusterApi => {
                self.put_machine(ObservedMachine { marked: true, leaving: true, ..machine });
            }
            Backend::Simulated => {
                if self.has_jobs(name) {
                    self.breaches.push(format!("machine {name} is removed although a job runs there"));
                }
                self.remove_machine(backend, name);
            }
        }
        Outcome::Done
    }

    /// The node on a machine before it is ready.
    pub fn node_of(
        &self,
        machine: &ObservedMachine,
        name: &Name,
        machine_type: &MachineType,
        allocatable: ResourceList,
        uid: Uid,
    ) -> ObservedHost {
        let mut labels: BTreeMap<Name, Name> = selector(machine.environment);
        labels.insert("node.kubernetes.io/instance-type".into(), machine_type.name.clone());
        labels.insert("kubernetes.io/arch".into(), machine_type.architecture.clone());
        // Nothing on a node of Cluster API says whose it is.
        let made_for = (machine.backend != Backend::ClusterApi).then_some(machine.environment);
        let old_kubelet = self.old_kubelets;
        ObservedHost {
            name: name.clone(),
            uid,
            labels,
            allocatable,
            made_for,
            old_kubelet,
            ..ObservedHost::default()
        }
    }
}

/// The label that the machines of an environment get.
pub fn selector(environment: Uid) -> BTreeMap<Name, Name> {
    BTreeMap::from([("windlass.dev/environment-uid".into(), Name::from(environment.to_string()))])
}
