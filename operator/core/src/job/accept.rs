//! Taking a submission in: its queue, its definition, the revision it runs with (SPEC.md J2, D1, Q1).

use super::{Job, Terms, Urgency, adopt};
use crate::agenda::Item;
use crate::array::Intervals;
use crate::catalog::Environment;
use crate::desk::Desk;
use crate::ids::{Name, Uid};
use crate::limits::{ACTIVE_SHARES, UNFINISHED_JOBS, UNFINISHED_TASKS};
use crate::mutant::{self, Mutant};
use crate::objects::{JobSpec, Nodes, PinnedRevision, RevisionContent};
use crate::schedule::{OrderKey, Shape, Waiting};
use crate::units::Resources;
use std::cmp::Reverse;
use std::sync::Arc;

/// Accepts the job if all it refers to is there; else says what it waits for, or why it fails.
pub(crate) fn accept(job: &mut Job, desk: &mut Desk) {
    if let Some(fault) = job.spec.fault.clone() {
        return job.fail("InvalidSubmission", fault, desk);
    }
    if let Some(words) = over_limit(job, desk) {
        return job.fail("LimitExceeded", words, desk);
    }
    let Some(queue) = desk.queues.find(&Name::default(), &job.spec.queue) else {
        return job.wait_for(Waiting::QueueNotFound(job.spec.queue.name.clone()), desk);
    };
    let name = queue.display_name().clone();
    let (uid, enabled, deleting) = (queue.observed.uid, queue.observed.enabled, queue.observed.deleting);
    if !enabled || deleting {
        let state = if deleting { "being deleted" } else { "DISABLED" };
        let words = format!(
            "job queue {name} is {state} and takes no new jobs: submit to another queue, or enable it first"
        );
        return job.fail("QueueDisabled", words, desk);
    }
    if let Some((reason, words)) = wrong_share(job, uid, desk) {
        return job.fail(reason, words, desk);
    }
    join(job, uid, desk);
    if let Some(pinned) = choose_revision(job, desk) {
        job.pinned = Some(desk.pins.one(Arc::new(pinned)));
        if !learn_need(job, desk) {
            return;
        }
        if let Some(words) = only_spot(job, uid, desk) {
            return job.fail("SpotOnly", words, desk);
        }
        begin(job, desk);
        job.milestones.accepted.get_or_insert(desk.now.to_second());
        job.waits_for = None;
        job.report.ask(Urgency::Patient);
        enter_queue(job, desk);
        adopt::meet_pods(job, desk);
    }
}

/// Its tasks leave SUBMITTED: to wait for other jobs, or for capacity.
fn begin(job: &mut Job, desk: &mut Desk) {
    let submitted = std::mem::take(&mut job.tasks.submitted);
    // How many nodes a multi-node job has is known only now.
    let begun = if job.nodes.is_some() { Intervals::below(job.size()) } else { submitted };
    if job.dependencies.is_empty() {
        job.tasks.runnable.extend(&begun);
    } else {
        job.tasks.pending.extend(&begun);
        desk.agenda.mark(Item::Job(job.uid));
    }
}

/// Why the queue can never run a multi-node job, in words: all its environments have SPOT instances (SPEC.md M6).
fn only_spot(job: &Job, queue: Uid, desk: &Desk) -> Option<String> {
    let queue = desk.queues.get(queue).filter(|_| job.nodes.is_some())?;
    let references = queue.observed.environments.iter();
    let mut environments = references.map(|reference| desk.environments.find(&Name::default(), reference));
    let is_spot = |found: &Environment| found.observed.managed.as_ref().is_some_and(|managed| managed.spot);
    let all_are =
        !queue.observed.environments.is_empty() && environments.all(|found| found.is_some_and(is_spot));
    all_are.then(|| {
        format!(
            "all compute environments of job queue {} have SPOT instances, on which multi-node jobs do not run: submit it to \
             another queue",
            queue.display_name()
        )
    })
}

/// What is wrong with the share that the job gives, or does not give: a fair-share queue takes only jobs with one, another only
/// jobs without, as AWS Batch has it.
fn wrong_share(job: &Job, queue: Uid, desk: &Desk) -> Option<(&'static str, String)> {
    let known = desk.queues.get(queue).filter(|_| !mutant::is(Mutant::ShareNotChecked))?;
    let name = known.display_name();
    match (&known.observed.policy, &job.spec.share) {
        (Some(_), None) => Some((
            "ShareIdentifierMissing",
            format!("job queue {name} is a fair-share queue: submit the job again with a shareIdentifier"),
        )),
        (None, Some(share)) => Some((
            "ShareIdentifierRefused",
            format!(
                "job queue {name} has no scheduling policy and so no share {share}: submit the job again without \
                 shareIdentifier, or to a fair-share queue"
            ),
        )),
        (Some(_), Some(share)) => {
            let shares = desk.shares.active(queue);
            let is_too_many = shares >= ACTIVE_SHARES && !desk.shares.has_unfinished(queue, share);
            is_too_many.then(|| {
                let words = format!(
                    "{shares} shares of job queue {name} have unfinished jobs, and {share} is another: at most \
                     {ACTIVE_SHARES} are taken; use one of those, or submit the job again once some have ended"
                );
                ("LimitExceeded", words)
            })
        }
        (None, None) => None,
    }
}

/// The job is of this queue: its share and its priority count if the queue looks at them.
fn join(job: &mut Job, queue: Uid, desk: &mut Desk) {
    job.queue = Some(queue);
    let is_fair = desk.queues.get(queue).is_some_and(|queue| queue.observed.policy.is_some());
    let share = job.spec.share.clone().filter(|_| is_fair).unwrap_or_default();
    let shape = Shape { share, ..job.terms.shape.clone() };
    job.agree(Terms { shape, ..(*job.terms).clone() }, desk);
    let ignored = !is_fair || mutant::is(Mutant::SharePriorityIgnored);
    let order = OrderKey { priority: Reverse(if ignored { 0 } else { job.terms.priority }), ..job.order };
    if desk.patient.remove(&(job.order, job.uid)) {
        desk.patient.insert((order, job.uid));
    }
    job.order = order;
}

/// Which limit of the installation the job would break (SPEC.md J10), in words.
fn over_limit(job: &Job, desk: &Desk) -> Option<String> {
    let (tasks, jobs) = (desk.unfinished_tasks(), desk.unfinished_jobs());
    let size = u64::from(job.size());
    if tasks + size > UNFINISHED_TASKS {
        return Some(format!(
            "{tasks} jobs and children are unfinished and this one has {size}: at most {UNFINISHED_TASKS} are \
             taken; submit it again once some have ended"
        ));
    }
    (jobs >= UNFINISHED_JOBS).then(|| {
        format!(
            "{jobs} Jobs are unfinished: at most {UNFINISHED_JOBS} are taken; make arrays of them, or submit it \
             again once some have ended"
        )
    })
}

/// The revision the job is to run with: read from the API server after the job was first seen, so that a change of the
/// definition that came before the job counts.
fn choose_revision(job: &mut Job, desk: &mut Desk) -> Option<PinnedRevision> {
    let reference = job.spec.definition.clone();
    let Some(definition) = desk.definitions.find(&job.key.namespace, &reference) else {
        job.wait_for(Waiting::DefinitionNotFound(reference.name), desk);
        return None;
    };
    let uid = definition.observed.uid;
    if !desk.take_fresh_definition(job.uid, uid) && !mutant::is(Mutant::StaleDefinition) {
        desk.read_definition_for(job.uid, uid);
        return None;
    }
    let definition = desk.definitions.get(uid)?;
    let name = definition.display_name().clone();
    if !definition.observed.active {
        let words = format!(
            "job definition {name} is INACTIVE (deregistered) and takes no new jobs: set its state to ACTIVE"
        );
        return refuse(job, "DefinitionInactive", words, desk);
    }
    let Some(number) = reference.revision.or_else(|| definition.latest_active(&desk.revisions)) else {
        let words = format!("job definition {name} has no ACTIVE revision: all are in its inactiveRevisions");
        return refuse(job, "DefinitionInactive", words, desk);
    };
    if definition.observed.inactive_revisions.contains(&number) {
        let words = format!(
            "revision {number} of job definition {name} is INACTIVE (deregistered): use another revision"
        );
        return refuse(job, "DefinitionInactive", words, desk);
    }
    let Some(revision) = definition.revision(number, &desk.revisions) else {
        let latest = definition.latest(&desk.revisions).map_or(0, |latest| latest.number);
        let words = format!("job definition {name} has no revision {number}; its latest is {latest}");
        return refuse(job, "RevisionNotFound", words, desk);
    };
    let pinned = PinnedRevision {
        definition: name,
        number,
        name: revision.observed.key.name.clone(),
        uid: revision.observed.uid,
    };
    Some(pinned)
}

fn refuse(job: &mut Job, reason: &str, words: String, desk: &mut Desk) -> Option<PinnedRevision> {
    job.fail(reason, words, desk);
    None
}

/// Works out what the job needs with its revision; false when it fails instead.
pub(crate) fn learn_need(job: &mut Job, desk: &mut Desk) -> bool {
    let Some(pinned) = job.pinned.clone() else { return false };
    let Some(revision) = desk.revisions.get(pinned.uid) else {
        let words = format!(
            "revision {} of job definition {} is gone: somebody removed it by force",
            pinned.number, pinned.definition
        );
        job.fail("RevisionLost", words, desk);
        return false;
    };
    let content = &revision.observed.content;
    if let Some(fault) = content.fault.clone() {
        job.fail("InvalidDefinition", fault, desk);
        return false;
    }
    let (nodes, need) = match nodes_and_need(&job.spec, content, &pinned) {
        Ok(found) => found,
        Err((reason, words)) => {
            job.fail(reason, words, desk);
            return false;
        }
    };
    let terms = Terms {
        shape: Shape {
            share: job.terms.shape.share.clone(),
            need,
            nodes: nodes.as_ref().map(|nodes| nodes.count),
            instance_type: nodes.as_ref().and_then(|nodes| nodes.instance_type.clone()),
        },
        priority: job.spec.priority.or(content.priority).unwrap_or(0),
        retry: job.spec.retry.clone().or_else(|| content.retry.clone()).unwrap_or_default(),
        timeout: job.spec.timeout.or(content.timeout),
    };
    job.nodes = nodes.map(Arc::new);
    job.agree(terms, desk);
    true
}

/// The nodes of a multi-node job, and what each task of a job needs; else the reason why the two do not go together, and words.
fn nodes_and_need(
    spec: &JobSpec,
    content: &RevisionContent,
    pinned: &PinnedRevision,
) -> Result<(Option<Nodes>, Resources), (&'static str, String)> {
    let name = &pinned.definition;
    let Some(properties) = &content.nodes else {
        if spec.node_overrides.is_some() {
            let words = format!(
                "job definition {name} has no nodeProperties: use containerOverrides in place of nodeOverrides"
            );
            return Err(("InvalidSubmission", words));
        }
        let request = spec.overrides.or(content.resources);
        let need = request.resources().ok_or_else(|| {
            let missing = if request.cpu_millis.is_none() { "vcpus" } else { "memory" };
            let words = format!(
                "revision {} of job definition {name} and the job give no {missing}: set containerProperties.{missing} or \
                 containerOverrides.{missing}",
                pinned.number
            );
            ("InvalidDefinition", words)
        })?;
        return Ok((None, need));
    };
    if spec.size.is_some() {
        let words = format!(
            "job definition {name} is of type multinode, whose jobs are no arrays: leave arrayProperties out, or use another \
             definition"
        );
        return Err(("ArrayOfMultiNodeJobs", words));
    }
    if spec.changes_container {
        let words = format!(
            "job definition {name} is of type multinode: use nodeOverrides in place of containerOverrides"
        );
        return Err(("InvalidSubmission", words));
    }
    let overrides = spec.node_overrides.as_deref().cloned().unwrap_or_default();
    let reason = if spec.node_overrides.is_some() { "InvalidSubmission" } else { "InvalidDefinition" };
    let nodes = Nodes::of(properties, &overrides).map_err(|words| (reason, words))?;
    let need = nodes.largest_need();
    Ok((Some(nodes), need))
}

/// Puts the job in the line of its queue, once that exists (again).
pub(crate) fn enter_queue(job: &mut Job, desk: &mut Desk) {
    match desk.queues.find(&Name::default(), &job.spec.queue).map(|queue| queue.observed.uid) {
        Some(queue) => join(job, queue, desk),
        None => {
            job.queue = None;
            job.wait_for(Waiting::QueueNotFound(job.spec.queue.name.clone()), desk);
        }
    }
    desk.stand_in_line(job);
}
