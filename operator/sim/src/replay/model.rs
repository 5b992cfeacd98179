//! A workload made by the model of Lublin and Feitelson ("The workload on parallel supercomputers: modeling the characteristics
//! of rigid jobs", JPDC 63(11), 2003), with its parameters for batch jobs. Users and what they ask for are not in that model.

use super::trace::{Trace, TraceJob};
use fastrand::Rng;

/// What is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    /// Jobs.
    pub jobs: usize,
    /// vCPUs of a host: the largest job has as many.
    pub host_vcpus: u64,
    /// vCPUs of all hosts.
    pub vcpus: u64,
    /// The share of them that the jobs keep busy if none waits.
    pub load: f64,
    /// The source of all chance.
    pub seed: u64,
}

/// Of all jobs, those of one vCPU; those whose number of vCPUs is a power of two.
const SERIAL: f64 = 0.2927;
const POWER_OF_TWO: f64 = 0.6686;

/// The binary logarithm of the number of vCPUs: the least, how far below the largest the middle is, and how many are below that.
const LOW: f64 = 1.2;
const MEDIUM_BELOW_HIGH: f64 = 2.5;
const BELOW_MEDIUM: f64 = 0.875;

/// The natural logarithm of the run time is of the first gamma distribution or of the second: the first the seldomer, the more
/// vCPUs a job has.
const SHORT: (f64, f64) = (6.57, 0.823);
const LONG: (f64, f64) = (639.1, 0.0156);
const SHORT_BY_SIZE: (f64, f64) = (-0.003, 0.6986);

/// Longer runs are drawn again: e to this, in seconds, is some two days.
const LONGEST: f64 = 12.0;

/// The natural logarithm of the time between two submissions, at the day's mean rate; longer ones are drawn again.
const GAP: (f64, f64) = (6.0415 * 1.0519, 0.8531);
const LONGEST_GAP: f64 = 13.0;

/// Submissions over the day, which begins at five in the morning, in half hours.
const DAY: (f64, f64) = (6.1271, 5.2740);
const DAY_BEGINS: usize = 10;
const BUCKETS: usize = 48;
const BUCKET_SECONDS: f64 = 1800.0;

/// Users: the second submits half as much as the first, the third a third; every other job is of the user before.
const USERS: i64 = 40;

/// What people ask for, in minutes: round numbers, one to four times what they need.
const ASKED_FOR: [u64; 16] =
    [5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 720, 1080, 1440, 2880, 5760, 11_520];

impl Model {
    /// Makes the workload: the times between submissions are stretched until the load is as wanted, the days stay as they are.
    pub fn make(&self) -> Trace {
        let mut stretch = 1.0;
        // A night more or less at the end makes a difference, but a smaller one each time.
        for _ in 0..4 {
            stretch *= self.draw(stretch).load(self.vcpus) / self.load;
        }
        self.draw(stretch)
    }

    fn draw(&self, stretch: f64) -> Trace {
        let mut rng = Rng::with_seed(self.seed);
        let weights = weights();
        let (mut at, mut user, mut jobs) = (0.0, 1, Vec::new());
        for _ in 0..self.jobs {
            let gap = below(LONGEST_GAP, || gamma(&mut rng, GAP)).exp();
            at = later(at, gap * stretch, &weights);
            let vcpus = self.size(&mut rng);
            let short = SHORT_BY_SIZE.0 * vcpus as f64 + SHORT_BY_SIZE.1;
            let runs = below(LONGEST, || {
                let is_short = rng.f64() <= short;
                gamma(&mut rng, if is_short { SHORT } else { LONG })
            });
            let runs_for = (runs.exp() as u64).max(1);
            let wish = runs_for as f64 * (1.0 + 3.0 * rng.f64());
            if rng.bool() {
                user = by_rank(&mut rng);
            }
            let asked_for = ASKED_FOR.iter().map(|minutes| minutes * 60).find(|asked| *asked as f64 >= wish);
            let asked_for = asked_for.unwrap_or(wish as u64);
            jobs.push(TraceJob { submitted_at: at as u64, runs_for, asked_for, vcpus, user });
        }
        let first = jobs.first().map_or(0, |job| job.submitted_at);
        jobs.iter_mut().for_each(|job| job.submitted_at -= first);
        Trace { jobs, ..Trace::default() }
    }

    fn size(&self, rng: &mut Rng) -> u64 {
        let kind = rng.f64();
        if kind <= SERIAL {
            return 1;
        }
        let high = (self.host_vcpus as f64).log2();
        let medium = (high - MEDIUM_BELOW_HIGH).max(LOW);
        let (from, to) = if rng.f64() <= BELOW_MEDIUM { (LOW, medium) } else { (medium, high) };
        let exponent = from + (to - from).max(0.0) * rng.f64();
        let exponent = if kind <= SERIAL + POWER_OF_TWO { exponent.round() } else { exponent };
        (exponent.exp2().round() as u64).min(self.host_vcpus)
    }
}

/// The rate of submissions in each half hour of the day, 1 on average: the gamma distribution's density, in small steps.
fn weights() -> Vec<f64> {
    const STEPS: usize = 20;
    let (shape, scale) = DAY;
    let density = |x: f64| x.powf(shape - 1.0) * (-x / scale).exp();
    let weight = |bucket: usize| {
        let hour = (bucket + BUCKETS - DAY_BEGINS) % BUCKETS + DAY_BEGINS;
        let step = |step: usize| density(hour as f64 + 0.5 + (step as f64 + 0.5) / STEPS as f64);
        (0..STEPS).map(step).sum::<f64>()
    };
    let weights: Vec<f64> = (0..BUCKETS).map(weight).collect();
    let mean = weights.iter().sum::<f64>() / BUCKETS as f64;
    weights.into_iter().map(|weight| weight / mean).collect()
}

/// The moment until which so many seconds pass at the mean rate: more in a busy half hour, fewer at night.
fn later(mut at: f64, mut seconds: f64, weights: &[f64]) -> f64 {
    loop {
        let bucket = (at / BUCKET_SECONDS).floor();
        let end = (bucket + 1.0) * BUCKET_SECONDS;
        let weight = weights[bucket as usize % BUCKETS];
        if seconds <= (end - at) * weight {
            return at + seconds / weight;
        }
        seconds -= (end - at) * weight;
        at = end;
    }
}

/// Draws again what is too large.
fn below(most: f64, mut draw: impl FnMut() -> f64) -> f64 {
    loop {
        let drawn = draw();
        if drawn <= most {
            return drawn;
        }
    }
}

/// A number of the gamma distribution of a shape of at least 1 and a scale (Marsaglia and Tsang, 2000).
fn gamma(rng: &mut Rng, (shape, scale): (f64, f64)) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        let u = 1.0 - rng.f64();
        if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v * scale;
        }
    }
}

/// A number of the normal distribution (Box and Muller).
fn normal(rng: &mut Rng) -> f64 {
    let (u, v) = (1.0 - rng.f64(), rng.f64());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn by_rank(rng: &mut Rng) -> i64 {
    let all: f64 = (1..=USERS).map(|rank| 1.0 / rank as f64).sum();
    let mut left = rng.f64() * all;
    let found = (1..=USERS).find(|rank| {
        left -= 1.0 / *rank as f64;
        left <= 0.0
    });
    found.unwrap_or(USERS)
}
