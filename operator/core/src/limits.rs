//! Every bound of the core, each with its reason beside it.

use std::time::Duration;

/// Children one JobRecord holds. At 10 attempts each with the longest texts it stays under etcd's 1 MiB (a test of
/// `windlass-crds` shows it), and one write carries many children.
pub const CHILDREN_PER_RECORD: u32 = 250;

/// Failed children listed in the parent's status: enough to see a pattern, few enough to keep the object small.
pub const FAILURES_LISTED: usize = 100;

/// Bytes of a reason kept in a status: what the API allows.
pub const WORDS_IN_STATUS: usize = 1024;

/// Bytes of a reason in a parent's list of failures: 100 of them are written again with each change of the summary.
pub const WORDS_IN_FAILURE: usize = 256;

/// Bytes of a reason kept in a JobRecord, where 5,000 of them must stay under 1 MiB together.
pub const WORDS_IN_RECORD: usize = 64;

/// Launches decided but not yet answered by the API server. More would only wait in the shell's queue, where they grow old;
/// fewer would leave its writers idle between two plans.
pub const LAUNCHES_UNDER_WAY: usize = 512;

/// How long after the guarded write that decided a launch its pod may be created: a later create could meet a world in which
/// that attempt is long over. Ten times what a loaded API server takes.
pub const LAUNCH_WINDOW: Duration = Duration::from_secs(30);

/// How long an API server may still carry out a request it has received (`--request-timeout`, default 60 s).
pub const REQUEST_TIMEOUT_OF_SERVER: Duration = Duration::from_secs(60);

/// How long a finished pod stays as the tombstone of its name once its end is recorded: no create that was decided before can
/// arrive later (decision 0001). The launch window, the server's request limit, and as much again as the window for clocks
/// that run at different speeds.
pub const TOMBSTONE: Duration = Duration::from_secs(120);

/// Finished pods kept for `kubectl logs` until their Job expires (SPEC.md, Pods).
pub const FINISHED_PODS_KEPT: usize = 100;

/// Pause between two status writes of one object, unless its meaning has changed a lot: batch/v1's controller batches as
/// long. Keeps writes per child far below one.
pub const PAUSE_BETWEEN_WRITES: Duration = Duration::from_secs(1);

/// Changed children that make a write worth its while before that pause is over.
pub const CHANGES_WORTH_A_WRITE: u32 = 64;

/// How long a container must run before RUNNING is written, unless something else is: the end of a shorter one is told in the
/// same write. That saves one of three status writes of a short job, and nobody acts on a RUNNING that is over a moment later.
pub const PAUSE_BEFORE_RUNNING: Duration = Duration::from_secs(2);

/// Waiting jobs whose reason is written at one time: nobody waits for these writes, so that they stand back behind launches.
pub const PATIENT_WRITES: usize = 16;

/// Jobs looked at in one plan: bounds the time until the next event is taken in.
pub const JOBS_PER_PLAN: usize = 2_000;

/// Pods released in one plan, for the same reason.
pub const RELEASES_PER_PLAN: usize = 64;

/// Of these, left to pods whose Job is gone: a namespace that is deleted must not wait until an array of 10,000 is tidied up.
pub const RELEASES_FOR_GONE: usize = 16;

/// How old the numbers in a waiting job's reason may get (SPEC.md, Status).
pub const REASON_NUMBERS_AGE: Duration = Duration::from_secs(60);

/// Pause between two writes of a queue's or an environment's numbers.
pub const PAUSE_BETWEEN_SURVEYS: Duration = Duration::from_secs(5);

/// First and longest pause before a request that failed is sent again.
pub const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How long the StatefulSets of a multi-node job may take to have all their pods: the controller makes a thousand in half a
/// minute, and backs off up to a minute where it is refused some.
pub const NODE_PODS_PATIENCE: Duration = Duration::from_secs(120);

/// When the cluster is first asked why a StatefulSet has not all its pods: it makes those of most jobs in a second.
pub const NODE_PODS_QUESTION: Duration = Duration::from_secs(15);

/// Pods that stay unbound longer are withdrawn: their host has no room after all.
pub const UNBOUND: Duration = Duration::from_secs(10);

/// How long a node must be missing before its pods count as lost: kube-controller-manager's pod garbage collector waits as
/// long (`quarantineTime`), for a node that is deleted by mistake and registers again.
pub const HOST_GONE: Duration = Duration::from_secs(40);

/// Pause between two reads of one definition: jobs submitted in the meantime share the next one.
pub const PAUSE_BETWEEN_DEFINITION_READS: Duration = Duration::from_millis(200);

/// How long a deleted revision is kept at least: a job that was given it by another leader a moment before is seen by then.
pub const REVISION_GRACE: Duration = Duration::from_secs(300);

/// How long nothing may be heard of a pod without a host before the API server is asked about it: longer than a loaded
/// kube-scheduler takes.
pub const SILENCE: Duration = Duration::from_secs(60);

/// How long an attempt may take from its host to a running container when the administrator says nothing else: a large image
/// on a slow link is pulled by then; pulls that go on are not failures and are given longer.
pub const START_LIMIT: Duration = Duration::from_secs(300);

/// Pause between two questions about a container that is still being made after its limit: mounts and pulls take minutes.
pub const PAUSE_BETWEEN_QUESTIONS: Duration = Duration::from_secs(60);

/// How long a finished Job is kept when nobody says otherwise: AWS Batch shows finished jobs for 24 hours.
pub const TIME_TO_LIVE: Duration = Duration::from_secs(86_400);

/// Pause before the deletion of an expired Job is tried again that another job still has to read, or that failed.
pub const PAUSE_BETWEEN_EXPIRIES: Duration = Duration::from_secs(30);

/// By how much the kubelet's clock and ours may differ before a timeout is told by ours: a timeout never comes early by more
/// than clocks are apart, and a spell in which we saw nothing never lengthens it by more than this.
pub const CLOCKS_APART: Duration = Duration::from_secs(60);

/// From the request to stop a container to its end: 30 s of grace (SPEC.md J5), and as much again for a busy kubelet.
pub const KILL_GRACE: Duration = Duration::from_secs(60);

/// Taints told one by one in a reason: all that there usually are, and few enough to be read.
pub const TAINTS_TOLD: usize = 3;

/// Hosts told one by one where they are kept for a job: a multi-node job may wait for a thousand.
pub const HOSTS_TOLD: usize = 5;

/// Waiting jobs listed in their queue's status, with their place in line (SPEC.md, Status): some 12 KiB, written every few
/// seconds at most.
pub const WAITING_LISTED: usize = 100;

/// Shares listed in their queue's status, those that used most for their weight: some 15 KiB. A restart forgets what the others
/// used before, which is less.
pub const SHARES_LISTED: usize = 100;

/// Shares of one queue that may have unfinished jobs: AWS Batch's limit, and a pass looks at each.
pub const ACTIVE_SHARES: usize = 500;

/// Pause between two writes of what a queue's shares use: so much of the past a restart may not know.
pub const PAUSE_BETWEEN_SHARES: Duration = Duration::from_secs(60);

/// The shortest time over which a share's past use is forgotten (`shareDecaySeconds`): AWS Batch's.
pub const SHORTEST_DECAY: Duration = Duration::from_secs(600);

/// Unfinished jobs, children counted, that the whole installation holds (SPEC.md J10): intervals and shapes keep a pass cheap
/// up to there, which the benchmark shows.
pub const UNFINISHED_TASKS: u64 = 1_000_000;

/// Job objects that are not finished: what an etcd of the usual size holds at 30 KiB each, next to everything else.
pub const UNFINISHED_JOBS: usize = 100_000;

/// How long a machine stays idle before it goes when nobody says otherwise: a job that comes a moment later finds it, and it does
/// not cost much more than the minute that clouds charge at least.
pub const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// Machines of one environment that are decided and not settled yet: some 20 KiB in its status, and with two minutes each up to
/// 6,000 machines an hour.
pub const LAUNCHES_LISTED: usize = 200;

/// How long a machine may take to have a node: Karpenter gives up after as long (its registration time limit), and so does
/// Cluster Autoscaler (`--max-node-provision-time`).
pub const LAUNCH_PATIENCE: Duration = Duration::from_secs(900);

/// How long a node class may be looked at by nobody: Karpenter reads its subnets, images and groups in seconds.
pub const NODE_CLASS_PATIENCE: Duration = Duration::from_secs(120);

/// By when a machine that is let go is gone: clouds take minutes to end one, and a simulated node takes no more jobs for two
/// minutes first.
pub const REMOVAL_PATIENCE: Duration = Duration::from_secs(600);

/// How long after a complete list of pods one of them may be found to have waited for its node for too long: what a list shows
/// may be older than what happened while nothing was heard, and a loaded kube-scheduler takes seconds to bind what can be bound.
pub const LIST_GRACE: Duration = Duration::from_secs(60);

/// First and longest pause before a machine is asked for again after one could not be had: clouds' own limits on requests, and
/// people who mend a node class, work in minutes.
pub const LAUNCH_PAUSE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));
