//! Reducing a run that breaks a rule to a short one that breaks the same rule.
//!
//! Faults are left out of the mix one by one, then chunks of steps, halving their size down to single steps (delta debugging),
//! then the cluster is made smaller; all again until nothing more can go. The effort is counted in steps, not in seconds, so that
//! the result is the same on every machine.

use crate::faults::Faults;
use crate::plan::{Plan, Size};
use crate::run::{Report, Rule};
use windlass_core::array::Intervals;

/// Steps that may be made in search of a shorter run: less than a minute.
const EFFORT: u64 = 20_000_000;

/// What a run costs beside its steps.
const EFFORT_OF_A_RUN: u64 = 200;

/// A run that was reduced.
#[derive(Debug)]
pub struct Shrunk {
    /// What makes it again.
    pub plan: Plan,
    /// What it does, with its transcript.
    pub report: Report,
    /// Runs made to find it.
    pub runs: u32,
}

/// Reduces a run; `None` when it breaks no rule.
pub fn shrink(plan: &Plan, rules: &[Rule]) -> Option<Shrunk> {
    let report = plan.run(rules, false);
    let rule = rule_of(report.broken.as_ref()?);
    let best = Plan { steps: made(plan, &report), ..plan.clone() };
    let mut search = Search { best, rule, rules, effort_left: EFFORT, runs: 0 };
    while search.leave_out_faults() | search.leave_out_steps() | search.make_smaller() {}
    let report = search.best.run(rules, true);
    Some(Shrunk { plan: search.best, report, runs: search.runs })
}

/// Which rule words are about: their first words without names and numbers. Two breaches that begin alike count as one rule.
fn rule_of(words: &str) -> String {
    let is_plain = |word: &&str| word.len() > 1 && word.bytes().all(|letter| letter.is_ascii_lowercase());
    let words = words.split_whitespace().map(|word| word.trim_matches([',', ':', '.', ';']));
    words.filter(is_plain).take(4).collect::<Vec<_>>().join(" ")
}

/// The steps that were made before the rule broke.
fn made(plan: &Plan, report: &Report) -> Intervals {
    plan.steps.iter().take_while(|step| report.broken_at.is_none_or(|last| *step <= last)).collect()
}

struct Search<'a> {
    /// The shortest run so far that breaks the rule.
    best: Plan,
    rule: String,
    rules: &'a [Rule],
    effort_left: u64,
    runs: u32,
}

impl Search<'_> {
    /// Takes `candidate` if it breaks the same rule. True when it does.
    fn try_out(&mut self, candidate: Plan) -> bool {
        if self.effort_left == 0 || candidate == self.best {
            return false;
        }
        let report = candidate.run(self.rules, false);
        self.runs += 1;
        self.effort_left = self.effort_left.saturating_sub(EFFORT_OF_A_RUN + report.steps + report.rounds);
        let breaks = report.broken.as_ref().is_some_and(|words| rule_of(words) == self.rule);
        if breaks {
            self.best = Plan { steps: made(&candidate, &report), ..candidate };
        }
        breaks
    }

    fn leave_out_faults(&mut self) -> bool {
        let mut better = false;
        for (name, _) in Faults::ALL {
            let mut candidate = self.best.clone();
            better |= candidate.without.insert(name) && self.try_out(candidate);
        }
        better
    }

    fn leave_out_steps(&mut self) -> bool {
        let mut better = false;
        let mut chunk = self.best.steps.count().div_ceil(2);
        while chunk > 0 {
            // From the end: what comes late is seldom the cause of what comes before.
            let mut end = self.best.steps.count();
            while end > 0 {
                let steps = self.best.steps.iter().zip(0..);
                let rest = steps.filter(|(_, at)| *at + chunk < end || *at >= end).map(|(step, _)| step);
                let candidate = Plan { steps: rest.collect(), ..self.best.clone() };
                better |= self.try_out(candidate);
                end = end.saturating_sub(chunk).min(self.best.steps.count());
            }
            chunk /= 2;
        }
        better
    }

    fn make_smaller(&mut self) -> bool {
        let parts: [fn(&mut Size) -> &mut u32; 3] =
            [|size| &mut size.hosts, |size| &mut size.jobs, |size| &mut size.children];
        let mut better = false;
        for part in parts {
            let now = *part(&mut self.best.size.clone());
            for smaller in 1..now {
                let mut candidate = self.best.clone();
                *part(&mut candidate.size) = smaller;
                if self.try_out(candidate) {
                    better = true;
                    break;
                }
            }
        }
        better
    }
}

#[cfg(test)]
mod tests {
    use super::rule_of;

    #[test]
    fn a_rule_is_known_by_its_words_without_names_and_numbers() {
        let one = "pod team/job-1-00000005-1 is released, but attempt 1 of task 0 is not recorded";
        let other = "pod team/job-3-00000009-0-2 is released, but attempt 2 of task 4 is not recorded";
        assert_eq!(rule_of(one), "pod is released but");
        assert_eq!(rule_of(one), rule_of(other));
    }
}
