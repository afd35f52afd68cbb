//! Racing: candidates are compared on growing parts of the validation set, and dropped when clearly worse than others
//! (Maron and Moore 1994, "Hoeffding Races"; the paired test is that of Birattari et al. 2002, "A Racing Algorithm").
//!
//! Who is dropped follows from the losses of a whole round, so that it does not depend on who was evaluated first. Losses are
//! paired by part: parts are alike hard for all.

use super::algorithm::Candidate;
use super::attempt::Attempts;
use super::evaluator::Evaluation;
use super::parts::Parts;
use super::trial::{Trial, TrialState};
use super::workers::in_order;
use crate::catalog::LOSS;
use crate::config::{ObjectiveName, SearchConfig};
use crate::error::{Error, Result};
use crate::space::Architecture;

/// Parts of the validation set.
pub const PARTS: usize = 32;
/// Candidates are compared when they have seen so many; those that are left see all.
const ROUNDS: [usize; 3] = [4, 8, 16];
/// Student's t at one-sided 5 %, by degrees of freedom from 1 to 15 (any table).
const STUDENT: [f64; 15] =
    [6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753];

/// Asked before work is begun; an error where none is to be.
pub(super) type Stop<'a> = &'a (dyn Fn() -> Result<()> + Sync);

/// A race among the candidates of a generation.
pub(super) struct Race<'a> {
    pub attempts: Attempts<'a>,
    pub settings: &'a SearchConfig,
    pub workers: usize,
    /// See [`Algorithm::survivors`](super::algorithm::Algorithm::survivors).
    pub survivors: usize,
    pub parts: &'a mut Parts,
}

/// One that takes part.
struct Contender {
    trial: Trial,
    is_in: bool,
    /// Parts that its loss is of.
    seen: usize,
}

impl Contender {
    /// Without a loss.
    fn new(trial: Trial, is_in: bool) -> Self {
        Self { trial, is_in, seen: 0 }
    }
}

impl Race<'_> {
    /// The trials of `candidates`, complete, dropped, pruned or failed; `earlier` are complete trials, which they are compared
    /// with, too. A candidate is dropped when as many others as there are `survivors` cost no more and are clearly better: nothing
    /// would come of it. Those with a trial already race along as they did, for the others' sake. `stop` is asked before
    /// anything is begun; what was begun is kept.
    ///
    /// # Errors
    /// Those of `stop`; losses of parts that cannot be kept.
    pub fn run(
        &mut self,
        candidates: &[(Candidate, Option<Trial>)],
        earlier: &[Trial],
        stop: Stop,
    ) -> Result<Vec<Trial>> {
        if candidates.iter().all(|(_, trial)| trial.is_some()) {
            return Ok(Vec::new());
        }
        let mut contenders = self.start(candidates, stop)?;
        for (round, seen) in ROUNDS.into_iter().chain([PARTS]).enumerate() {
            self.evaluate(&mut contenders, seen, stop)?;
            if round == ROUNDS.len() {
                break;
            }
            let mut others: Vec<Contender> = earlier.iter().map(|trial| Contender::new(trial.clone(), true)).collect();
            self.evaluate(&mut others, seen, stop)?;
            let all = || contenders.iter().chain(&others).filter(|contender| contender.is_in);
            let is_dropped = |contender: &Contender| {
                let better = all().filter(|other| self.beats(&other.trial, &contender.trial, seen));
                contender.is_in && better.take(self.survivors).count() == self.survivors
            };
            let dropped: Vec<bool> = contenders.iter().map(is_dropped).collect();
            for (contender, _) in contenders.iter_mut().zip(dropped).filter(|(_, is_dropped)| *is_dropped) {
                contender.is_in = false;
                contender.trial.state = TrialState::Dropped;
                self.total(contender, seen);
            }
        }
        for contender in contenders.iter_mut().filter(|contender| contender.is_in) {
            contender.trial.state = TrialState::Complete;
            self.total(contender, PARTS);
        }
        self.expect(&mut contenders, earlier);
        Ok(contenders.into_iter().map(|contender| contender.trial).collect())
    }

    /// All at the start: those within the measured limit are in.
    fn start(&self, candidates: &[(Candidate, Option<Trial>)], stop: Stop) -> Result<Vec<Contender>> {
        let attempts = self.attempts;
        let start = |(candidate, logged): &(Candidate, Option<Trial>)| {
            if let Some(trial) = logged {
                // One that failed did so after it was measured, if it has to be: it was in until then, and fails again.
                let is_in = trial.state != TrialState::Pruned && attempts.was_measured(trial);
                return Ok(Contender::new(trial.clone(), is_in));
            }
            stop()?;
            let (mut trial, mut is_in) = (attempts.start(candidate), false);
            attempts.guarded(&mut trial, |trial| {
                is_in = attempts.measure(trial)?;
                Ok(())
            });
            Ok(Contender::new(trial, is_in))
        };
        let mut contenders = Vec::new();
        in_order(candidates, self.workers, start, |contender| {
            contenders.push(contender?);
            Ok(())
        })?;
        Ok(contenders)
    }

    /// Evaluates those that are in on the first `seen` parts, as far as that was not done; who fails is out.
    fn evaluate(&mut self, contenders: &mut [Contender], seen: usize, stop: Stop) -> Result<()> {
        let mut due: Vec<(usize, usize, Architecture)> = Vec::new();
        for (place, Contender { trial, is_in, .. }) in contenders.iter().enumerate() {
            let known = self.parts.of(&trial.architecture).len();
            if *is_in && known < seen {
                due.push((place, known, trial.architecture.clone()));
            }
        }
        let attempts = self.attempts;
        let work = |(place, known, architecture): &(usize, usize, Architecture)| {
            stop()?;
            let mut trial = Trial { error: None, ..contenders[*place].trial.clone() };
            let mut found = Vec::new();
            attempts.guarded(&mut trial, |_| {
                found = attempts.evaluator.evaluate_parts(architecture, *known..seen)?;
                match found.iter().find(|part| !part.loss.is_finite()) {
                    Some(part) => Err(Error::failure(format!("the loss is {}", part.loss))),
                    None => Ok(()),
                }
            });
            Ok((*place, trial, found))
        };
        let mut failed = Vec::new();
        in_order(&due, self.workers, work, |evaluated: Result<_>| {
            let (place, trial, found) = evaluated?;
            match trial.error {
                None => self.parts.add(&trial.architecture, found)?,
                Some(_) => failed.push((place, trial)),
            }
            Ok(())
        })?;
        for (place, trial) in failed {
            contenders[place] = Contender::new(trial, false);
        }
        Ok(())
    }

    /// Puts what the first `seen` parts came to into the contender's trial.
    fn total(&self, contender: &mut Contender, seen: usize) {
        contender.seen = seen;
        let trial = &mut contender.trial;
        let parts = &self.parts.of(&trial.architecture)[..seen];
        trial.loss = mean(parts, |part| Some(part.loss));
        trial.tokens = parts.iter().map(|part| part.tokens).sum();
        trial.seconds = parts.iter().map(|part| part.seconds).sum();
        let expected = mean(parts, |part| part.gflops_expected);
        trial.costs.extend(expected.map(|gflops| ("gflops_expected".to_owned(), gflops)));
    }

    /// Puts into the trials of dropped contenders what is to be expected of them on all parts, by those that are in and the
    /// `earlier` ones.
    fn expect(&self, contenders: &mut [Contender], earlier: &[Trial]) {
        for seen in ROUNDS {
            let is_in = contenders.iter().filter(|contender| contender.is_in).map(|contender| &contender.trial);
            let excess_of = |trial: &Trial| {
                let parts = self.parts.of(&trial.architecture).get(..seen)?;
                Some(trial.loss? - mean(parts, |part| Some(part.loss))?)
            };
            let all: Vec<f64> = is_in.chain(earlier).filter_map(excess_of).collect();
            if all.is_empty() {
                continue;
            }
            let excess = all.iter().sum::<f64>() / all.len() as f64;
            let is_dropped = |contender: &&mut Contender| contender.trial.state == TrialState::Dropped;
            for contender in contenders.iter_mut().filter(is_dropped).filter(|contender| contender.seen == seen) {
                contender.trial.loss_expected = contender.trial.loss.map(|loss| loss + excess);
            }
        }
    }

    /// Whether `a` costs no more than `b` by any other objective, and its loss is clearly lower on the first `seen` parts.
    fn beats(&self, a: &Trial, b: &Trial, seen: usize) -> bool {
        let costs_more = |objective: &ObjectiveName| match objective.as_str() {
            LOSS => false,
            cost => a.figure(cost) > b.figure(cost),
        };
        let [a_parts, b_parts] = [a, b].map(|trial| &self.parts.of(&trial.architecture)[..seen]);
        !self.settings.objectives.iter().any(costs_more) && is_clearly_lower(a_parts, b_parts)
    }
}

/// The mean of `figure` over the tokens of `parts`; none where one with tokens has no figure.
fn mean(parts: &[Evaluation], figure: impl Fn(&Evaluation) -> Option<f64>) -> Option<f64> {
    let of_tokens = |part: &Evaluation| Some(figure(part)? * part.tokens as f64);
    let sum: Option<f64> = parts.iter().filter(|part| part.tokens > 0).map(of_tokens).sum();
    Some(sum? / parts.iter().map(|part| part.tokens).sum::<u64>() as f64)
}

/// Whether the losses `a` are lower than `b`, by a paired t-test at 5 %; parts without a token count nothing.
fn is_clearly_lower(a: &[Evaluation], b: &[Evaluation]) -> bool {
    let differences: Vec<f64> = a.iter().zip(b).filter(|(a, _)| a.tokens > 0).map(|(a, b)| b.loss - a.loss).collect();
    let count = differences.len() as f64;
    if differences.len() < 2 {
        return false;
    }
    let mean = differences.iter().sum::<f64>() / count;
    let variance = differences.iter().map(|difference| (difference - mean).powi(2)).sum::<f64>() / (count - 1.0);
    mean > STUDENT[differences.len() - 2] * (variance / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_compared_part_by_part() {
        let parts = |losses: &[f64]| -> Vec<Evaluation> {
            let part = |&loss| Evaluation { loss, tokens: 10, gflops_expected: None, seconds: 0.0 };
            losses.iter().map(part).collect()
        };
        // Parts differ by far more than the two do. The differences' mean is 1.5, its standard error √(1/12): t is 5.2.
        let (a, b) = (parts(&[1.0, 90.0, 30.0, 200.0]), parts(&[2.0, 92.0, 31.0, 202.0]));
        assert!(is_clearly_lower(&a, &b) && !is_clearly_lower(&b, &a));
        // With three degrees of freedom t has to be more than 2.353.
        for (x, is_clear) in [(1.5, true), (3.0, false)] {
            let (a, b) = (parts(&[1.0; 4]), parts(&[1.0, 2.0, 2.0, 1.0 + x]));
            let d = [0.0, 1.0, 1.0, x];
            let mean = d.iter().sum::<f64>() / 4.0;
            let error = (d.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 12.0).sqrt();
            assert_eq!(mean / error > 2.353, is_clear, "{}", mean / error);
            assert_eq!(is_clearly_lower(&a, &b), is_clear);
        }
        // A part without a token tells nothing.
        let mut without = b.clone();
        without[3].loss = -1e9;
        let mut a = a.clone();
        a[3].tokens = 0;
        assert!(is_clearly_lower(&a, &without));
        assert!(!is_clearly_lower(&a[..1], &b[..1]), "one difference has no spread");
    }
}
