//! What a sequence is made of: requests of the operator's, and what others do in between.

use fastrand::Rng;
use windlass_core::action::Held;

/// One step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// The operator sends a request.
    Ask(Ask),
    /// Somebody else does something.
    Meanwhile(Deed),
}

/// A launch of a task of one of the two jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Task {
    /// The child of the array; `None` for the single job.
    pub(crate) child: Option<u32>,
    pub(crate) attempt: u8,
    pub(crate) launch: u16,
}

/// Which job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Which {
    Single,
    Array,
    /// One that never was.
    Missing,
}

/// In which namespace something is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Here,
    /// One that is being deleted.
    Ending,
    /// One that never was.
    Missing,
}

/// Whether a request names the object by its identity, or another that had the name before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    Right,
    Wrong,
}

/// Which version a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// The last one the operator has seen: it may be old news.
    Seen,
    /// One before that.
    Older,
}

/// Identity and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Aim {
    pub(crate) identity: Identity,
    pub(crate) version: Version,
}

/// A request of the operator's; numbers choose among a few contents.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    CreatePod(Task, Place),
    ReadPod(Task),
    DeletePod(Task, Identity, Option<Version>),
    StopPod(Task, Aim),
    ReleasePod(Task, Identity, bool),
    ReadJob(Which),
    WriteJob(Which, Aim, u8),
    DeleteJob(Which, Aim),
    ReadRecord(u32),
    WriteRecord(u32, Option<Version>, u8, Place),
    ReadDefinition,
    WriteDefinition(Aim, u8),
    CreateRevision(u32, u8, Place),
    ReadRevision(u32),
    WriteQueue(Aim, u8),
    WriteEnvironment(Aim, u8),
    Hold(Held, Aim, bool),
}

/// What users, kubelets and administrators do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    DeleteJob(Which, How),
    DeletePod(Task),
    /// kube-scheduler, or somebody in its place, binds it.
    Bind(Task),
    /// Its container ends, with exit code 0 or 1.
    Finish(Task, bool),
    /// The kubelet says that a deleted pod has stopped.
    Stopped(Task),
    /// Somebody strips the finalizers and deletes with no grace.
    Remove(Task),
    EditQueue(u8),
    DeleteQueue,
    DeleteEnvironment,
    DeleteDefinition,
}

/// `kubectl delete --cascade`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Background,
    Foreground,
    Orphan,
}

/// First indexes of the records there may be.
pub(crate) const RECORDS: [u32; 2] = [0, 250];
/// Numbers of the revisions there may be.
pub(crate) const REVISIONS: [u32; 2] = [1, 2];

/// The steps of a sequence.
pub(crate) fn steps(seed: u64, number: usize) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed);
    (0..number).map(|_| step(&mut rng)).collect()
}

fn step(rng: &mut Rng) -> Step {
    if rng.u32(0..4) == 0 { Step::Meanwhile(deed(rng)) } else { Step::Ask(ask(rng)) }
}

fn ask(rng: &mut Rng) -> Ask {
    match rng.u32(0..28) {
        0..4 => Ask::CreatePod(task(rng), place(rng)),
        4 => Ask::ReadPod(task(rng)),
        5 => Ask::DeletePod(task(rng), identity(rng), (rng.bool()).then(|| version(rng))),
        6..9 => Ask::ReleasePod(task(rng), identity(rng), rng.bool()),
        9 => Ask::ReadJob(which(rng)),
        10..14 => Ask::WriteJob(which(rng), aim(rng), rng.u8(..)),
        14 => Ask::ReadRecord(RECORDS[rng.usize(0..RECORDS.len())]),
        15..18 => {
            let version = rng.bool().then(|| version(rng));
            // What is to be replaced is here.
            let place = if version.is_some() { Place::Here } else { place(rng) };
            Ask::WriteRecord(RECORDS[rng.usize(0..RECORDS.len())], version, rng.u8(..), place)
        }
        18 => Ask::ReadDefinition,
        19 => Ask::WriteDefinition(aim(rng), rng.u8(..)),
        20..22 => Ask::CreateRevision(REVISIONS[rng.usize(0..REVISIONS.len())], rng.u8(..), place(rng)),
        22 => Ask::ReadRevision(REVISIONS[rng.usize(0..REVISIONS.len())]),
        23 => Ask::WriteQueue(aim(rng), rng.u8(..)),
        24 => Ask::WriteEnvironment(aim(rng), rng.u8(..)),
        25 => Ask::StopPod(task(rng), aim(rng)),
        // Not often: with the job most of what can be tried is gone.
        26 if rng.u32(0..4) == 0 => Ask::DeleteJob(which(rng), aim(rng)),
        _ => {
            let held = [Held::Queue, Held::Environment, Held::Revision][rng.usize(0..3)];
            Ask::Hold(held, aim(rng), rng.bool())
        }
    }
}

fn deed(rng: &mut Rng) -> Deed {
    match rng.u32(0..24) {
        0 => {
            let how = [How::Background, How::Foreground, How::Orphan][rng.usize(0..3)];
            Deed::DeleteJob(if rng.bool() { Which::Single } else { Which::Array }, how)
        }
        1..4 => Deed::DeletePod(task(rng)),
        4..9 => Deed::Bind(task(rng)),
        9..14 => Deed::Finish(task(rng), rng.bool()),
        14..17 => Deed::Stopped(task(rng)),
        17 => Deed::Remove(task(rng)),
        18..21 => Deed::EditQueue(rng.u8(1..4)),
        21 => Deed::DeleteQueue,
        22 => Deed::DeleteEnvironment,
        _ => Deed::DeleteDefinition,
    }
}

fn task(rng: &mut Rng) -> Task {
    match rng.u32(0..5) {
        0 | 1 => Task { child: None, attempt: 1, launch: 0 },
        2 => Task { child: None, attempt: 1, launch: 1 },
        _ => Task { child: Some(rng.u32(0..2)), attempt: 1, launch: 0 },
    }
}

/// Every launch that a sequence may have.
pub(crate) fn tasks() -> Vec<Task> {
    let single = [0, 1].map(|launch| Task { child: None, attempt: 1, launch });
    let children = [0, 1].map(|child| Task { child: Some(child), attempt: 1, launch: 0 });
    single.into_iter().chain(children).collect()
}

fn which(rng: &mut Rng) -> Which {
    [Which::Single, Which::Single, Which::Array, Which::Array, Which::Missing][rng.usize(0..5)]
}

fn place(rng: &mut Rng) -> Place {
    match rng.u32(0..12) {
        0 => Place::Ending,
        1 => Place::Missing,
        _ => Place::Here,
    }
}

fn identity(rng: &mut Rng) -> Identity {
    if rng.u32(0..6) == 0 { Identity::Wrong } else { Identity::Right }
}

fn version(rng: &mut Rng) -> Version {
    if rng.u32(0..5) == 0 { Version::Older } else { Version::Seen }
}

fn aim(rng: &mut Rng) -> Aim {
    Aim { identity: identity(rng), version: version(rng) }
}
