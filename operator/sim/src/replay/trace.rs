//! Recorded workloads in the Standard Workload Format of the Parallel Workloads Archive: a line a job, 18 numbers, `;` begins a
//! comment, -1 is "not known" (Chapin et al., "Benchmarks and standards for the evaluation of parallel job schedulers", 1999).

/// One job of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceJob {
    /// Seconds since the first submission.
    pub submitted_at: u64,
    /// Seconds its processors were busy.
    pub runs_for: u64,
    /// Seconds that its user asked for; at least `runs_for`.
    pub asked_for: u64,
    /// Processors, each a vCPU.
    pub vcpus: u64,
    /// Its user's number; -1 when not known.
    pub user: i64,
}

impl TraceJob {
    /// vCPUs times seconds.
    pub const fn work(&self) -> u64 {
        self.vcpus * self.runs_for
    }
}

/// A workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// Its jobs, in order of submission.
    pub jobs: Vec<TraceJob>,
    /// Jobs left out because they never ran.
    pub never_ran: usize,
    /// Jobs left out because they need more vCPUs than one host has, and their work.
    pub too_large: (usize, u64),
}

/// The shortest timeout that Windlass takes, in seconds.
const SHORTEST_TIMEOUT: u64 = 60;

impl Trace {
    /// Reads a trace. Left out is what never ran, and what does not fit a host of so many vCPUs.
    ///
    /// # Errors
    /// When a line is not one of the format, in words, with its number.
    pub fn read(text: &str, host_vcpus: u64) -> Result<Trace, String> {
        let mut trace = Trace::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(';') {
                continue;
            }
            let job = job(line).map_err(|error| format!("line {}: {error}", number + 1))?;
            match job {
                None => trace.never_ran += 1,
                Some(job) if job.vcpus > host_vcpus => {
                    trace.too_large = (trace.too_large.0 + 1, trace.too_large.1 + job.work());
                }
                Some(job) => trace.jobs.push(job),
            }
        }
        trace.jobs.sort_by_key(|job| job.submitted_at);
        let first = trace.jobs.first().map_or(0, |job| job.submitted_at);
        trace.jobs.iter_mut().for_each(|job| job.submitted_at -= first);
        if trace.jobs.is_empty() { Err("no job in it can be replayed".to_owned()) } else { Ok(trace) }
    }

    /// vCPUs times seconds of all jobs.
    pub fn work(&self) -> u64 {
        self.jobs.iter().map(TraceJob::work).sum()
    }

    /// Seconds from the first submission to the last.
    pub fn span(&self) -> u64 {
        self.jobs.last().map_or(0, |job| job.submitted_at).max(1)
    }

    /// The share of so many vCPUs that its jobs keep busy if none waits.
    pub fn load(&self, vcpus: u64) -> f64 {
        self.work() as f64 / (vcpus * self.span()) as f64
    }
}

/// One line; `None` for a job that never ran.
fn job(line: &str) -> Result<Option<TraceJob>, String> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| -> Result<f64, String> {
        let text = fields.get(at - 1).ok_or_else(|| format!("{} of 18 numbers", fields.len()))?;
        text.parse().map_err(|_| format!("'{text}' is no number"))
    };
    let (submitted, runs, allocated) = (number(2)?, number(4)?, number(5)?);
    let (requested, asked, user) = (number(8)?, number(9)?, number(12)?);
    let vcpus = if allocated > 0.0 { allocated } else { requested };
    if runs < 1.0 || vcpus < 1.0 {
        return Ok(None);
    }
    if submitted < 0.0 {
        return Err(format!("submitted at {submitted}"));
    }
    // What overran its limit was stopped then, or a little later: here it is let end as it did.
    let (runs_for, asked_for) = (runs as u64, asked.max(0.0) as u64);
    Ok(Some(TraceJob {
        submitted_at: submitted as u64,
        runs_for,
        asked_for: asked_for.max(runs_for).max(SHORTEST_TIMEOUT),
        vcpus: vcpus as u64,
        user: user as i64,
    }))
}
