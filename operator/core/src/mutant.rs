//! Wrong versions of decisions, compiled only with the feature `mutants`: the simulator must catch each of them, or its checks
//! are too weak. Each stands for a bug that somebody shipped, or for an invariant (I0 to I13).

/// Declares the mutants: their doc comments say what they do wrong, and are printed in the table.
macro_rules! mutants {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// One wrong decision.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Mutant] = &[$(Mutant::$name,)+];

            /// What it does wrong, and what it stands for.
            pub const fn words(self) -> &'static str {
                match self {
                    $(Mutant::$name => concat!($($doc),+),)+
                }
            }
        }
    };
}

mutants! {
    /// All nodes of a multi-node job are let go at once (SPEC.md M3).
    NodesStartTogether,
    /// Pods are let go before it is recorded which they are (I1; two leaders, a restart).
    LaunchStandsUnrecorded,
    /// A restart uses the serial of a launch that did not stand again (I1; StatefulSets of two processes).
    NodeLaunchUsedAgain,
    /// The other nodes run on when the main node has ended (SPEC.md M4).
    OtherNodesRunOn,
    /// All nodes start anew although some of the last attempt still run (SPEC.md M5; I1).
    NextAttemptAtOnce,
    /// What a container exits with that its kubelet started again counts as its end (SPEC.md M4; a lost sandbox).
    SecondRunBelieved,
    /// StatefulSets whose launch is over are left behind.
    SetsLeftBehind,
    /// A pod is created before the status that decided it is confirmed (I1; kubernetes#44887, two leaders).
    CreateWithoutFence,
    /// A create is sent however long ago it was confirmed (I1; a paused leader).
    FenceWindowIgnored,
    /// A finished pod guards its name for a second only (I1; a delayed create lands when the name is free again).
    TombstoneTooShort,
    /// A withdrawn launch's name is used again (Volcano#5986, name reuse).
    NameUsedAgain,
    /// The serial of the next launch is not kept, so that a restart uses a name again (Volcano#5973).
    LaunchSerialForgotten,
    /// A pod of somebody else under the wanted name is taken for ours (LLMKube#1405; DESIGN.md, rule 5).
    ForgedPodBelieved,
    /// A pod of somebody else under the wanted name has the launch withdrawn (I1; an earlier create lands once that pod is gone).
    ForeignPodWithdraws,
    /// A launch whose create was never answered counts as not made (commit_unknown_result; I1).
    UnansweredCreateIsNone,
    /// A restart does not reckon with creates of the process before it (Sieve, intermediate state).
    OpenCreatesForgotten,
    /// A task ends on order while a create of its pod may still land (I7; a container runs after the end).
    StopIgnoresOpenCreates,
    /// A cancel stops what runs (SPEC.md J7).
    CancelStopsRunning,
    /// A stop that the status has acknowledged is forgotten by a restart (Sieve, intermediate state).
    StopForgotten,
    /// The timeout is counted from the creation of the pod (I9; activeDeadlineSeconds).
    TimeoutFromCreation,
    /// An attempt that ran too long is tried again (I9; AWS: a timed-out job is not retried).
    TimeoutRetried,
    /// A process that did not see the container start halves its timeout (I13; Armada#315).
    TimeoutShortenedByRestart,
    /// A process that did not see the container start forgets its timeout (I9).
    TimeoutForgotten,
    /// A container that cannot start is waited for for ever (I0).
    StartWaitedForForEver,
    /// An unreachable node counts as gone (I1; KEP-2268, kubernetes#19511).
    UnreachableIsGone,
    /// A deletion time stamp counts as the end of the container (I1; KEP-3939).
    DeletionStampIsEnd,
    /// A pod that is not seen counts as removed, the API server is not asked (I4; Volcano#3357).
    AbsentPodIsGone,
    /// A removed pod's attempt is over at once, although its create may land again (I1).
    RemovedPodIsOverAtOnce,
    /// A read of a pod that failed counts as: there is none (DESIGN.md, rule 12).
    UnknownPodIsGone,
    /// A read of a job that failed counts as: there is none (DESIGN.md, rule 12).
    UnknownJobIsGone,
    /// A status write that met a conflict counts as done (I1; kubernetes#105200).
    ConflictIsSuccess,
    /// A status write of unknown outcome counts as done (I1; commit_unknown_result).
    UnknownIsSuccess,
    /// A record write that met a conflict counts as done (I6).
    RecordConflictIsSuccess,
    /// A record that somebody else has written is replaced (I6; blind PATCH).
    RecordOverwritten,
    /// A child counts as ended before its record is written (DESIGN.md, rule 5; KEP-2307).
    StatusBeforeRecord,
    /// A pod is released before the status that tells its end is written (I6; Volcano#791).
    ReleaseBeforeStatus,
    /// An attempt that is over is counted again when its pod is seen again (kubernetes#105200).
    CountedTwice,
    /// What uses a host is counted up and down (I3; Kueue#14609).
    UsageCounted,
    /// A pass forgets what it has placed on a host itself (I3; Kueue#1450).
    OverAdmission,
    /// Pods that are being deleted use no room (I3; KEP-3939, terminating pods uncounted).
    TerminatingUsesNothing,
    /// A job that has ended is ended again by a stop (I5; kubernetes#123775).
    FinalStateOverwritten,
    /// The outcome of a job that is waited for is taken before it is written (I4).
    UnwrittenOutcomeTaken,
    /// N_TO_N waits for the neighbour (I4; index shift).
    NToNOffByOne,
    /// SEQUENTIAL lets two children run (I4).
    SequentialRunsTwo,
    /// Nobody tells those that wait for a job that it has ended (I11; Kueue, stuck).
    DependentNotWoken,
    /// Jobs that wait for each other are not found out (I0).
    CycleNotSeen,
    /// A job that is waited for and deleted is waited for for ever (I4).
    DeletedDependencyWaitedFor,
    /// A job expires that another one still has to read (I4; TTL before the dependent looked).
    ExpiryLosesOutcome,
    /// A job expires before its end is written (I6).
    ExpiryBeforeStatus,
    /// A job expires that Git owns (DESIGN.md, API: it would run again).
    KeptJobExpires,
    /// A finished job never expires (I8; kubernetes#109429).
    NeverExpires,
    /// A revision is released while a job runs with it (SPEC.md D1).
    RevisionReleasedInUse,
    /// A job takes the definition as it was before the job was submitted (SPEC.md D1, stale cache).
    StaleDefinition,
    /// The queue of highest priority is served last (SPEC.md Q2).
    PriorityReversed,
    /// The job submitted last is served first (SPEC.md Q3; I11).
    OrderReversed,
    /// The weights of shares are ignored (SPEC.md Q4).
    WeightIgnored,
    /// What a share used before does not count (SPEC.md Q4; shareDecaySeconds).
    PastUseForgotten,
    /// Shares take what is kept for those that are not active (SPEC.md Q4; computeReservation).
    ReservationIgnored,
    /// A pass forgets what it has given to a share itself (SPEC.md Q4; the first share takes all).
    ShareOfPassForgotten,
    /// Within a share the priority is ignored (SPEC.md Q4; schedulingPriority).
    SharePriorityIgnored,
    /// A job without a share, or with one where there are none, is taken (SPEC.md Q4).
    ShareNotChecked,
    /// Room is kept for a job only while it is its share's turn (SPEC.md, Order; its share's small jobs starve it).
    ReservationLostWithTurn,
    /// A host that is kept free for a large job is taken by any other (SPEC.md, Order; a promised start is not kept).
    KeptHostTaken,
    /// The vCPUs that machines leave for a large one are taken for small ones (SPEC.md, Order; a promised start is not kept).
    VcpusNotHeld,
    /// A pause of all admission is ignored (DESIGN.md, rule 15).
    PauseIgnored,
    /// Machines on their way do not count (SPEC.md C2; maxvCpus exceeded while launches race).
    LaunchesNotCounted,
    /// A machine with jobs on it is let go (SPEC.md C2; a node removed under a running job).
    BusyMachineRemoved,
    /// The largest machine is bought, not the smallest that fits (SPEC.md C2).
    LargestTypeBought,
    /// A machine is asked for before that is written down (DESIGN.md, rule 3; two leaders buy twice).
    MachineWithoutBooks,
    /// The serial number of the machine decided last is not kept, so that a name is used again (Volcano#5973).
    MachineSerialReused,
    /// A restart does not reckon with machines that the process before it decided (Sieve, intermediate state).
    LaunchesForgotten,
    /// A machine that is not seen counts as never made, the API server is not asked (I4; Volcano#3357).
    UnseenMachineIsNone,
    /// A machine that came and went may be made again by a request under way, and does not count (commit_unknown_result).
    GoneMachineForgotten,
    /// What was decided before a change of maxvCpus or state is done all the same (SPEC.md C2, C4).
    OldMaximumBought,
    /// A DISABLED environment scales out (SPEC.md C4).
    DisabledScalesOut,
    /// A machine that is to go is given jobs (SPEC.md C2; a node removed under a running job).
    LeavingMachineTakesJobs,
    /// A machine is removed as soon as it takes no more jobs, whatever another leader has just placed there (SPEC.md C2).
    RetiredRemovedAtOnce,
    /// Replicas are asked for as so many more, not as a number (DESIGN.md, rule 3; two leaders buy twice).
    ReplicasAddedUp,
    /// Replicas are lowered by what the watches show, which are not in step (SPEC.md C2; a machine with a job is taken).
    ScaledInUnseen,
    /// Replicas are lowered before the machine that is to go is marked (SPEC.md C2; Cluster API takes another).
    UnmarkedScaledIn,
    /// Idle machines stay (SPEC.md C2).
    IdleMachineKept,
    /// Machines that are kept are in the way of a job that needs a larger one (I0).
    IdleMachineInTheWay,
    /// What a machine turned out to offer is forgotten with it: one too small is made again and again (I0; SPEC.md C6).
    OfferForgotten,
    /// What a node's device plugin has yet to register counts as not there (Cluster Autoscaler, unready GPUs; I0).
    DevicePluginNotAwaited,
    /// A machine that is there but for its GPUs does not count as on its way: another one is bought (SPEC.md C2, GPU).
    LateGpusBoughtAgain,
    /// A machine that never has a node is waited for for ever (I0).
    MachineWaitedForForEver,
    /// A machine that could not be had is asked for again at once (hot loop).
    FailedLaunchAtOnce,
    /// A machine is asked for before its node class says what is wanted, and is found good (SPEC.md C5).
    ClassNotAwaited,
    /// A process that lags behind has the node class say again what it said before (two leaders; SPEC.md C5).
    OlderClassWritten,
    /// A machine of an older node class is given jobs (SPEC.md C5).
    OutdatedMachineTakesJobs,
    /// A machine of an older node class stays (SPEC.md C5).
    OutdatedMachineKept,
    /// Machines come from a MachineDeployment of an environment's own that says what it wanted before (decision 0008).
    OutdatedDeploymentUsed,
    /// Pods that wait for nodes of somebody else's autoscaler do not count (SPEC.md C2; maxvCpus exceeded).
    AwaitedNotCounted,
    /// A pod waits for a node for ever (I0; an autoscaler that does nothing).
    NodeWaitedForForEver,
    /// Pods go on waiting for nodes that a smaller maxvCpus does not allow any more (SPEC.md C2).
    ExcessAwaited,
    /// Nodes of a multi-node job are placed one by one, as there is room (SPEC.md M2).
    NodesPlacedOneByOne,
    /// Other jobs come to the host of a multi-node job's node (SPEC.md M6).
    HostOfNodeShared,
    /// Nodes of a job go to hosts of any instance type (SPEC.md M6).
    InstanceTypesMixed,
    /// A host that no watch has told of yet counts as gone (I1; it was added for the very pod that is bound there).
    UnheardHostIsGone,
    /// A pod that has been given a node claims nothing there (I3).
    BoundHostNotClaimed,
    /// A cancel leaves a job alone whose pod waits for a node (SPEC.md J7: it is RUNNABLE).
    CancelSparesWaiting,
    /// A status is written again and again (DESIGN.md, rule 8; hot loop).
    HotLoop,
    /// The pods of a deleted job are released at once (I1; a delayed create lands when the name is free again).
    GhostReleasedAtOnce,
    /// A job that is not known counts as gone, the API server is not asked (I4; Volcano#3601).
    UnknownJobIsGhost,
    /// A used-up quota fails the job (a 403 that may pass is no refusal for good).
    QuotaIsFinal,
    /// Rules of evaluateOnExit are ignored (SPEC.md J4).
    ExitRulesIgnored,
    /// One attempt more than allowed (I2).
    OneAttemptTooMany,
    /// A success is tried again (I7; Volcano#791).
    SuccessRetried,
    /// A restart does not read the children's records (I2; agent-stack-k8s#965).
    RecordsNotRead,
    /// Children that wait for others are lost by a restart (I10).
    PendingForgotten,
    /// What the kubelet refused costs an attempt (I2).
    KubeletRefusalCounts,
    /// A queue is let go while jobs are in it (I8).
    QueueReleasedInUse,
    /// A job does not say why it waits (SPEC.md Q5; DESIGN.md, rule 9).
    ReasonNotTold,
    /// Nobody is told that room has become free (I11; Kueue, lost requeue).
    FreedRoomUnnoticed,
    /// A queue or definition that comes later is not noticed (I0).
    LateCatalogUnnoticed,
    /// An answer shows what is known to be gone, and it is believed (Sieve, stale state).
    GoneComesBack,
    /// What a fresh list does not name is kept (Sieve, unobserved state).
    MissedDeletionKept,
    /// A job that is being deleted, held by somebody's finalizer, goes on (I8; KEP-3329).
    DeletionIgnored,
    /// A job that is waited for and not seen yet counts as gone (I4; a stale "missing" is not safe).
    UnseenJobIsLost,
    /// A stop written on a pod is not understood after its writer died (I9; verdict before the kill).
    EndingForgotten,
}

#[cfg(feature = "mutants")]
thread_local! {
    static ACTIVE: std::cell::Cell<Option<Mutant>> = const { std::cell::Cell::new(None) };
}

/// Has all cores of this thread decide wrongly in one way, or (`None`) in none.
#[cfg(feature = "mutants")]
pub fn set(mutant: Option<Mutant>) {
    ACTIVE.set(mutant);
}

/// True when this wrong decision is to be made.
#[cfg(feature = "mutants")]
pub(crate) fn is(mutant: Mutant) -> bool {
    ACTIVE.get() == Some(mutant)
}

/// True when this wrong decision is to be made: never.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn is(_: Mutant) -> bool {
    false
}
