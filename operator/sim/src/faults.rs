//! Which faults a run has, and how often: each seed has its own mix, so that rare paths are not drowned by common ones.

use fastrand::Rng;

/// Chances in thousandths, unless said otherwise.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Operators that believe to be the leader, at the same time.
    pub operators: usize,
    /// A request is not carried out, and its outcome is unknown.
    pub lost_requests: u64,
    /// A request is carried out, and its outcome is unknown.
    pub lost_responses: u64,
    /// A request is carried out up to a minute later, and its outcome is unknown.
    pub late_requests: u64,
    /// An operator is killed between two of its actions.
    pub crashes: u64,
    /// A watch event comes twice.
    pub duplicates: u64,
    /// A watch ends before its time, or a list halfway.
    pub drops: u64,
    /// The API server forgets what was before: who has to go on from there is told "too old resource version".
    pub compactions: u64,
    /// An operator hears nothing of one kind for a while.
    pub stalls: u64,
    /// A host loses power; somebody deletes its node later.
    pub host_deaths: u64,
    /// A host cannot be reached; its containers run on.
    pub partitions: u64,
    /// Somebody removes a pod, finalizers and all.
    pub forced_removals: u64,
    /// Somebody deletes a pod.
    pub pod_deletions: u64,
    /// Pods of others take room on hosts.
    pub strangers: u64,
    /// Users delete jobs.
    pub job_deletions: u64,
    /// Users stop jobs and children.
    pub stops: u64,
    /// Users change, disable, remove and add queues, environments and definitions.
    pub edits: u64,
    /// The API server refuses pods, for quota or by policy.
    pub refusals: u64,
    /// An administrator pauses all admission, or lets it go on.
    pub pauses: u64,
    /// Others make pods under the names that ours would have.
    pub squatters: u64,
    /// Kubelets refuse pods that kube-scheduler has bound.
    pub kubelet_refusals: u64,
    /// A kubelet loses the sandbox of a node's pod.
    pub lost_sandboxes: u64,
    /// Some environments have machines made.
    pub managed: bool,
    /// Some jobs need GPUs, and some hosts have them.
    pub gpus: bool,
    /// A queue may be a fair-share queue, whose shares all get more jobs once the faults stop.
    pub shares: bool,
    /// A large job among many small ones may come once the faults stop.
    pub sieges: bool,
    /// Of a thousand jobs, so many have several nodes, which are placed together.
    pub multi_node: u64,
    /// Of a thousand machines asked for, so many are not to be had, or never have a node that is ready; and somebody else's
    /// autoscaler does nothing for a while.
    pub shortages: u64,
    /// A node class is broken, or mended.
    pub broken_classes: u64,
    /// A machine is taken away, whatever runs there.
    pub interruptions: u64,
    /// Somebody changes, disables or deletes a managed environment, or takes the right to make machines.
    pub managed_edits: u64,
    /// Clocks of operators differ by up to so many seconds, and run up to 2 % fast or slow.
    pub clock_skew_seconds: i64,
}

/// Takes a fault out of a mix.
pub type LeaveOut = fn(&mut Faults);

impl Faults {
    /// Every fault by name, and how it is left out of a mix.
    pub const ALL: [(&'static str, LeaveOut); 32] = [
        ("second-operator", |faults| faults.operators = 1),
        ("lost-requests", |faults| faults.lost_requests = 0),
        ("lost-responses", |faults| faults.lost_responses = 0),
        ("late-requests", |faults| faults.late_requests = 0),
        ("crashes", |faults| faults.crashes = 0),
        ("duplicates", |faults| faults.duplicates = 0),
        ("drops", |faults| faults.drops = 0),
        ("compactions", |faults| faults.compactions = 0),
        ("stalls", |faults| faults.stalls = 0),
        ("host-deaths", |faults| faults.host_deaths = 0),
        ("partitions", |faults| faults.partitions = 0),
        ("forced-removals", |faults| faults.forced_removals = 0),
        ("pod-deletions", |faults| faults.pod_deletions = 0),
        ("strangers", |faults| faults.strangers = 0),
        ("job-deletions", |faults| faults.job_deletions = 0),
        ("stops", |faults| faults.stops = 0),
        ("edits", |faults| faults.edits = 0),
        ("refusals", |faults| faults.refusals = 0),
        ("pauses", |faults| faults.pauses = 0),
        ("squatters", |faults| faults.squatters = 0),
        ("kubelet-refusals", |faults| faults.kubelet_refusals = 0),
        ("lost-sandboxes", |faults| faults.lost_sandboxes = 0),
        ("managed", |faults| faults.managed = false),
        ("gpus", |faults| faults.gpus = false),
        ("shares", |faults| faults.shares = false),
        ("sieges", |faults| faults.sieges = false),
        ("multi-node", |faults| faults.multi_node = 0),
        ("shortages", |faults| faults.shortages = 0),
        ("broken-classes", |faults| faults.broken_classes = 0),
        ("interruptions", |faults| faults.interruptions = 0),
        ("managed-edits", |faults| faults.managed_edits = 0),
        ("clock-skew-seconds", |faults| faults.clock_skew_seconds = 0),
    ];

    /// A mix of faults. Every other seed has a single leader.
    pub fn mixed(rng: &mut Rng) -> Faults {
        let mut chance =
            |percent: u64, most: u64| if rng.u64(0..100) < percent { rng.u64(1..=most) } else { 0 };
        Faults {
            lost_requests: chance(40, 60),
            lost_responses: chance(40, 60),
            late_requests: chance(40, 60),
            crashes: chance(50, 8),
            duplicates: chance(50, 100),
            drops: chance(50, 60),
            compactions: chance(50, 30),
            stalls: chance(30, 10),
            host_deaths: chance(30, 6),
            partitions: chance(20, 6),
            forced_removals: chance(15, 20),
            pod_deletions: chance(25, 40),
            strangers: chance(30, 60),
            job_deletions: chance(30, 60),
            stops: chance(40, 60),
            edits: chance(40, 60),
            refusals: chance(20, 60),
            clock_skew_seconds: if chance(50, 1) > 0 { 10 } else { 0 },
            operators: if chance(50, 1) > 0 { 2 } else { 1 },
            pauses: chance(15, 40),
            squatters: chance(15, 40),
            kubelet_refusals: chance(15, 100),
            managed: chance(50, 1) > 0,
            shortages: chance(40, 600),
            broken_classes: chance(30, 150),
            interruptions: chance(40, 250),
            managed_edits: chance(40, 100),
            gpus: chance(40, 1) > 0,
            shares: true,
            sieges: true,
            multi_node: chance(45, 900),
            lost_sandboxes: chance(30, 300),
        }
    }

    /// One operator, and nothing goes wrong.
    pub fn none() -> Faults {
        Faults { operators: 1, ..Faults::default() }
    }
}
